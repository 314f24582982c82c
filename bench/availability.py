"""`availability`: free times of 56 days while 50 people book each second, beside an endpoint with equal bytes.

Both are asked at the same process under the same bookings: what differs is the work for the answer, and no more.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import uvloop

from bench import equal, stored
from bench.citizens import Citizens
from bench.lean_http import Connection
from bench.lives import lives
from bench.measuring import Figure, Run, in_turns, median_rate, percentile_ms
from bench.office import OFFICE, SERVICE
from bench.stage import Stage

_STORED = 1000
_MOST_TIMES_SLOWER = 1.2
_BOOKINGS_PER_SECOND = 50
_BOOKERS = 32
CLIENTS = 16
_SECONDS = 4.0
_PATH = f"/v1/offices/{OFFICE}/availability?service={SERVICE}&persons=1"


def measure(stage: Stage) -> Figure:
    _store_few(stage)
    return _measured(stage, name="availability", stored=_STORED)


def measure_large(stage: Stage) -> Figure:
    """Both sizes, one after the other: what else slows the machine should meet both."""
    _store_few(stage)
    small = _measured(stage, name="availability", stored=_STORED)
    stage.clear()
    coming = stored.fill(stage)
    large = _measured(stage, name="availability_large", stored=stored.STORED)
    stored.drop(stage)
    peak = stage.peaks.pop("booking") / 1024
    note = f"availability_large: {stored.OFFICES} offices, {coming:,} appointments to come, {peak:.0f} MiB"
    times_slower = small.value / large.value
    return replace(large, notes=(*large.notes, note), times_slower=(times_slower, _MOST_TIMES_SLOWER))


def _store_few(stage: Stage) -> None:
    stage.clear()
    with stage.database() as client:
        client["booking"]["appointments"].insert_many([life.confirmed for life in lives(stage, _STORED)])


def _measured(stage: Stage, *, name: str, stored: int) -> Figure:
    with stage.running("booking", module="bench.equal") as (booking,):
        size = uvloop.run(prepare(booking.url, _PATH))
        visit = Visit(booking.url, Citizens(stage))
        limit, runs = in_turns(
            limit=lambda _: uvloop.run(visit.ask(equal.PATH)).rate,
            program=lambda: uvloop.run(visit.ask(_PATH)),
            # As many as in the program: more of them would leave the bookings less.
            widths=[CLIENTS],
        )
    pace = f"{min(visit.booked):.0f} to {max(visit.booked):.0f} bookings/s meanwhile"
    return Figure(
        name=name,
        unit="requests/s",
        value=median_rate(runs),
        limit=limit,
        target=0.6,
        p50_ms=percentile_ms(runs, 0.5),
        p99_ms=percentile_ms(runs, 0.99),
        notes=(f"{name}: {stored:,} stored appointments, answers of {size:,} bytes, {pace}",),
    )


async def prepare(url: str, path: str) -> int:
    """Hands the answer at `path` to the endpoint that shall give equal bytes; their number."""
    async with Connection(url) as http:
        answer = await http.send("GET", path)
        assert answer.status == 200, answer.body
        await http.send("PUT", equal.PATH, answer.body)
    return len(answer.body)


@dataclass(slots=True)
class Visit:
    """Asks while others book; `booked` are the bookings per second of each time."""

    url: str
    citizens: Citizens
    booked: list[float] = field(default_factory=list)

    async def ask(self, path: str) -> Run:
        seconds: list[float] = []
        started = time.perf_counter()

        async def client() -> None:
            async with Connection(self.url) as http:
                while (asked := time.perf_counter()) - started < _SECONDS:
                    answer = await http.send("GET", path)
                    assert answer.status == 200, answer.body
                    seconds.append(time.perf_counter() - asked)

        async with _bookings_going_on(self.citizens, self.url) as bookings:
            await asyncio.gather(*(client() for _ in range(CLIENTS)))
            took = time.perf_counter() - started
        self.booked.append(bookings.number / took)
        return Run(len(seconds) / took, tuple(seconds))


@dataclass(slots=True)
class _Bookings:
    due: float
    number: int = 0


@asynccontextmanager
async def _bookings_going_on(citizens: Citizens, url: str) -> AsyncIterator[_Bookings]:
    """Begins one every 20 ms, or as soon as the service keeps up again; nothing piles up."""
    bookings = _Bookings(due=time.perf_counter())

    async def book() -> None:
        async with Connection(url) as http:
            while True:
                bookings.due = max(bookings.due + 1 / _BOOKINGS_PER_SECOND, time.perf_counter())
                await asyncio.sleep(bookings.due - time.perf_counter())
                await citizens.book(http)
                bookings.number += 1

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(book()) for _ in range(_BOOKERS)]
        yield bookings
        for task in running:
            task.cancel()
