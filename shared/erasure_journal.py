"""The journal of erasures: one line for each, when and of which appointment, no person. It is in no backup.

Booking appends to it before a key is destroyed, so no erasure is missing; one may stand there twice.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.setup import Trouble

_BEGINNING = '{"at": '


@dataclass(frozen=True, slots=True)
class Erasure:
    appointment: str
    at: datetime


def begin(path: Path, at: datetime) -> None:
    """Where there is none; so a restore can tell a new journal from one that knows all. Raises OSError."""
    if not path.exists():
        _append(path, {"at": at.isoformat(), "begun": True})


def began(path: Path) -> datetime | None:
    """When its first line was written; None where it has none, or is not there."""
    if not path.exists():
        return None
    first = next(filter(None, path.read_text().splitlines()), "")
    return datetime.fromisoformat(json.loads(first)["at"]) if first.endswith("}") else None


def note(path: Path, erasure: Erasure) -> None:
    """Returns when it is on the disk. Raises OSError. Several processes may write to one journal."""
    _append(path, {"at": erasure.at.isoformat(), "appointment": erasure.appointment})


def _append(path: Path, said: dict[str, str | bool]) -> None:
    # A line of its own, even behind one that broke off.
    line = f"\n{json.dumps(said)}\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(paths: Iterable[Path]) -> Iterator[Erasure]:
    """All of them. A line that broke off counts as not written: its key was not destroyed then. Raises Trouble."""
    for path in paths:
        try:
            lines = path.read_text().splitlines()
        except OSError as error:
            raise Trouble(f"The journal {path} cannot be read: {error.strerror}.") from error
        for number, line in enumerate(lines, 1):
            if line and not line.startswith(_BEGINNING):
                raise Trouble(f"Line {number} of {path} is no erasure.")
            with suppress(ValueError, KeyError, TypeError):
                said = json.loads(line)
                yield Erasure(said["appointment"], datetime.fromisoformat(said["at"]))
