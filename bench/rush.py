"""`rush`: 5,500 clients within 5 s want 20 times, beside the same clients at an empty endpoint."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from typing import Any

import uvloop

from bench.citizens import a_new_key, wish
from bench.lean_http import Connection
from bench.measuring import Figure, Run, in_turns, median_rate, percentile_ms
from bench.office import times
from bench.stage import Stage

_CLIENTS = 5500
_SECONDS = 5.0
_SLOTS = 20
# A team with five desks: four times make twenty slots.
_SERVICE, _LANES = "commitment", 10
_NAMES = ("booking", "booking-2")
# What both could answer if clients came faster than 1,100 each second.
_PRESSING_CLIENTS = 64
_PRESSING_SECONDS = 3.0


def measure(stage: Stage) -> Figure:
    stage.clear()
    wanted = iter(times(stage.office))
    with ExitStack() as running:
        booking = [service.url for service in running.enter_context(stage.running(*_NAMES))]
        helpers = (running.enter_context(stage.helper("empty", name=f"empty-{name}")) for name in _NAMES)
        empty = [helper.url for helper in helpers]
        limit, runs = in_turns(
            limit=lambda _: uvloop.run(_limit(empty)),
            program=lambda: _rush(stage, booking, list(islice(wanted, _SLOTS // _LANES))),
            widths=[_CLIENTS],
        )
        most = [uvloop.run(_pressed(urls, wish(next(wanted), _SERVICE))) for urls in (empty, booking)]
    pressed = f"the empty endpoint answers {most[0]:,.0f}/s, booking {most[1]:,.0f}/s"
    return Figure(
        name="rush",
        unit="answers/s",
        value=median_rate(runs),
        limit=limit,
        target=0.5,
        p50_ms=percentile_ms(runs, 0.5),
        p99_ms=percentile_ms(runs, 0.99),
        within_ms=("p99", 1000),
        notes=(
            f"rush: {_CLIENTS / _SECONDS:,.0f} clients come each second, so neither side answers more",
            f"rush: pressed by {_PRESSING_CLIENTS} who ask again at once, {pressed}",
        ),
    )


async def _pressed(urls: Sequence[str], body: dict[str, Any]) -> float:
    """Answers per second to clients who ask again as soon as they are answered."""
    answers, started = 0, time.perf_counter()

    async def client(number: int) -> None:
        nonlocal answers
        async with Connection(urls[number % len(urls)]) as http:
            while time.perf_counter() - started < _PRESSING_SECONDS:
                await http.send("POST", "/v1/appointments", body, a_new_key())
                answers += 1

    await asyncio.gather(*(client(number) for number in range(_PRESSING_CLIENTS)))
    return answers / (time.perf_counter() - started)


def _rush(stage: Stage, urls: Sequence[str], slots: Sequence[datetime]) -> Run:
    run, statuses = uvloop.run(_arrive(urls, [wish(slot, _SERVICE) for slot in slots]))
    assert statuses == {201: _SLOTS, 409: _CLIENTS - _SLOTS}, statuses
    with stage.database() as client:
        winners = client["booking"]["appointments"].count_documents({"starts_at": {"$in": list(slots)}})
    assert winners == _SLOTS, winners
    return run


async def _limit(urls: Sequence[str]) -> float:
    run, _ = await _arrive(urls, [{}])
    return run.rate


async def _arrive(urls: Sequence[str], wishes: Sequence[dict[str, Any]]) -> tuple[Run, Counter[int]]:
    """Everybody on a connection of their own, evenly spread; each answer's time counts from the moment
    it was due to be asked, so that a queue at the client's side counts too."""
    statuses: Counter[int] = Counter()
    seconds: list[float] = []
    begin = time.perf_counter() + 0.5

    async def client(number: int) -> None:
        due = begin + _SECONDS * number / _CLIENTS
        await asyncio.sleep(due - time.perf_counter())
        async with Connection(urls[number % len(urls)]) as http:
            body = wishes[number // len(urls) % len(wishes)]
            answer = await http.send("POST", "/v1/appointments", body, a_new_key())
        seconds.append(time.perf_counter() - due)
        statuses[answer.status] += 1

    await asyncio.gather(*(client(number) for number in range(_CLIENTS)))
    return Run(_CLIENTS / (time.perf_counter() - begin), tuple(seconds)), statuses
