"""`relay`: events that a dead process left in their documents, beside confirmed publishes of the same bodies."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import aio_pika
import uvloop
from pydantic import SecretStr

from bench.lives import Life, lives
from bench.measuring import Figure, Run, in_turns, median_rate
from bench.stage import Stage
from services.booking.settings import Settings
from services.booking.storage import ensure_indexes
from shared.contracts.event import CONTENT_TYPE
from shared.messaging import Publisher
from shared.mongo import DatabaseClock, Document, connect, database
from shared.outbox import Relay

_EVENTS = 5000
_LIMIT_SECONDS = 3.0


def measure(stage: Stage) -> Figure:
    stage.clear()
    waiting = lives(stage, _EVENTS)
    bodies = [entry["body"].encode() for life in waiting for entry in life.told[0]]
    limit, runs = in_turns(
        limit=lambda width: uvloop.run(_limit(stage.amqp_url, bodies, width)),
        program=lambda: uvloop.run(_relayed(stage, waiting)),
    )
    stage.clear()
    return Figure(name="relay", unit="events/s", value=median_rate(runs), limit=limit, target=0.5)


async def _relayed(stage: Stage, waiting: Sequence[Life]) -> Run:
    """From the relay's start until every event is confirmed and pulled."""
    settings = Settings(
        mongodb_uri=SecretStr(stage.stack.secret("booking_mongodb_uri")),
        amqp_url=SecretStr(stage.stack.secret("booking_amqp_url")),
        signing_keys=SecretStr(stage.stack.secret("booking_signing_keys")),
        contact_keys=SecretStr(stage.stack.secret("booking_contact_keys")),
        contact_public_keys=stage.stack.secret("booking_contact_public_keys"),
    )
    client = connect(settings)
    db = database(client, settings)
    await ensure_indexes(db)
    await db["appointments"].delete_many({})
    await db["appointments"].insert_many([_left_behind(life) for life in waiting])
    clock, publisher = DatabaseClock(client), Publisher(url=settings.amqp_url, name="bench")
    relay = Relay(publisher=publisher, collections=[db["appointments"], db["offices"], db["demand"]], clock=clock)
    await clock.start()
    started = time.perf_counter()
    await publisher.start()
    await relay.start()
    await stage.until_published()
    seconds = time.perf_counter() - started
    for part in (relay, publisher, clock):
        await part.stop()
    client.close()
    return Run(len(waiting) / seconds)


def _left_behind(life: Life) -> Document:
    """Old enough that the sweep takes it for a dead process's."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    return {**life.held, "outbox": [{**entry, "at": at} for entry in life.told[0]]}


async def _limit(url: str, bodies: Sequence[bytes], in_flight: int) -> float:
    """Confirmed publishes per second."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = aio_pika.Exchange(channel, "appointments")
        started, done = time.perf_counter(), 0

        async def publish() -> None:
            nonlocal done
            while time.perf_counter() - started < _LIMIT_SECONDS:
                body = bodies[done % len(bodies)]
                done += 1
                message = aio_pika.Message(
                    body,
                    content_type=CONTENT_TYPE,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    message_id=str(done),
                )
                await exchange.publish(message, "appointment.held.v1", mandatory=True)

        await asyncio.gather(*(publish() for _ in range(in_flight)))
        return done / (time.perf_counter() - started)
