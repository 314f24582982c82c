"""Documents of the booking service. Every change of an appointment is one conditional write of one document."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from services.booking.domain.appointment import HELD, Appointment, Change, ContactDetails, Cooling
from services.booking.recent import Recent
from services.booking.tokens import Keys
from shared.contracts import AppointmentState, Contact, Event, Step, new_event
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Collection, Database, Document
from shared.outbox import Entry, Relay, ensure_outbox_index, outbox_entry

SCHEMA = 1


class SlotTaken(Exception):
    """Somebody else owns one of the cells."""


class AlreadyHeld(Exception):
    """This very request has made its appointment before."""


class ChangedMeanwhile(Exception):
    """Another write came first; load again and decide anew."""


class NotFound(Exception):
    pass


class Appointments:
    """Appointments with their history; what they tell goes out with the same write."""

    def __init__(self, database: Database, *, relay: Relay, keys: Keys, public_url: str) -> None:
        self._collection: Collection = database["appointments"]
        self._relay = relay
        self._keys = keys
        self._public_url = public_url.rstrip("/")
        self.recent = Recent()

    async def get(self, id: str) -> Appointment:
        document = await self._collection.find_one({"_id": id}, {"outbox": 0, "history": 0})
        if document is None:
            raise NotFound
        return to_appointment(document)

    async def first_answer(self, id: str) -> tuple[Appointment, Document] | None:
        """The appointment and its state when it was held, for a repeated request; None where it is unknown."""
        document = await self._collection.find_one({"_id": id}, {"outbox": 0})
        if document is None:
            return None
        appointment = to_appointment(document)
        return appointment, document["first"]

    async def insert(self, appointment: Appointment) -> None:
        """Raises AlreadyHeld for a repeated request, SlotTaken where the index refuses a cell."""
        told = [self._told(appointment, HELD)]
        document = {
            **to_document(appointment),
            "_id": appointment.id,
            "schema": SCHEMA,
            "outbox": told,
            "history": _without_personal_data(told),
            "first": {
                "starts_at": appointment.starts_at,
                "ends_at": appointment.ends_at,
                "expires_at": appointment.expires_at,
            },
        }
        try:
            crash_point(CrashPoint.BOOKING_BEFORE_INSERT)
            await self._collection.insert_one(document)
        except DuplicateKeyError as error:
            raise (AlreadyHeld if _is_id(error) else SlotTaken) from None
        crash_point(CrashPoint.BOOKING_AFTER_INSERT)
        self._relay.submit(collection="appointments", document_id=appointment.id, entries=told)
        self.recent.keep(appointment)

    async def apply(self, change: Change) -> Appointment:
        """Raises ChangedMeanwhile, or SlotTaken where the index refuses a cell of the new time."""
        before, after = change.before, change.after
        told = [self._told(after, change.event)]
        if change.contact:
            told.append(self.contact_entry(after, change.contact, now=after.steps[-1].at))
        update = _difference(before, after)
        if change.contact:
            update["$set"]["requested_by"] = told[0]["id"]
        update["$push"] = {"outbox": {"$each": told}, "history": {"$each": _without_personal_data(told)}}
        guard = {"_id": before.id, "version": before.version, "status": before.status}
        try:
            crash_point(CrashPoint.BOOKING_BEFORE_APPLY)
            result = await self._collection.update_one(guard, update)
        except DuplicateKeyError:
            raise SlotTaken from None
        if not result.matched_count:
            raise ChangedMeanwhile
        crash_point(CrashPoint.BOOKING_AFTER_APPLY)
        self._relay.submit(collection="appointments", document_id=after.id, entries=told)
        self.recent.keep(after)
        return after

    async def release(self, before: Appointment, after: Appointment) -> bool:
        """Gives cooled cells back; nobody is told, so the version stays."""
        guard = {
            "_id": before.id,
            "version": before.version,
            "cooling": to_document(before)["cooling"],
        }
        result = await self._collection.update_one(guard, _difference(before, after))
        crash_point(CrashPoint.BOOKING_AFTER_RELEASE)
        return bool(result.modified_count)

    async def try_code(self, id: str, *, contact_sequence: int, most: int) -> bool:
        """Counts one try of the six-digit code of this message; False where all tries are used up."""
        field = f"code_tries.{contact_sequence}"
        result = await self._collection.update_one(
            {"_id": id, "$or": [{field: {"$exists": False}}, {field: {"$lt": most}}]}, {"$inc": {field: 1}}
        )
        return bool(result.matched_count)

    async def forget_try(self, id: str, *, contact_sequence: int) -> None:
        """A right code uses up no try: confirming twice answers the same."""
        await self._collection.update_one({"_id": id}, {"$inc": {f"code_tries.{contact_sequence}": -1}})

    async def send_link(self, id: str, event: type[Event], *, now: datetime, not_since: datetime) -> None:
        """Tells the contact the link again, unless that was done after `not_since`."""
        appointment = await self.get(id)
        entry = self.contact_entry(appointment, event, now=now)
        guard = {
            "_id": id,
            "version": appointment.version,
            "$or": [{"link_sent_at": None}, {"link_sent_at": {"$lt": not_since}}],
        }
        update = {
            "$set": {"link_sent_at": now},
            "$push": {"outbox": entry, "history": _without_personal_data([entry])[0]},
        }
        result = await self._collection.update_one(guard, update)
        if result.modified_count:
            crash_point(CrashPoint.BOOKING_AFTER_LINK)
            self._relay.submit(collection="appointments", document_id=id, entries=[entry])

    async def ids_by_email(self, email: str, *, now: datetime, most: int) -> list[str]:
        found = self._collection.find(
            {"contact.email": email, "status": "confirmed", "starts_at": {"$gt": now}},
            {"_id": 1},
            sort=[("starts_at", ASCENDING)],
            limit=most,
        )
        return [document["_id"] async for document in found]

    async def owners(self, cells: tuple[str, ...]) -> list[Appointment]:
        found = self._collection.find({"cells": {"$in": list(cells)}}, {"outbox": 0, "history": 0})
        return [to_appointment(document) async for document in found]

    async def due(self, *, now: datetime, most: int) -> list[Appointment]:
        """Holds that ran out and freed cells that have cooled, the oldest first."""
        expired = {"expires_at": {"$lte": now}}
        cooled = {"cooling.release_at": {"$lte": now}}
        found = []
        for query, key in ((expired, "expires_at"), (cooled, "cooling.release_at")):
            cursor = self._collection.find(query, {"outbox": 0, "history": 0}, sort=[(key, 1)], limit=most)
            found += [to_appointment(document) async for document in cursor]
        return found

    async def drop_past_cells(self, *, now: datetime) -> int:
        result = await self._collection.update_many(
            {"cells.0": {"$exists": True}, "ends_at": {"$lte": now}},
            {"$unset": {"cells": "", "cooling": ""}},
        )
        return result.modified_count

    def contact_entry(self, appointment: Appointment, event: type[Event], *, now: datetime) -> Entry:
        assert appointment.contact is not None
        assert appointment.contact_sequence is not None
        told = new_event(
            event,
            subject=appointment.id,
            sequence=appointment.version,
            data=contact_told(appointment, keys=self._keys, public_url=self._public_url),
            time=now,
        )
        return outbox_entry(told)

    def _told(self, appointment: Appointment, event: type[Event]) -> Entry:
        return outbox_entry(
            new_event(
                event,
                subject=appointment.id,
                sequence=appointment.version,
                data=to_state(appointment),
                time=appointment.steps[-1].at,
            )
        )


async def ensure_indexes(database: Database) -> None:
    """At start, never later: making an index stalls writers."""
    appointments = database["appointments"]
    # The promise of this service: two appointments can never own one desk cell, whatever the code does.
    await appointments.create_index(
        [("office", 1), ("cells", 1)],
        name="cells",
        unique=True,
        partialFilterExpression={"cells.0": {"$exists": True}},
    )
    await appointments.create_index(
        [("cells", 1)], name="owners", partialFilterExpression={"cells.0": {"$exists": True}}
    )
    await appointments.create_index([("ends_at", 1)], name="ends_at")
    await appointments.create_index([("expires_at", 1)], name="expires_at", sparse=True)
    await appointments.create_index([("cooling.release_at", 1)], name="cooling", sparse=True)
    await appointments.create_index([("contact.email", 1)], name="email", sparse=True)
    for name in ("appointments", "offices", "demand"):
        await ensure_outbox_index(database[name])
    await database["demand"].create_index([("minute", 1)], name="kept", expireAfterSeconds=30 * 24 * 3600)


def to_state(appointment: Appointment) -> AppointmentState:
    """What others may know: everything but the person."""
    return AppointmentState(
        appointment=appointment.id,
        office=appointment.office,
        service=appointment.service,
        team=appointment.team,
        lane=appointment.lane,
        status=appointment.status,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        persons=appointment.persons,
        children_under_6=appointment.children_under_6,
        municipalities=appointment.municipalities,
        channel=appointment.channel,
        language=appointment.contact.language if appointment.contact else None,
        expires_at=appointment.expires_at,
        contact_sequence=appointment.contact_sequence,
        reschedules=appointment.reschedules,
        steps=appointment.steps,
        previous_starts_at=appointment.previous_starts_at,
    )


def contact_told(appointment: Appointment, *, keys: Keys, public_url: str) -> Contact:
    """The person, the secret links and the code of the newest message."""
    contact, generation = appointment.contact, appointment.contact_sequence
    assert contact is not None
    assert generation is not None
    confirm = keys.secret("confirm", appointment.id, generation)
    manage = keys.secret("manage", appointment.id)
    return Contact(
        appointment=appointment.id,
        office=appointment.office,
        code=appointment.code,
        family_name=appointment.family_name,
        given_name=contact.given_name,
        email=contact.email,
        phone=contact.phone,
        language=contact.language,
        sms_consent=contact.sms_consent,
        confirm_url=f"{public_url}/confirm/{appointment.id}?secret={confirm}",
        confirm_code=keys.code(appointment.id, generation),
        manage_url=f"{public_url}/manage/{appointment.id}?secret={manage}",
    )


_FIELDS = tuple(f.name for f in fields(Appointment) if f.name != "id")
_ABSENT_WHEN_EMPTY = ("cells", "cooling", "expires_at", "contact")


def to_document(appointment: Appointment) -> Document:
    """Without `_id`; empty cells are absent, since an empty array would stand in the index as one value."""
    document = {name: _plain(getattr(appointment, name)) for name in _FIELDS}
    return {k: v for k, v in document.items() if v not in (None, []) or k not in _ABSENT_WHEN_EMPTY}


def _plain(value: Any) -> Any:
    if isinstance(value, Step):
        return {"step": value.step, "at": value.at}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Cooling):
        return {"cells": list(value.cells), "release_at": value.release_at}
    return asdict(value) if isinstance(value, ContactDetails) else value


def to_appointment(document: Mapping[str, Any]) -> Appointment:
    values = {name: document[name] for name in _FIELDS if name in document}
    contact = document.get("contact")
    return Appointment(
        id=document["_id"],
        **{
            **values,
            "municipalities": tuple(document["municipalities"]),
            "cells": tuple(document.get("cells", ())),
            "steps": tuple(Step(**step) for step in document["steps"]),
            "cooling": tuple(Cooling(tuple(c["cells"]), c["release_at"]) for c in document.get("cooling", ())),
            "contact": ContactDetails(**contact) if contact else None,
        },
    )


def _difference(before: Appointment, after: Appointment) -> Document:
    """`$set` and `$unset` of what changed: replacing would erase events that wait in the outbox."""
    changed = [name for name in _FIELDS if getattr(before, name) != getattr(after, name)]
    values = {name: _plain(getattr(after, name)) for name in changed}
    gone = {name: "" for name in changed if name in _ABSENT_WHEN_EMPTY and values[name] in (None, [])}
    kept = {name: value for name, value in values.items() if name not in gone}
    return {operator: part for operator, part in (("$set", kept), ("$unset", gone)) if part}


def _without_personal_data(entries: list[Entry]) -> list[Entry]:
    """Contact events are remembered by id only; a republish fills them from the appointment."""
    return [{**e, "body": None} if e["exchange"] == "contacts" else e for e in entries]


def _is_id(error: DuplicateKeyError) -> bool:
    return "_id" in (error.details or {}).get("keyPattern", {})


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


async def taken_cells(database: Database, *, now: datetime) -> AsyncIterator[Document]:
    """`{_id, office, version, cells}` of every appointment that is not over."""
    projection = {"office": 1, "version": 1, "cells": 1}
    async for document in database["appointments"].find({"ends_at": {"$gt": now}}, projection):
        yield document
