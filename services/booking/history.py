"""What booking has ever told, for a republish: the source of every rebuild of the others."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from services.booking.people import Erased, People, people_of
from services.booking.settings import Settings
from services.booking.storage import to_appointment
from services.booking.tokens import Keys
from shared.contracts import ContactProvided, LinkRequested
from shared.contracts.event import Event, wire_type
from shared.mongo import Database, DatabaseClock, Document, connect, database
from shared.outbox import Entry
from shared.sealing import Unsealable

# So many documents with their history are in memory at once.
_PAGE = 100
EXCHANGES = frozenset({"appointments", "contacts", "offices"})
_CONTACT_EVENTS: dict[str, type[Event]] = {wire_type(c): c for c in (ContactProvided, LinkRequested)}


async def told(
    *, exchange: str, since: datetime, newest: bool = False, types: Collection[str] | None = None
) -> AsyncIterator[Entry]:
    """Every event told on `exchange` at or after `since`, under its first id; per appointment in order.

    With `newest` only the last one of each: it carries the whole state. With `types` no others.
    """
    async for entry in _told(exchange, since, newest, types):
        if types is None or entry["type"] in types:
            yield entry


async def _told(
    exchange: str, since: datetime, newest: bool, types: Collection[str] | None
) -> AsyncIterator[Entry]:
    settings = Settings()
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    try:
        db = database(client, settings)
        if exchange == "offices":
            async for entry in _newest(db, "offices"):
                yield entry
            for collection in ("capacity", "free_times", "staff_lists"):
                async for entry in _newest(db, collection):
                    if entry["at"] >= since:
                        yield entry
            return
        secrets = Keys.read(settings.signing_keys)
        people = people_of(settings, client=keys_client, secrets=secrets, clock=DatabaseClock(client))
        wanted = _Wanted(exchange, since, newest, types)
        async for entry in _of_appointments(db, people, wanted):
            yield entry
        if exchange == "appointments":
            async for entry in _newest(db, "demand"):
                if entry["at"] >= since:
                    yield entry
    finally:
        client.close()
        keys_client.close()


async def _newest(db: Database, collection: str) -> AsyncIterator[Entry]:
    async for document in db[collection].find({"last": {"$exists": True}}, {"last": 1}):
        yield document["last"]


@dataclass(frozen=True, slots=True)
class _Wanted:
    exchange: str
    since: datetime
    newest: bool
    types: Collection[str] | None

    def of(self, document: Document) -> list[Entry]:
        entries = [e for e in document["history"] if e["exchange"] == self.exchange and e["at"] >= self.since]
        entries = entries[-1:] if self.newest else entries
        return [e for e in entries if self.types is None or e["type"] in self.types]


async def _of_appointments(db: Database, people: People, wanted: _Wanted) -> AsyncIterator[Entry]:
    documents = (
        db["appointments"]
        .find({"history.at": {"$gte": wanted.since}}, {"outbox": 0})
        .sort("_id")
        .batch_size(_PAGE)
    )
    page: list[tuple[Document, list[Entry]]] = []
    async for document in documents:
        if entries := wanted.of(document):
            page.append((document, entries))
        if len(page) >= _PAGE:
            async for entry in _of_page(page, people):
                yield entry
            page = []
    async for entry in _of_page(page, people):
        yield entry


async def _of_page(page: Sequence[tuple[Document, list[Entry]]], people: People) -> AsyncIterator[Entry]:
    sealed = [document["_id"] for document, entries in page if any(e["body"] is None for e in entries)]
    await people.fetch_keys(sealed)
    for document, entries in page:
        for entry in entries:
            # Of somebody who was erased meanwhile only that is left to tell.
            # One that no key opens must not keep all others.
            with suppress(Erased, Unsealable):
                yield await _with_contact(entry, document, people)


async def _with_contact(entry: Entry, document: Document, people: People) -> Entry:
    """History holds no person: contact events are made anew from the appointment's. Raises Erased."""
    if entry["body"] is not None:
        return entry
    appointment = to_appointment(document)
    event = _CONTACT_EVENTS[entry["type"]](
        id=entry["id"],
        type=entry["type"],
        source="/booking",
        subject=appointment.id,
        time=entry["at"],
        sequence=entry["sequence"],
        correlationid=entry["correlation_id"],
        data=(await people.told(appointment)).model_copy(update={"link_by": entry.get("link_by", "email")}),
    )
    return {**entry, "body": event.body().decode()}
