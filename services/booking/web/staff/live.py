"""Whether anything of an office's day has changed: one cheap look at a time, however many pages watch."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from services.booking.commands import Day
from services.booking.domain.office import Office
from services.booking.storage import DayBook

# The look of one watcher is everybody's for so long.
_LOOK_EVERY_S = 0.5
# Below the longest time of an answer; the browser asks again by itself, and nothing that happens between is lost.
_LONGEST_S = 7.0
_AGAIN_MS = 300


@dataclass(slots=True)
class _Seen:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float = float("-inf")
    mark: str = ""


@dataclass(slots=True)
class Live:
    """Marks of an office's day: equal as long as a page that was made from it is still right."""

    day: Day
    book: DayBook
    _seen: dict[str, _Seen] = field(default_factory=dict)

    async def mark(self, office: Office) -> str:
        seen = self._seen.setdefault(office.id, _Seen())
        async with seen.lock:
            if time.monotonic() - seen.at >= _LOOK_EVERY_S:
                seen.mark = await self._look(office)
                seen.at = time.monotonic()
        return seen.mark

    async def events(self, office: Office, *, known: str | None) -> AsyncIterator[str]:
        """As server-sent events: one where the day is not as in `known`, then one for each change."""
        yield f"retry: {_AGAIN_MS}\n\n"
        ends_at = time.monotonic() + _LONGEST_S
        while time.monotonic() < ends_at:
            mark = await self.mark(office)
            if mark != known:
                known = mark
                yield f"id: {mark}\nevent: changed\ndata: {mark}\n\n"
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self, office: Office) -> str:
        span = self.day.span(office)
        versions = await self.day.booking.appointments.versions(office.id, *span)
        pauses = await self.book.all_pauses(office.id, day=span)
        state = repr((office.version, span[0], versions, pauses))
        return hashlib.sha256(state.encode()).hexdigest()[:16]
