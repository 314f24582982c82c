"""Today's list as a PDF in a folder, renewed every quarter of an hour: for the day when the network is down.

It holds names in the clear, so it is only made where a folder is set, readable by its owner alone, and each
renewal replaces the one before.
"""

import asyncio
import os
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from prometheus_client import Counter

from services.booking.commands import Day
from services.booking.domain.office import Office
from services.booking.printing import Listed, day_list
from shared.mongo import PyMongoError
from shared.observability import get_logger

log = get_logger()

PRINTED = Counter("day_lists_written_total", "Day lists written to the folder")


class DayLists:
    """One file per office, `<office>.pdf`. Any process may write it: each writes the whole file at once."""

    def __init__(self, day: Day, *, folder: Path | None, every: timedelta) -> None:
        self._day = day
        self._folder = folder
        self._every = every.total_seconds()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._folder:
            self._task = asyncio.create_task(self._keep_writing(self._folder))

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def write(self, folder: Path) -> None:
        for office in list(self._day.booking.offices.values()):
            pdf = await day_list(await self.listed(office), office, now=self._day.booking.clock.now())
            await asyncio.to_thread(_replace, folder / f"{office.id}.pdf", pdf)
            PRINTED.inc()

    async def listed(self, office: Office) -> list[Listed]:
        found = []
        for appointment in await self._day.list(office):
            person = await self._day.booking.person_of(appointment)
            found.append(Listed(appointment, person.family_name, person.access_needs))
        return found

    async def _keep_writing(self, folder: Path) -> None:
        while True:
            try:
                await self.write(folder)
            except (PyMongoError, OSError) as error:
                log.warning("day_list_not_written", error=type(error).__name__)
            except Exception as error:
                log.error("day_list_not_written", exc_info=error)
            await asyncio.sleep(self._every)


def _replace(path: Path, content: bytes) -> None:
    """At once: whoever opens it sees the old list or the new one, never half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(name).replace(path)
