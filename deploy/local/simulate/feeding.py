"""Brings a play into the databases of a stack that has seen nobody real: booking's documents, reporting's events.

What booking and notification would still remember is stored; what they would have told goes to reporting's queues
alone, so that nobody is written to.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pydantic import SecretStr

from deploy.local.simulate.play import Part, Play
from services.booking.settings import Settings as BookingSettings
from services.booking.storage.offices import OfficeStore
from services.notification.history import DatabaseSettings as NotificationSettings
from services.reporting.generations import Generations
from services.reporting.settings import Settings as ReportingSettings
from services.reporting.storage.facts import KINDS
from shared.contracts import Demand
from shared.messaging import Publisher
from shared.mongo import Database, Document, connect, database
from shared.outbox import Entry
from shared.progress import Progress
from shared.republish import send_to
from shared.setup import Trouble, operator_amqp_url

_AT_ONCE = 500
_APPOINTMENTS, _MESSAGES, _SUPPLY = "reporting.appointments", "reporting.notifications", "reporting.offices"
# Booking keeps its counts of searches so long.
_DEMAND_KEPT = timedelta(days=30)
_MARK = "training"
_FACTS = (*KINDS.values(), "figures", "days")
_OF_BOOKING = ("appointments", "demand", "capacity", "free_times")
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Databases:
    booking: Database
    notification: Database
    reporting: Database


@dataclass(slots=True)
class Fed:
    appointments: int = 0
    events: int = 0


@asynccontextmanager
async def databases() -> AsyncIterator[Databases]:
    found = (BookingSettings(), NotificationSettings(), ReportingSettings())
    clients = [connect(settings) for settings in found]
    try:
        booking, notification, _ = (database(c, s) for c, s in zip(clients, found, strict=True))
        reporting = Generations(clients[2], name=found[2].mongodb_database)
        await reporting.look()
        yield Databases(booking, notification, reporting.live)
    finally:
        for client in clients:
            client.close()


async def check_nobody_real(stores: Databases, *, anew: bool) -> None:
    """Raises Trouble where an office's own data might be, or where a play would meet an earlier one."""
    mark = await stores.booking[_MARK].find_one({})
    if mark is None:
        holding = [name for name, collection in _tell_tale(stores) if await collection.find_one({}, {"_id": 1})]
        if holding:
            raise Trouble(
                f"These hold what no play has made: {', '.join(holding)}. A play never mixes into it: start a "
                "stack on an empty folder, `python -m deploy.local up --folder .training`."
            )
    elif mark.get("whole") and not anew:
        raise Trouble("This stack has a play already; --anew removes it, with all that was booked since.")


def _tell_tale(stores: Databases) -> list[tuple[str, Any]]:
    return [
        ("booking", stores.booking["appointments"]),
        ("notification", stores.notification["deliveries"]),
        ("reporting", stores.reporting["appointments"]),
    ]


async def clear(stores: Databases) -> None:
    """Only where `check_nobody_real` let it pass."""
    for name in _OF_BOOKING:
        await stores.booking[name].delete_many({})
    await stores.notification["deliveries"].delete_many({})
    for name in _FACTS:
        await stores.reporting[name].delete_many({})


async def feed(play: Play, stores: Databases, progress: Progress) -> Fed:
    """The whole play, day after day; raises PublishFailed."""
    await stores.booking[_MARK].replace_one({"_id": "play"}, {"seed": play.seed, "whole": False}, upsert=True)
    publisher = Publisher(url=SecretStr(operator_amqp_url()), name="simulate")
    await publisher.start()
    fed = Fed()
    try:
        await publisher.wait_until_connected(within=timedelta(seconds=10))
        for part in play.parts():
            await _feed_part(part, stores, publisher, fed)
            progress.reach(fed.events)
        await _store(stores.booking, play.books.documents(), fed)
        for name, documents in (("capacity", list(play.supply.plans.values())), ("free_times", play.supply.looks)):
            await stores.booking[name].insert_many(documents)
        await _keep_office(play, stores.booking)
    finally:
        await publisher.stop()
    await stores.booking[_MARK].update_one({"_id": "play"}, {"$set": {"whole": True}})
    return fed


async def wait_for_reporting(stores: Databases, *, expected: int, progress: Progress) -> bool:
    """Whether reporting has counted everything; gives up where it does not get on."""
    last, since = -1, asyncio.get_running_loop().time()
    while True:
        dirty = {"dirty_since": {"$exists": True}}
        known = await stores.reporting["appointments"].count_documents({})
        waiting = sum([await stores.reporting[name].count_documents(dirty) for name in KINDS.values()])
        if known >= expected and not waiting:
            return True
        progress.reach(known)
        now = asyncio.get_running_loop().time()
        if known - waiting != last:
            last, since = known - waiting, now
        elif now - since > _PATIENCE_S:
            return False
        await asyncio.sleep(0.3)


async def _feed_part(part: Part, stores: Databases, publisher: Publisher, fed: Fed) -> None:
    await _store(stores.booking, part.finished, fed)
    demand = [entry for _, entry in part.demand]
    told = {_APPOINTMENTS: [*part.appointments, *demand], _MESSAGES: part.messages, _SUPPLY: part.supply}
    for queue, entries in told.items():
        for some in _some(entries):
            fed.events += await send_to(queue, some, publisher)
    recent = [_searches(*told) for told in part.demand if told[0].minute > datetime.now(UTC) - _DEMAND_KEPT]
    if recent:
        await stores.booking["demand"].insert_many(recent)


async def _store(booking: Database, documents: Sequence[Document], fed: Fed) -> None:
    fed.appointments += len(documents)
    for start in range(0, len(documents), _AT_ONCE):
        await booking["appointments"].insert_many(documents[start : start + _AT_ONCE], ordered=False)


async def _keep_office(play: Play, booking: Database) -> None:
    """With the closures and absences of the play; a running booking goes by it within a second."""
    store = OfficeStore(booking)
    stored, data = await store.get(play.data.id), play.closing.whole()
    version = stored.version if stored else None
    await store.save(data, actor="simulate", expected_version=version, now=datetime.now(UTC))


def _searches(demand: Demand, entry: Entry) -> Document:
    """As booking keeps a minute."""
    return {
        "_id": f"{demand.office}|{demand.minute:%Y%m%dT%H%MZ}|{demand.instance}",
        "minute": demand.minute,
        "office": demand.office,
        "version": entry["sequence"],
        "last": entry,
        "outbox": [],
    }


def _some(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    whole = iter(entries)
    while some := list(islice(whole, _AT_ONCE)):
        yield some
