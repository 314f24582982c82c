"""Booking's commands for the command line: on the same database, whether the service runs or not.

What they tell waits in the outbox for a running process, which sends it within seconds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from services.booking.commands import Booking, Inviting, Reaching
from services.booking.demand import DemandCounter
from services.booking.erasing import Erasing
from services.booking.memory import Memory
from services.booking.offices import Offices
from services.booking.people import people_of
from services.booking.settings import Settings
from services.booking.staff.audit import Audit
from services.booking.storage import Appointments, Calls, Invitations, Messages, Publications
from services.booking.storage.offices import OfficeStore
from services.booking.storage.retention import Retained
from services.booking.tokens import Keys
from shared.messaging import Publisher
from shared.mongo import DATABASE_DOWN, DatabaseClock, connect, database
from shared.outbox import Relay
from shared.setup import Trouble

_LOADED_WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class AtHand:
    booking: Booking
    reaching: Reaching
    erasing: Erasing
    audit: Audit


def settings_of_booking() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise Trouble(f"The settings of booking are missing or wrong: {error}") from error


@asynccontextmanager
async def at_hand() -> AsyncIterator[AtHand]:
    """Raises Trouble where the settings are wrong or MongoDB does not answer."""
    settings = settings_of_booking()
    keys = Keys.read(settings.signing_keys)
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    db, clock = database(client, settings), DatabaseClock(client)
    # Never started: the events stay where a running process finds them.
    publisher = Publisher(url=settings.amqp_url, name="amtstermin")
    relay = Relay(publisher=publisher, collections=[db["appointments"]], clock=clock)
    # What the database says: a command takes no office from a file by the way.
    offices = Offices({}, store=OfficeStore(db), key=keys.release_key(), clock=clock)
    memory = Memory(db, offices=offices, clock=clock)
    people = people_of(settings, client=keys_client, secrets=keys, clock=clock)
    booking = Booking(
        offices=offices,
        appointments=Appointments(db, relay=relay, contact_told=people.told),
        memory=memory,
        keys=keys,
        people=people,
        clock=clock,
        demand=DemandCounter(Publications(db, relay=relay), clock=clock),
        keep_request=settings.request_without_message,
        inviting=Inviting(Invitations(db), keys=keys, clock=clock, people=people),
        sms_countries=settings.sms_countries,
    )
    reaching = Reaching(booking, Messages(db, relay=relay), Calls(db))
    erasing = Erasing(booking, retained=Retained(db), offices=offices, journal=settings.erasure_journal)
    try:
        await clock.start()
        await offices.start()
        await memory.start()
        async with asyncio.timeout(_LOADED_WITHIN_S):
            while not memory.loaded:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.05)
        yield AtHand(booking, reaching, erasing, Audit(db, clock=clock))
    except DATABASE_DOWN as error:
        raise Trouble(f"MongoDB does not answer ({type(error).__name__}).") from error
    finally:
        for part in (memory, offices, clock):
            await part.stop()
        client.close()
        keys_client.close()
