"""From an outbox to a handler and to parking, on real servers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from pydantic import SecretStr

from services.booking.storage import to_state
from shared.contracts import AppointmentHeld, new_event
from shared.messaging import Consumers, DependencyDown, Handlers, Publisher, Unroutable
from shared.mongo import Collection, DatabaseClock, connect
from shared.outbox import Relay, ensure_outbox_index, outbox_entry
from shared.parking import browse
from shared.settings import CommonSettings
from tests.builders import a_hold
from tests.integration.messaging.conftest import Servers

pytestmark = pytest.mark.anyio
QUEUE = "reporting.appointments"


def an_event() -> AppointmentHeld:
    held = a_hold()
    return new_event(AppointmentHeld, subject=held.id, sequence=1, data=to_state(held), time=datetime.now(UTC))


async def until(look: Callable[[], Awaitable[bool] | bool], *, within: float = 20) -> None:
    async with asyncio.timeout(within):
        while True:
            found = look()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def publisher_of(servers: Servers, user: str) -> AsyncIterator[Publisher]:
    publisher = Publisher(url=SecretStr(servers.secret(f"{user}_amqp_url")), name=f"test {user}")
    await publisher.start()
    try:
        await publisher.wait_until_connected(within=timedelta(seconds=30))
        yield publisher
    finally:
        await publisher.stop()


@dataclass
class Hearing:
    """A consumer whose handler does what `answer` says."""

    answer: Callable[[int], Exception | None] = lambda _: None
    heard: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def on(self, servers: Servers) -> AsyncIterator[None]:
        on = Handlers()

        @on(QUEUE, AppointmentHeld)
        async def hear(event: AppointmentHeld) -> None:
            self.heard.append(event.id)
            if error := self.answer(len(self.heard)):
                raise error

        async with publisher_of(servers, "reporting") as publisher:
            url = SecretStr(servers.secret("reporting_amqp_url"))
            consumers = Consumers(url=url, publisher=publisher, handlers=on)
            await consumers.start()
            try:
                yield
            finally:
                await consumers.stop()


async def tell(servers: Servers, *events: AppointmentHeld) -> None:
    async with publisher_of(servers, "booking") as publisher:
        for event in events:
            await publisher.publish(
                exchange="appointments", routing_key=event.type, body=event.body(), message_id=event.id
            )


async def test_a_told_event_is_heard_once(real_servers: Servers) -> None:
    hearing, event = Hearing(), an_event()

    async with hearing.on(real_servers):
        await tell(real_servers, event)
        await until(lambda: event.id in hearing.heard)

    assert hearing.heard.count(event.id) == 1


async def test_a_failing_handler_is_retried_by_the_first_rung(real_servers: Servers) -> None:
    hearing = Hearing(answer=lambda time: ValueError("first time") if time == 1 else None)
    event = an_event()

    async with hearing.on(real_servers):
        await tell(real_servers, event)
        started = asyncio.get_running_loop().time()
        await until(lambda: len(hearing.heard) == 2)
        waited = asyncio.get_running_loop().time() - started

    assert hearing.heard == [event.id, event.id]
    assert waited > 4


async def test_a_dependency_that_is_down_pauses_without_counting(real_servers: Servers) -> None:
    hearing = Hearing(answer=lambda time: DependencyDown() if time <= 3 else None)
    event = an_event()

    async with hearing.on(real_servers):
        await tell(real_servers, event)
        await until(lambda: len(hearing.heard) == 4)

    assert set(hearing.heard) == {event.id}


async def test_after_the_last_rung_a_message_is_parked_with_its_error(real_servers: Servers) -> None:
    hearing, event = Hearing(answer=lambda _: ValueError("always")), an_event()

    async with hearing.on(real_servers):
        connection = await aio_pika.connect(real_servers.secret("operator_amqp_url"))
        async with connection:
            exchange = await (await connection.channel()).get_exchange("requeue", ensure=False)
            message = aio_pika.Message(event.body(), message_id=event.id, headers={"x-attempt": 4})
            await exchange.publish(message, f"test.{QUEUE}")

        async def parked() -> bool:
            found = await browse(url=real_servers.secret("operator_amqp_url"), queue=QUEUE, limit=50)
            return any(m.id == event.id and "always" in m.error and "hear" in m.trace for m in found)

        await until(parked)

    assert hearing.heard == [event.id]


async def test_an_unroutable_publish_raises(real_servers: Servers) -> None:
    async with publisher_of(real_servers, "booking") as publisher:
        with pytest.raises(Unroutable):
            await publisher.publish(
                exchange="appointments", routing_key="appointment.unknown.v9", body=b"{}", message_id="x"
            )


@dataclass
class Outbox:
    collection: Collection
    relay: Relay


@pytest.fixture
async def outbox(real_servers: Servers) -> AsyncIterator[Outbox]:
    settings = CommonSettings(
        mongodb_uri=SecretStr(real_servers.secret("admin_mongodb_uri")),
        mongodb_database=f"test_{uuid4().hex[:8]}",
        amqp_url=SecretStr(real_servers.secret("booking_amqp_url")),
    )
    client = connect(settings)
    collection = client[settings.mongodb_database]["things"]
    await ensure_outbox_index(collection)
    clock = DatabaseClock(client)
    await clock.start()
    async with publisher_of(real_servers, "booking") as publisher:
        relay = Relay(
            publisher=publisher,
            collections=[collection],
            clock=clock,
            sweep_every=timedelta(milliseconds=100),
            stale_after=timedelta(0),
        )
        await relay.start()
        yield Outbox(collection, relay)
        await relay.stop()
    await clock.stop()
    await client.drop_database(settings.mongodb_database)
    client.close()


async def store(outbox: Outbox, event: AppointmentHeld) -> dict[str, Any]:
    document = {"_id": event.subject, "outbox": [outbox_entry(event)]}
    await outbox.collection.insert_one(document)
    return document


async def test_relay_pulls_an_event_once_it_is_confirmed(real_servers: Servers, outbox: Outbox) -> None:
    hearing, event = Hearing(), an_event()

    async with hearing.on(real_servers):
        document = await store(outbox, event)
        outbox.relay.submit(collection="things", document_id=event.subject, entries=document["outbox"])
        await until(lambda: event.id in hearing.heard)

    async def pulled() -> bool:
        return not await outbox.collection.count_documents({"outbox.0": {"$exists": True}})

    await until(pulled)


async def test_sweep_finds_what_a_dead_process_left(real_servers: Servers, outbox: Outbox) -> None:
    hearing, event = Hearing(), an_event()

    async with hearing.on(real_servers):
        await store(outbox, event)
        await until(lambda: event.id in hearing.heard)
