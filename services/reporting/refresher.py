"""Turns facts into figures: whatever a changed fact made dirty is computed again, whole.

The order makes a crash anywhere harmless: read marks, then facts, write figures, add up their days, then drop
those marks whose fact has not changed since. A crash before the last step only repeats the work.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import UTC, datetime, tzinfo

from prometheus_client import Counter, Gauge, Histogram

from services.reporting.domain import Tally
from services.reporting.storage import Facts, Figures, Lease, LeaseLost, Mark
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import PyMongoError, is_away
from shared.observability import get_logger

log = get_logger()

DIRTY = Gauge("reporting_dirty_buckets", "Buckets whose figures wait to be computed, as last looked at")
LAG = Gauge("reporting_figures_lag_seconds", "Age of the oldest change that the figures do not show yet")
REFRESHED = Counter("reporting_buckets_refreshed_total", "Buckets computed from the facts")
DURATION = Histogram("reporting_refresh_seconds", "Time to compute the dirty buckets of one pass")

_FACTS_PER_PASS = 5000
_BUCKETS_PER_WRITE = 200
# Facts that other processes of this service took wake nobody here.
_IDLE_S = 1.0
# A flood of events is not to be slowed by its own figures: as long as it lasts, refreshing takes a tenth of the
# time, and what the flood brought shows a moment after it ends.
_PAUSE_PER_WORK = 9
_SHORTEST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0


class Refresher:
    def __init__(
        self, *, facts: Facts, figures: Figures, lease: Lease, zone: tzinfo, changed: asyncio.Event
    ) -> None:
        self._facts = facts
        self._figures = figures
        self._lease = lease
        self._zone = zone
        self._changed = changed
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_refreshing())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(PyMongoError):
            await self._lease.release()

    async def refresh(self) -> int | None:
        """One pass: the number of buckets that were computed, None where another process holds the lease."""
        if await self._lease.acquire() is None:
            return None
        marks = await self._facts.dirty(limit=_FACTS_PER_PASS)
        keys = sorted({key for mark in marks for key in mark.buckets})
        _measure(keys, marks)
        if not keys:
            return 0
        crash_point(CrashPoint.REPORTING_AFTER_MARKS)
        with DURATION.time():
            for start in range(0, len(keys), _BUCKETS_PER_WRITE):
                await self._compute(keys[start : start + _BUCKETS_PER_WRITE])
            await self._figures.add_up(keys, fence=await self._fence())
            crash_point(CrashPoint.REPORTING_AFTER_FIGURES)
            await self._facts.clear(marks)
            crash_point(CrashPoint.REPORTING_AFTER_CLEAR)
        REFRESHED.inc(len(keys))
        return len(keys)

    async def compute_all(self) -> AsyncIterator[int]:
        """Every bucket once, whatever is marked; yields after each part how many it had.

        By marks a bucket would be computed as often as there are passes with one of its facts, and facts that are
        told anew come in no order. Only for figures that nobody reads yet: after a crash the rest has neither
        figures nor marks.
        """
        # One that died over this may hold it yet.
        while await self._lease.acquire() is None:  # noqa: ASYNC110 (it is in the database)
            await asyncio.sleep(_IDLE_S)
        await self._facts.clear_all()
        async for keys in self._facts.keys(at_once=_BUCKETS_PER_WRITE):
            await self._compute(keys)
            await self._figures.add_up(keys, fence=await self._fence())
            yield len(keys)

    async def _compute(self, keys: list[str]) -> None:
        fence = await self._fence()
        tallies = {key: Tally() for key in keys}
        async for fact in self._facts.touching(keys):
            for entry in fact.entries(self._zone):
                if entry.key in tallies:
                    tallies[entry.key].add(entry)
        await self._figures.write(tallies, fence=fence)

    async def _fence(self) -> int:
        """Taken before facts or figures are read, so that a higher fence always means newer ones."""
        fence = await self._lease.acquire()
        if fence is None:
            raise LeaseLost
        return fence

    async def _keep_refreshing(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            self._changed.clear()
            refreshed: int | None = None
            try:
                refreshed = await self.refresh()
            except LeaseLost:
                log.info("refresh_left_to_another")
            except Exception as error:
                # The marks stay, so nothing is lost; without this loop no figure would ever change again.
                if is_away(error):
                    log.warning("refresh_waits_for_mongodb", error=type(error).__name__)
                else:
                    log.error("refresh_failed", exc_info=error)
            await self._pause(refreshed, clock() - started)

    async def _pause(self, refreshed: int | None, duration: float) -> None:
        if refreshed == 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _IDLE_S)
        elif refreshed is None:
            await asyncio.sleep(_IDLE_S)
        else:
            await self._pause_while_facts_come(min(_PAUSE_PER_WORK * duration, _LONGEST_PAUSE_S))

    async def _pause_while_facts_come(self, longest: float) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + longest
        while True:
            self._changed.clear()
            await asyncio.sleep(_SHORTEST_PAUSE_S)
            if not self._changed.is_set() or clock() >= until:
                return


def _measure(keys: list[str], marks: Iterable[Mark]) -> None:
    DIRTY.set(len(keys))
    oldest = min((mark.since for mark in marks), default=None)
    LAG.set(max(0.0, (datetime.now(UTC) - oldest).total_seconds()) if oldest else 0.0)
