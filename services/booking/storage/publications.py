"""What exists to be told only: the demand of each minute."""

from datetime import datetime

from shared.contracts import Event
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Database
from shared.outbox import Relay, outbox_entry


class Publications:
    """What exists to be told only: the demand of each minute."""

    def __init__(self, database: Database, *, relay: Relay) -> None:
        self._database = database
        self._relay = relay

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
