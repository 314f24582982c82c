"""Documents that exist to be told: offices and the demand of each minute."""

from collections.abc import Callable
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from services.booking.storage.faults import ChangedMeanwhile
from shared.contracts import Event
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Database
from shared.outbox import Relay, outbox_entry


class Publications:
    """Documents that exist to be told: offices and the demand of each minute."""

    def __init__(self, database: Database, *, relay: Relay) -> None:
        self._database = database
        self._relay = relay

    async def publish_office(self, make: Callable[[int], Event], *, id: str, digest: str) -> bool:
        """Stores and tells a new version where `digest` differs; `make(version)` gives its event."""
        offices = self._database["offices"]
        stored = await offices.find_one({"_id": id}, {"digest": 1, "version": 1})
        if stored and stored["digest"] == digest:
            return False
        version = stored["version"] + 1 if stored else 1
        entry = outbox_entry(make(version))
        values = {"digest": digest, "version": version, "last": entry}
        guard = {"_id": id, "version": stored["version"] if stored else None}
        update = {"$set": values, "$push": {"outbox": entry}}
        try:
            result = await offices.update_one(guard, update, upsert=not stored)
        except DuplicateKeyError:
            raise ChangedMeanwhile from None
        if stored and not result.matched_count:
            raise ChangedMeanwhile
        crash_point(CrashPoint.BOOKING_AFTER_OFFICE)
        self._relay.submit(collection="offices", document_id=id, entries=[entry])
        return True

    async def tell_demand(self, event: Event, *, minute: datetime, office: str) -> None:
        """One document per minute and process, its newest state replacing the older."""
        entry = outbox_entry(event)
        await self._database["demand"].update_one(
            {"_id": event.subject},
            {
                "$set": {"minute": minute, "office": office, "version": event.sequence, "last": entry},
                "$push": {"outbox": entry},
            },
            upsert=True,
        )
        crash_point(CrashPoint.BOOKING_AFTER_DEMAND)
        self._relay.submit(collection="demand", document_id=event.subject, entries=[entry])
