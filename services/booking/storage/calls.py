"""Calls that staff should make; they stand in the appointments' documents, and changing them is no new version."""

from datetime import datetime

from services.booking.domain.appointment import Appointment, Call
from services.booking.storage.documents import call_document, to_appointment
from shared.mongo import Database, Document


class Calls:
    def __init__(self, database: Database) -> None:
        self._appointments = database["appointments"]

    async def put(self, before: Appointment, call: Call) -> bool:
        """False where the appointment or its call changed meanwhile: of two who phone one wins."""
        known = call_document(before.call) or {"$exists": False}
        guard = {"_id": before.id, "version": before.version, "call": known}
        result = await self._appointments.update_one(guard, {"$set": {"call": call_document(call)}})
        return bool(result.matched_count)

    async def arrived(self, appointment: str, *, purpose: str, created_at: datetime) -> None:
        """A message of `created_at` went out: nobody need be phoned about the same. What is done stays."""
        waits = {"call.purpose": purpose, "call.since": {"$lte": created_at}, "call.acts.action": {"$ne": "done"}}
        await self._appointments.update_one({"_id": appointment, **waits}, {"$unset": {"call": ""}})

    async def due(self, office: str | None, *, now: datetime, most: int) -> list[Appointment]:
        """By when the visit begins, those that are done included; None for every office."""
        query: Document = {"call.due_at": {"$lte": now}, "ends_at": {"$gt": now}}
        if office is not None:
            query["office"] = office
        cursor = self._appointments.find(query, {"outbox": 0, "history": 0}, sort=[("starts_at", 1)], limit=most)
        return [to_appointment(document) async for document in cursor]


async def ensure_call_indexes(database: Database) -> None:
    await database["appointments"].create_index(
        [("call.due_at", 1)], name="calls", partialFilterExpression={"call.due_at": {"$exists": True}}
    )
