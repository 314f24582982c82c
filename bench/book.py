"""`book`: whole bookings over HTTP until every event is published, beside the same writes and publishes alone."""

import asyncio
import time
from collections.abc import Sequence

import aio_pika
import uvloop
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase

from bench.citizens import Citizens
from bench.lean_http import Connection
from bench.lives import Life, lives
from bench.measuring import Figure, Run, in_turns, median_rate, percentile_ms
from bench.stage import BENCH_DATABASE, Stage
from services.booking.storage import ensure_indexes
from shared.contracts.event import CONTENT_TYPE
from shared.mongo import Document
from shared.outbox import Entry

# As in `rush`: one Python process alone leaves a core idle, which the drivers' threads of the limit do not.
_PROCESSES = ("booking", "booking-2")
_CLIENTS = 64
_SECONDS = 4.0
_LIMIT_SECONDS = 3.0
# More than any limit can write in its time.
_READY = 3000


def measure(stage: Stage) -> Figure:
    stage.clear()
    citizens, ready = Citizens(stage), lives(stage, _READY)
    with stage.running(*_PROCESSES) as services:
        urls = [service.url for service in services]
        uvloop.run(_bookings(stage, citizens, urls, seconds=1))
        limit, runs = in_turns(
            limit=lambda width: uvloop.run(_limit(stage, ready, width)),
            program=lambda: uvloop.run(_bookings(stage, citizens, urls, seconds=_SECONDS)),
        )
    return Figure(
        name="book",
        unit="bookings/s",
        value=median_rate(runs),
        limit=limit,
        target=0.5,
        p50_ms=percentile_ms(runs, 0.5),
        p99_ms=percentile_ms(runs, 0.99),
    )


async def _bookings(stage: Stage, citizens: Citizens, urls: Sequence[str], *, seconds: float) -> Run:
    answers: list[float] = []
    started = time.perf_counter()

    async def client(number: int) -> None:
        async with Connection(urls[number % len(urls)]) as http:
            while time.perf_counter() - started < seconds:
                answers.extend(await citizens.book(http))

    await asyncio.gather(*(client(number) for number in range(_CLIENTS)))
    await stage.until_published()
    return Run(len(answers) / 3 / (time.perf_counter() - started), tuple(answers))


async def _limit(stage: Stage, ready: list[Life], in_flight: int) -> float:
    """Bookings per second: each one's writes in order, its publishes at once, the pulls gathered meanwhile."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        stage.mongodb_uri, w="majority", journal=True, maxPoolSize=64
    )
    for name in ("appointments", "keys"):
        await client[BENCH_DATABASE][name].delete_many({})
    await ensure_indexes(client[BENCH_DATABASE])
    async with await aio_pika.connect(stage.amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        rate = await _replay(ready, client[BENCH_DATABASE], channel, in_flight)
    client.close()
    return rate


async def _replay(
    ready: list[Life],
    database: AsyncIOMotorDatabase[Document],
    channel: aio_pika.abc.AbstractChannel,
    in_flight: int,
) -> float:
    appointments, keys = database["appointments"], database["keys"]
    exchanges = {name: aio_pika.Exchange(channel, name) for name in ("appointments", "contacts")}
    confirmed: dict[str, list[str]] = {}
    publishing: set[asyncio.Task[None]] = set()
    left, done = iter(ready), 0
    started = time.perf_counter()

    async def publish(id: str, entry: Entry) -> None:
        message = aio_pika.Message(
            entry["body"].encode(),
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=entry["id"],
        )
        await exchanges[entry["exchange"]].publish(message, entry["type"], mandatory=True)
        confirmed.setdefault(id, []).append(entry["id"])

    def tell(id: str, entries: list[Entry]) -> None:
        for entry in entries:
            task = asyncio.create_task(publish(id, entry))
            publishing.add(task)
            task.add_done_callback(publishing.discard)

    async def book() -> None:
        nonlocal done
        for life in left:
            if time.perf_counter() - started > _LIMIT_SECONDS:
                return
            await keys.insert_one(life.key)
            await appointments.insert_one(life.held)
            tell(life.id, life.told[0])
            for (guard, update), told in zip(life.updates, life.told[1:], strict=True):
                await appointments.update_one(guard, update)
                tell(life.id, told)
            done += 1

    writing = asyncio.gather(*(book() for _ in range(in_flight)))
    while not writing.done() or publishing or confirmed:
        await _pull(appointments, confirmed)
    await writing
    return done / (time.perf_counter() - started)


async def _pull(appointments: AsyncIOMotorCollection[Document], confirmed: dict[str, list[str]]) -> None:
    documents, events = list(confirmed), [event for events in confirmed.values() for event in events]
    confirmed.clear()
    if not documents:
        await asyncio.sleep(0.001)
        return
    await appointments.update_many({"_id": {"$in": documents}}, {"$pull": {"outbox": {"id": {"$in": events}}}})
