"""What became of each appointment's messages, without text and address; and messages that staff ask for again."""

from datetime import datetime, timedelta

from services.booking.domain.actors import Actor
from services.booking.domain.appointment import Appointment
from services.booking.storage.documents import to_state
from services.booking.storage.faults import ChangedMeanwhile
from shared.contracts import DeliveryState, MessageRequested, RequestedMessage, new_event
from shared.contracts.notifications import NotificationEvent
from shared.mongo import Database, Document, DuplicateKeyError
from shared.outbox import Entry, Relay, outbox_entry

# Longer than anybody can book ahead.
_KEPT = timedelta(days=210)
_DAY = timedelta(days=1)


class TooManyMessages(Exception):
    """So many were asked for again within a day."""

    def __init__(self, again_after: timedelta) -> None:
        super().__init__(again_after)
        self.again_after = again_after


class Messages:
    def __init__(self, database: Database, *, relay: Relay) -> None:
        self._messages = database["messages"]
        self._appointments = database["appointments"]
        self._relay = relay

    async def knows(self, event: NotificationEvent) -> bool:
        """Whether this or a newer one of the same message was kept."""
        newer = {"_id": event.data.delivery, "sequence": {"$gte": event.sequence}}
        return await self._messages.find_one(newer, {"_id": 1}) is not None

    async def keep(self, event: NotificationEvent) -> None:
        """Unless a newer one is there."""
        values: Document = {"sequence": event.sequence, "at": event.time, "forget_at": event.time + _KEPT}
        update = {"$set": {**values, "appointment": event.data.appointment, "data": event.data.model_dump()}}
        older = {"_id": event.data.delivery, "sequence": {"$lt": event.sequence}}
        try:
            await self._messages.update_one(older, update, upsert=True)
        except DuplicateKeyError:
            # There already: by an event as new, or in this moment by an older one.
            await self._messages.update_one(older, update)

    async def of(self, appointment: str) -> list[tuple[datetime, DeliveryState]]:
        """In the order in which they were asked for, with when the newest was heard of each."""
        found = self._messages.find({"appointment": appointment}, sort=[("data.created_at", 1), ("_id", 1)])
        return [(d["at"], DeliveryState.model_validate(d["data"])) async for d in found]

    async def request(
        self, appointment: Appointment, purpose: str, *, key: str, by: Actor, now: datetime, most: int
    ) -> None:
        """Tells notification to send it again, once for each `key`; at most so many within a day.

        Raises TooManyMessages, ChangedMeanwhile.
        """
        document = await self._appointments.find_one({"_id": appointment.id}, {"asked": 1})
        asked: list[Document] = (document or {}).get("asked", [])
        if any(one["key"] == key for one in asked):
            return
        recent = [one for one in asked if one["at"] > now - _DAY]
        if len(recent) >= most:
            raise TooManyMessages(recent[-most]["at"] + _DAY - now)
        entry = _entry(appointment, purpose, now=now)
        guard = {"_id": appointment.id, "version": appointment.version, "asked": asked or {"$exists": False}}
        update = {
            "$set": {"asked": [*recent, {"key": key, "at": now}]},
            "$push": {"outbox": entry, "history": {**entry, "by": by.id}},
        }
        if not (await self._appointments.update_one(guard, update)).matched_count:
            raise ChangedMeanwhile
        self._relay.submit(collection="appointments", document_id=appointment.id, entries=[entry])


def _entry(appointment: Appointment, purpose: str, *, now: datetime) -> Entry:
    state = to_state(appointment)
    told = RequestedMessage(**state.model_dump(), purpose=purpose)
    return outbox_entry(
        new_event(MessageRequested, subject=state.appointment, sequence=appointment.version, data=told, time=now)
    )


async def ensure_message_indexes(database: Database) -> None:
    await database["messages"].create_index([("appointment", 1)], name="appointment")
    await database["messages"].create_index([("forget_at", 1)], name="kept", expireAfterSeconds=0)
