"""Everybody wants the same few times in the same seconds."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from bench.lean_http import Answer, Connection
from services.booking.domain.cells import cells_of
from tests.builders import an_office
from tests.prove.faults import probe
from tests.prove.history import Action, Outcome
from tests.prove.probes.client import Person, a_key, outcome_of, wish
from tests.prove.world import World

# A small team, and the last times of the horizon: few others look there.
_SERVICE, _TEAM, _VISIT = "commitment", "caseworkers", timedelta(minutes=20)
_LANES = an_office().web_lanes(_TEAM)
_TIMES = 4
_CLIENTS, _SECONDS = 2000, 4.0
_BOTS_PERCENT, _BOT_ASKS = 20, 3
_CONNECTIONS = 200
# A hold ends after a minute here, and what it held may go to somebody else: on a machine that is too slow for the
# rush there may be more winners than desks.
_HELD_S = 50.0
_PATIENCE_S = 10.0
_REPEATS = 6
_ALLOWED = {201, 409, 429, 503}
_PROCESSES = ("booking", "booking-2")
# Everything that a request can end with when nobody can say what became of it.
_UNCLEAR = (OSError, TimeoutError, asyncio.IncompleteReadError)

DeskTime = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class _Wish:
    """One key's wish and what it was told at last; `id` is the appointment's, where it won."""

    key: str
    wanted: str
    process: str
    bot: bool
    outcome: Outcome = Outcome.UNKNOWN
    id: str | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """`again` are the winners' wishes, asked once more; `seconds` how long each client waited for each answer."""

    wishes: list[_Wish]
    again: list[_Wish]
    seconds: list[float]
    took: float
    statuses: Counter[int]


@probe(39, "a rush of thousands for a few times", expected="as many win as there are desks, all others are told")
def rush(world: World, chance: Random) -> str:
    """Seen to fail without the unique index: more were told that they have a desk than there are."""
    with Person(world, chance) as person:
        times = _wanted(world, person.free_times(_SERVICE), chance)
    used = {operation.key for operation in world.history.operations}
    plans = [[wish for wish in _plan(times, chance) if wish.key not in used] for _ in range(_CLIENTS)]
    told = asyncio.run(_come(world, plans))
    won = [wish for wish in told.wishes if wish.id]

    assert set(told.statuses) <= _ALLOWED, f"answered {dict(told.statuses)}"
    unclear = sum(wish.outcome is Outcome.UNKNOWN for wish in told.wishes)
    assert not unclear, f"{unclear} never learned what became of their wish"
    assert [wish.id for wish in told.again] == [wish.id for wish in won], "a repeated wish got another answer"
    _assert_stored(world, told.wishes)
    taken = _owners(world, times)
    refused = [desk for desk in _desk_times(times) if desk not in taken and not _was_others(world, desk)]
    assert not refused, f"refused, although nobody had {refused}"
    mine = sum(id in {wish.id for wish in won} for id in taken.values())
    ran_out = told.took >= _HELD_S
    assert ran_out or mine == len(won), f"{len(won)} were told that they have a desk, {mine} have one"

    bots = sum(wish.bot for wish in won)
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(told.statuses.items()))
    return (
        f"{_CLIENTS} clients in {_SECONDS:.0f} s, {len(told.wishes)} wishes for {_TIMES} times at {len(_LANES)} "
        f"desks: {len(won)} won ({bots} of them bots), {len(taken) - mine} went to others; {answers}; "
        f"99 % waited less than {_p99(told.seconds):.1f} s{', holds ran out meanwhile' if ran_out else ''}"
    )


def _p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


