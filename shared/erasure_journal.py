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


def note(path: Path, erasure: Erasure) -> None:
    """Returns when it is on the disk. Raises OSError. Several processes may write to one journal."""
    said = {"at": erasure.at.isoformat(), "appointment": erasure.appointment}
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
