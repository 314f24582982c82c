"""`project`: a backlog of events that reporting turns into facts, beside taking the same messages alone."""

import asyncio
import time

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from bench.lives import lives
from bench.measuring import Figure, Run, in_turns, median_rate
from bench.stage import Stage
from deploy.local.stack import Service

_QUEUE = "reporting.appointments"
# Equal in kind and policy, and nobody listens to it here.
_LIMIT_QUEUE = "notification.appointments"
_APPOINTMENTS = 2000
_STEPS = 3
_PATIENCE_S = 120
_ACKNOWLEDGED_AT_ONCE = 50
# As reporting's.
_PREFETCH = 250


def measure(stage: Stage) -> Figure:
    stage.clear()
    with stage.running("reporting") as (reporting,):
        limit, runs = in_turns(
            limit=lambda prefetch: _drained(stage, prefetch),
            program=lambda: _applied(stage, reporting),
            widths=[_PREFETCH],
        )
    stage.clear()
    return Figure(name="project", unit="events/s", value=median_rate(runs), limit=limit, target=0.4)


def _backlog(stage: Stage) -> list[bytes]:
    """Held, requested, confirmed of so many appointments. All of one step before the next: so no batch can
    spare itself a write by taking only the newest of one appointment."""
    steps = [life.bodies("appointments") for life in lives(stage, _APPOINTMENTS)]
    return [bodies[step] for step in range(_STEPS) for bodies in steps]


def _applied(stage: Stage, reporting: Service) -> Run:
    """The service stands still while its queue is filled, so that nothing but its work is measured."""
    bodies = _backlog(stage)
    with stage.database() as client:
        facts = client["reporting"]["appointments"]
        for collection in client["reporting"].list_collection_names():
            client["reporting"][collection].delete_many({})
        reporting.freeze()
        try:
            stage.fill({_QUEUE: bodies})
            started = time.perf_counter()
        finally:
            reporting.thaw()
        while facts.count_documents({"sequence": _STEPS}) < _APPOINTMENTS:
            if time.perf_counter() - started > _PATIENCE_S:
                raise RuntimeError(f"not every event became a fact within {_PATIENCE_S} s")
            time.sleep(0.02)
    return Run(len(bodies) / (time.perf_counter() - started))


def _drained(stage: Stage, prefetch: int) -> float:
    bodies = _backlog(stage)
    stage.fill({_LIMIT_QUEUE: bodies})
    return uvloop.run(_limit(stage.amqp_url, len(bodies), prefetch))


async def _limit(url: str, number: int, prefetch: int) -> float:
    """Messages per second, each taken and acknowledged."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=prefetch)
        queue = await channel.get_queue(_LIMIT_QUEUE, ensure=False)
        finished, taken = asyncio.Event(), 0

        async def take(message: AbstractIncomingMessage) -> None:
            nonlocal taken
            taken += 1
            # One frame for many: an acknowledgement for each would make the limit lower than it is.
            if taken % _ACKNOWLEDGED_AT_ONCE == 0 or taken == number:
                await message.ack(multiple=True)
            if taken == number:
                finished.set()

        started = time.perf_counter()
        await queue.consume(take)
        await finished.wait()
        return number / (time.perf_counter() - started)
