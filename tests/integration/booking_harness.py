"""Booking's commands on a real database, without HTTP, with a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from deploy.local.stack import Stack
from services.booking.commands import Booking, HoldRequest, Inviting
from services.booking.demand import DemandCounter
from services.booking.domain.office import Member, Office
from services.booking.erasing import Erasing
from services.booking.memory import Memory
from services.booking.offices import Offices
from services.booking.storage import Appointments, Invitations, Messages, Publications, ensure_indexes
from services.booking.storage.keys import KeyStore
from services.booking.storage.offices import OfficeStore
from services.booking.storage.retention import Retained
from services.booking.sweeper import Sweeper
from services.booking.tokens import Keys
from shared.messaging import Publisher
from shared.mongo import Database, DatabaseClock, connect
from shared.outbox import Relay
from shared.settings import CommonSettings
from tests.builders import HECHINGEN, an_office
from tests.sealed import some_people

KEYS = Keys({"k1": b"x" * 32})


class MovedClock(DatabaseClock):
    """The database's clock and an offset; or it stands where a test puts it."""

    ahead: timedelta = timedelta(0)
    stands_at: datetime | None = None

    def now(self) -> datetime:
        return self.stands_at or super().now() + self.ahead


@dataclass
class Desk:
    booking: Booking
    sweeper: Sweeper
    erasing: Erasing
    clock: MovedClock
    database: Database
    keys: Database
    messages: Messages
    office: Any = field(default_factory=an_office)

    def wish(self, *, place: int = 5, **changes: Any) -> HoldRequest:
        """A free time, `place` days on; one person."""
        now = self.clock.now()
        length = 3
        availability = self.booking.memory.availability("zollernalbkreis")
        starts = availability.starts("service_point", length=length, now=now)
        first, last = self.office.first_bookable_day(now), self.office.last_bookable_day(now)
        _, times = availability.days(starts, first=first, last=last)[place]
        moment = datetime.fromisoformat(times.decode().split('"')[1])
        values: dict[str, Any] = {
            "office": "zollernalbkreis",
            "service": "eat_pickup",
            "starts_at": moment,
            "family_name": "Öztürk",
            "members": (Member(HECHINGEN),),
            "preconditions": {"pin_letter": True},
        }
        return HoldRequest(**{**values, **changes})

    async def document(self, id: str) -> dict[str, Any]:
        found = await self.database["appointments"].find_one({"_id": id})
        assert found
        return found


async def is_fresh(desk: Desk) -> None:
    """Waits until memory may refuse a time."""
    async with asyncio.timeout(20):
        while not desk.booking.memory.fresh:  # noqa: ASYNC110 (it has no event)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def a_desk(
    servers: Stack,
    *,
    office: Office | None = None,
    others: Sequence[Office] = (),
    stands_at: datetime | None = None,
) -> AsyncIterator[Desk]:
    """A database of its own; the relay has no broker, so events stay in the outbox."""
    files = {one.id: one for one in (office or an_office(), *others)}
    settings = CommonSettings(
        mongodb_uri=SecretStr(servers.secret("admin_mongodb_uri")),
        mongodb_database=f"booking_{uuid4().hex[:8]}",
        amqp_url=SecretStr("amqp://nobody@127.0.0.1:1"),
    )
    client = connect(settings)
    database = client[settings.mongodb_database]
    await ensure_indexes(database)
    clock = MovedClock(client)
    clock.stands_at = stands_at
    await clock.start()
    publisher = Publisher(url=settings.amqp_url, name="none")
    relay = Relay(publisher=publisher, collections=[database["appointments"]], clock=clock)
    offices = Offices(files, store=OfficeStore(database), key=b"", clock=clock)
    memory = Memory(database, offices=offices, clock=clock)
    offices.follow(memory.follow)
    keys = client[f"{settings.mongodb_database}_keys"]
    people = some_people(KeyStore(keys), secrets=KEYS, clock=clock)
    appointments = Appointments(database, relay=relay, contact_told=people.told)
    booking = Booking(
        offices=offices,
        appointments=appointments,
        memory=memory,
        keys=KEYS,
        people=people,
        clock=clock,
        demand=DemandCounter(Publications(database, relay=relay), clock=clock),
        keep_request=timedelta(hours=24),
        inviting=Inviting(Invitations(database), keys=KEYS, clock=clock, people=people),
    )
    sweeper = Sweeper(booking, appointments=appointments, clock=clock, every=timedelta(hours=1))
    retained = Retained(database)
    await retained.ensure_indexes()
    erasing = Erasing(booking, retained=retained, offices=booking.offices)
    await memory.start()
    try:
        messages = Messages(database, relay=relay)
        desk = Desk(booking, sweeper, erasing, clock, database, keys, messages, files["zollernalbkreis"])
        await is_fresh(desk)
        yield desk
    finally:
        await memory.stop()
        await clock.stop()
        for one in (database, keys):
            await client.drop_database(one.name)
        client.close()
