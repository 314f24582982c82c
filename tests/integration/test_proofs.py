"""The last use of a proof is taken by the database, not by an `if`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.booking.guard import NAME, ProofStore, ensure_proof_indexes
from shared.messaging import Publisher
from shared.mongo import DatabaseClock, connect
from shared.outbox import Relay
from shared.settings import CommonSettings
from tests.unit.notification.builders import an_entry_request

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Place:
    """Several processes' stores on one database, whose relays have no broker."""

    def __init__(self, servers: Stack) -> None:
        settings = CommonSettings(
            mongodb_uri=SecretStr(servers.secret("admin_mongodb_uri")),
            mongodb_database=f"booking_{uuid4().hex[:8]}",
            amqp_url=SecretStr("amqp://nobody@127.0.0.1:1"),
        )
        self.client = connect(settings)
        self.database = self.client[settings.mongodb_database]
        self.clock = DatabaseClock(self.client)
        publisher = Publisher(url=settings.amqp_url, name="none")
        relay = Relay(publisher=publisher, collections=[self.database[NAME]], clock=self.clock)
        self.stores = [ProofStore(self.database, relay=relay) for _ in range(2)]

    async def at_once(self, *, requests: int, id: str, most: int) -> int:
        """How many of so many requests, half in each process, could use it."""
        until = self.clock.now() + timedelta(minutes=5)
        tries = (self.stores[n % 2].spend(id, by=f"{n}", most=most, until=until) for n in range(requests))
        return sum(await asyncio.gather(*tries))


@pytest.fixture
async def place(servers: Stack) -> AsyncIterator[Place]:
    found = Place(servers)
    await ensure_proof_indexes(found.database)
    await found.clock.start()
    yield found
    await found.clock.stop()
    await found.client.drop_database(found.database.name)
    found.client.close()


@pytest.mark.parametrize("most", [1, 5])
async def test_of_many_at_once_as_many_win_as_may(place: Place, most: int) -> None:
    for round in range(5):
        assert await place.at_once(requests=30, id=f"proof-{round}", most=most) == most


async def test_one_request_uses_it_once_however_often_it_comes(place: Place) -> None:
    until = place.clock.now() + timedelta(minutes=5)
    spend = [store.spend("proof", by="mine", most=1, until=until) for store in place.stores * 5]

    assert all(await asyncio.gather(*spend))
    assert not await place.stores[0].spend("proof", by="other", most=1, until=until)


async def test_a_link_that_is_told_keeps_its_uses(place: Place) -> None:
    event = an_entry_request(time=place.clock.now())
    await place.stores[0].tell_entry(event)

    assert await place.at_once(requests=30, id=event.subject, most=5) == 5
    document = await place.database[NAME].find_one({"_id": event.subject})
    assert document
    assert document["expires_at"] - event.data.expires_at < timedelta(seconds=1)
    assert event.data.sealed in document["outbox"][0]["body"]
    assert event.data.sealed not in str({**document, "outbox": None})
