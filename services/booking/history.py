"""What booking has ever told, for a republish: the source of every rebuild of the others."""

from collections.abc import AsyncIterator
from datetime import datetime

from services.booking.settings import Settings
from services.booking.storage import contact_told, to_appointment
from services.booking.tokens import Keys
from shared.contracts import ContactProvided, LinkRequested
from shared.contracts.event import Event, wire_type
from shared.mongo import Database, Document, connect, database
from shared.outbox import Entry

EXCHANGES = frozenset({"appointments", "contacts", "offices"})
_CONTACT_EVENTS: dict[str, type[Event]] = {wire_type(c): c for c in (ContactProvided, LinkRequested)}


async def told(*, exchange: str, since: datetime) -> AsyncIterator[Entry]:
    """Every event told on `exchange` at or after `since`, under its first id; per appointment in order."""
    settings = Settings()
    client = connect(settings)
    try:
        db = database(client, settings)
        if exchange == "offices":
            async for entry in _newest(db, "offices"):
                yield entry
            return
        async for entry in _of_appointments(db, settings, exchange, since):
            yield entry
        if exchange == "appointments":
            async for entry in _newest(db, "demand"):
                if entry["at"] >= since:
                    yield entry
    finally:
        client.close()


async def _newest(db: Database, collection: str) -> AsyncIterator[Entry]:
    async for document in db[collection].find({"last": {"$exists": True}}, {"last": 1}):
        yield document["last"]


async def _of_appointments(
    db: Database, settings: Settings, exchange: str, since: datetime
) -> AsyncIterator[Entry]:
    keys = Keys.read(settings.signing_keys)
    documents = db["appointments"].find({"history.at": {"$gte": since}}, {"outbox": 0}).sort("_id")
    async for document in documents:
        for entry in document["history"]:
            if entry["exchange"] == exchange and entry["at"] >= since:
                yield _with_contact(entry, document, keys, str(settings.public_url).rstrip("/"))


def _with_contact(entry: Entry, document: Document, keys: Keys, public_url: str) -> Entry:
    """History holds no personal data: contact events are made anew from the appointment's contact."""
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
        data=contact_told(appointment, keys=keys, public_url=public_url),
    )
    return {**entry, "body": event.body().decode()}