def _wanted(world: World, free: Sequence[str], chance: Random) -> list[str]:
    """Times that do not overlap, of the later half those with the most free desks."""
    late = [start for start in free[len(free) // 2 :] if datetime.fromisoformat(start).minute % 20 == 0]
    taken = Counter(start for _, start in _owners(world, late))
    shuffled = chance.sample(late, k=len(late))
    return sorted(sorted(shuffled, key=lambda start: taken[datetime.fromisoformat(start)])[:_TIMES])


async def _come(world: World, plans: Sequence[Sequence[_Wish]]) -> _Told:
    """At an open rate: the next client comes whether or not the last one was answered. Winners ask once more."""
    doors = _Doors(world)
    begin, seconds = time.perf_counter(), list[float]()

    async def client(number: int) -> list[_Wish]:
        await asyncio.sleep(begin + number * _SECONDS / _CLIENTS - time.perf_counter())
        told: list[_Wish] = []
        for wanted in plans[number]:
            started = time.perf_counter()
            told.append(await doors.ask(wanted))
            seconds.append(time.perf_counter() - started)
            if told[-1].id:
                break
        return told

    wishes = [wish for told in await asyncio.gather(*map(client, range(len(plans)))) for wish in told]
    again = await asyncio.gather(*(doors.ask(wish) for wish in wishes if wish.id))
    await doors.close()
    return _Told(wishes, list(again), seconds, time.perf_counter() - begin, doors.statuses)


def _plan(times: Sequence[str], chance: Random) -> Iterator[_Wish]:
    """What one client asks for until something is granted: a bot asks again at once, for whatever there is."""
    bot = chance.randrange(100) < _BOTS_PERCENT
    for _ in range(_BOT_ASKS if bot else 1):
        yield _Wish(a_key(chance), chance.choice(times), chance.choice(_PROCESSES), bot)


class _Doors:
    """Kept connections to every process of booking; `statuses` counts all answers."""

    def __init__(self, world: World) -> None:
        self.statuses: Counter[int] = Counter()
        self._world = world
        self._idle: dict[str, list[Connection]] = defaultdict(list)
        self._room = asyncio.Semaphore(_CONNECTIONS)

    async def close(self) -> None:
        for connection in (one for idle in self._idle.values() for one in idle):
            await connection.__aexit__()

    async def ask(self, wanted: _Wish) -> _Wish:
        """Under the same key again while nobody can say what became of it, or is too busy to."""
        told = wanted
        for attempt in range(_REPEATS):
            told = await self._once(wanted)
            if told.outcome is not Outcome.UNKNOWN:
                break
            await asyncio.sleep(0.2 * 2**attempt)
        return told

    async def _once(self, wanted: _Wish) -> _Wish:
        history = self._world.history
        operation = history.invoke(
            Action.HOLD, key=wanted.key, wish=wanted.wanted, process=wanted.process, appointment=None
        )
        try:
            answer = await self._send(wanted)
        except _UNCLEAR:
            history.end(operation, Outcome.UNKNOWN)
            return wanted
        self.statuses[answer.status] += 1
        outcome = outcome_of(answer.status)
        id = answer.json()["id"] if outcome is Outcome.OK else None
        history.end(operation, outcome, status=answer.status, appointment=id)
        return replace(wanted, outcome=outcome, id=id)

    async def _send(self, wanted: _Wish) -> Answer:
        body, headers = wish(wanted.wanted, service=_SERVICE), {"Idempotency-Key": wanted.key}
        idle = self._idle[wanted.process]
        async with self._room, asyncio.timeout(_PATIENCE_S):
            connection = idle.pop(0) if idle else await Connection(self._url(wanted.process)).__aenter__()
            try:
                answer = await connection.send("POST", "/v1/appointments", body, headers)
            except BaseException:
                await connection.__aexit__()
                raise
        idle.append(connection)
        return answer

    def _url(self, process: str) -> str:
        return self._world.service(process).url


def _assert_stored(world: World, wishes: Sequence[_Wish]) -> None:
    """Exactly those who were told so have an appointment."""
    ids = [world.keys.appointment_id(wish.key) for wish in wishes]
    with world.auditor() as client:
        stored = set(client["booking"]["appointments"].distinct("_id", {"_id": {"$in": ids}}))
    won = {wish.id for wish in wishes if wish.id}
    assert stored == won, f"{len(won)} won, {len(stored)} are stored, {len(stored & won)} of them both"


def _desk_times(times: Sequence[str]) -> list[DeskTime]:
    return [(lane, datetime.fromisoformat(start).astimezone(UTC)) for start in times for lane in _LANES]


def _cells(desk: DeskTime) -> tuple[str, ...]:
    lane, start = desk
    return cells_of(team=_TEAM, lane=lane, starts_at=start, ends_at=start + _VISIT)


def _owners(world: World, times: Sequence[str]) -> dict[DeskTime, str]:
    """Whose appointment holds a part of each desk's time, where anybody's does."""
    desks = {cell: desk for desk in _desk_times(times) for cell in _cells(desk)}
    with world.auditor() as client:
        found = client["booking"]["appointments"].find({"cells": {"$in": list(desks)}}, {"cells": 1})
        return {desks[cell]: held["_id"] for held in found for cell in held["cells"] if cell in desks}


def _was_others(world: World, desk: DeskTime) -> bool:
    """Whether an appointment has had this desk's time and given it back meanwhile."""
    lane, start = desk
    there = {"team": _TEAM, "lane": lane, "starts_at": {"$lt": start + _VISIT}, "ends_at": {"$gt": start}}
    with world.auditor() as client:
        return client["booking"]["appointments"].count_documents(there) > 0
