"""What exists to be told only: the demand of each minute, the plan of each day, the free times of each hour."""

from collections.abc import Sequence
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from shared.contracts import Capacity, CapacityPlanned, Event, FreeTimes, FreeTimesMeasured, new_event
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Database, Document
from shared.outbox import Relay, outbox_entry


class Publications:
    """One document for each thing that is told, its newest state replacing the older."""

    def __init__(self, database: Database, *, relay: Relay) -> None:
        self._database = database
        self._relay = relay

    async def tell_demand(self, event: Event, *, minute: datetime, office: str) -> None:
        """One document per minute and process."""
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

    async def tell_capacity(self, plans: Sequence[Capacity], *, office_version: int, now: datetime) -> None:
        """Those days of one office whose plan is another than was told last.

        Made of older rules than the ones that were told, a plan is dropped.
        """
        subjects = {f"{plan.office}|{plan.day.isoformat()}": plan for plan in plans}
        fields = {"version": 1, "plan": 1, "office_version": 1}
        cursor = self._database["capacity"].find({"_id": {"$in": list(subjects)}}, fields)
        known = {document["_id"]: document async for document in cursor}
        for subject, plan in subjects.items():
            document = known.get(subject, {"version": 0, "plan": None, "office_version": 0})
            if document["plan"] != plan.model_dump(mode="json") and document["office_version"] <= office_version:
                await self._tell_plan(subject, plan, document["version"], office_version, now)

    async def _tell_plan(
        self, subject: str, plan: Capacity, version: int, office_version: int, now: datetime
    ) -> None:
        event = new_event(CapacityPlanned, subject=subject, sequence=version + 1, data=plan, time=now)
        values = {"office": plan.office, "plan": plan.model_dump(mode="json"), "office_version": office_version}
        await self._tell_if_next("capacity", event, values)

    async def tell_free_times(self, found: FreeTimes, *, now: datetime) -> None:
        """Where nobody has told this hour yet."""
        subject = f"{found.office}|{found.hour:%Y%m%dT%HZ}"
        event = new_event(FreeTimesMeasured, subject=subject, sequence=1, data=found, time=now)
        await self._tell_if_next("free_times", event, {"office": found.office, "hour": found.hour})

    async def _tell_if_next(self, collection: str, event: Event, values: Document) -> None:
        """Unless another process has told this version, and so what follows the one before, already."""
        entry = outbox_entry(event)
        try:
            result = await self._database[collection].update_one(
                {"_id": event.subject, "version": event.sequence - 1},
                {"$set": {**values, "version": event.sequence, "last": entry}, "$push": {"outbox": entry}},
                upsert=event.sequence == 1,
            )
        except DuplicateKeyError:
            return
        if result.matched_count or result.upserted_id is not None:
            self._relay.submit(collection=collection, document_id=event.subject, entries=[entry])
