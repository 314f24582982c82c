"""The day's figures while it goes on, as server-sent events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from services.reporting.reports import Reports
from services.reporting.storage import Query, Today
from services.reporting.words import Words
from shared.mongo import DATABASE_DOWN, DatabaseClock

# However many look, each office is asked about so often at most.
_FRESH_S = 2.0
_BEAT_S = 15.0
MOST_READERS = 200


@dataclass(frozen=True, slots=True)
class Now:
    arrivals: int
    due: int
    waiting: int
    served: int
    next_free: date | None
    at: datetime

    def texts(self, words: Words) -> dict[str, str]:
        numbers = {
            "arrivals_today": self.arrivals,
            "due_today": self.due,
            "waiting_now": self.waiting,
            "served_now": self.served,
        }
        return {
            **{name: words.number(number) for name, number in numbers.items()},
            "next_free": f"{words.weekday(self.next_free)} {words.day(self.next_free)}" if self.next_free else "–",
        }


class Live:
    def __init__(self, *, reports: Reports, today: Today, clock: DatabaseClock, zone: tzinfo) -> None:
        self._reports = reports
        self._today = today
        self._clock = clock
        self._zone = zone
        self._kept: dict[str | None, tuple[float, Now]] = {}
        self.readers = 0

    async def now(self, office: str | None) -> Now:
        """Of one office, or of all."""
        kept = self._kept.get(office)
        if kept is None or time.monotonic() - kept[0] > _FRESH_S:
            kept = self._kept[office] = (time.monotonic(), await self._ask(office))
        return kept[1]

    async def _ask(self, office: str | None) -> Now:
        at = self._clock.now().astimezone(self._zone)
        day = at.date()
        query = Query(since=day, until=day + timedelta(days=1), office=office)
        (row,) = await self._reports.rows(query)
        names = [office] if office is not None else [known.id for known in await self._reports.offices()]
        moments = [await self._today.moment(name, day=day) for name in names]
        return Now(
            arrivals=int(row.values["arrivals"] or 0),
            due=int(row.values["due"] or 0),
            waiting=sum(moment.waiting for moment in moments),
            served=sum(moment.served for moment in moments),
            next_free=min((m.next_free for m in moments if m.next_free), default=None),
            at=at,
        )

    async def events(self, office: str | None, words: Words, *, over: Callable[[], bool]) -> AsyncIterator[str]:
        """An event whenever something changed, until `over`; now and then a comment, so that it stays open."""
        self.readers += 1
        told, spoke = "", time.monotonic()
        try:
            yield "retry: 3000\n\n"
            while not over():
                fresh = await self._told(office, words)
                if fresh and fresh != told:
                    told, spoke = fresh, time.monotonic()
                    yield f"data: {fresh}\n\n"
                elif time.monotonic() - spoke > _BEAT_S:
                    spoke = time.monotonic()
                    yield ":\n\n"
                await asyncio.sleep(1)
        finally:
            self.readers -= 1

    async def _told(self, office: str | None, words: Words) -> str:
        try:
            now = await self.now(office)
        except DATABASE_DOWN:
            return ""
        return json.dumps(now.texts(words), ensure_ascii=False)
