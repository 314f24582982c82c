"""Text messages into a file, for development."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from services.notification.channels import Taken, TemporaryFailure


class FileProvider:
    """Appends each message as one JSON line `{at, to, text, reference}`."""

    def __init__(self, path: Path, *, name: str = "file") -> None:
        self.name = name
        self._path = path

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        line = {"at": datetime.now(UTC).isoformat(), "to": to, "text": text, "reference": reference}
        try:
            await asyncio.to_thread(self._append, json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise TemporaryFailure(type(error).__name__) from error
        return Taken(self.name, reference)

    async def close(self) -> None:
        """Each line opens the file anew."""

    def _append(self, line: bytes) -> None:
        # One write in append mode: lines of several processes do not mix.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)
