"""Documents of the booking service. Every change of an appointment is one conditional write of one document."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Literal

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError, OperationFailure

from services.booking.domain.actors import CITIZEN, Actor
from services.booking.domain.appointment import Appointment, Change
from services.booking.recent import Recent
from services.booking.storage.documents import difference, to_appointment, to_document, to_state
from services.booking.storage.faults import ChangedMeanwhile, NotFound, refused
from services.booking.storage.schemas import APPOINTMENTS
from shared.contracts import (
    AppointmentHeld,
    Contact,
    ContactErased,
    ContactProvided,
    ErasedContact,
    Event,
    LinkRequested,
    new_event,
)
from shared.contracts.event import wire_type
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Collection, Database, Document, Session
from shared.outbox import Entry, Relay, outbox_entry

# By which way somebody asks for the link.
LinkBy = Literal["email", "sms"]
_TELLING_A_CONTACT = {wire_type(event) for event in (ContactProvided, LinkRequested)}
# Who lets go of cooling cells, before and after.
Giving = tuple[Appointment, Appointment]


class Appointments:
    """Appointments with their history; what they tell goes out with the same write.

    `contact_told` seals what a contact event says: nothing plain of a person comes here.
    """

    def __init__(
        self, database: Database, *, relay: Relay, contact_told: Callable[[Appointment], Awaitable[Contact]]
    ) -> None:
        self._collection: Collection = database["appointments"]
        self._relay = relay
        self._contact_told = contact_told
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

    async def insert(
        self,
        appointment: Appointment,
        event: type[Event] = AppointmentHeld,
        *,
        by: Actor = CITIZEN,
        giving: Sequence[Giving] = (),
    ) -> None:
        """Raises AlreadyHeld for a repeated request, SlotTaken, AlreadyBooked or InvitationUsed by the indexes.

        With `giving`, those let go of cooling cells in the same transaction; raises ChangedMeanwhile.
        """
        now = appointment.steps[-1].at
        told = [self._told(appointment, event, now=now)]
        if appointment.contact:
            told.append(await self.contact_entry(appointment, ContactProvided, now=now))
        document = {
            **to_document(appointment),
            "_id": appointment.id,
            "schema": APPOINTMENTS.newest,
            "outbox": told,
            "history": _remembered(told, by=by),
            "first": {
                "starts_at": appointment.starts_at,
                "ends_at": appointment.ends_at,
                "expires_at": appointment.expires_at,
            },
        }
        crash_point(CrashPoint.BOOKING_BEFORE_INSERT)
        with _refusals(appointment.active):
            await (self._insert_taking(document, giving) if giving else self._collection.insert_one(document))
        crash_point(CrashPoint.BOOKING_AFTER_INSERT)
        self._relay.submit(collection="appointments", document_id=appointment.id, entries=told)
        self.recent.keep(appointment)

    async def _insert_taking(self, document: Document, giving: Sequence[Giving]) -> None:
        async with self._transaction(giving) as session:
            await self._collection.insert_one(document, session=session)

    @asynccontextmanager
    async def _transaction(self, giving: Sequence[Giving]) -> AsyncIterator[Session]:
        client = self._collection.database.client
        async with await client.start_session() as session, session.start_transaction():
            for before, after in giving:
                await self._update(_giving_guard(before), difference(before, after), session=session)
            yield session

    async def apply(self, change: Change) -> Appointment:
        """Raises ChangedMeanwhile, or by the indexes SlotTaken or AlreadyBooked."""
        guard, update, told = await self._write(change)
        after = change.after
        crash_point(CrashPoint.BOOKING_BEFORE_APPLY)
        await self._update(guard, update, active=after.active)
        crash_point(CrashPoint.BOOKING_AFTER_APPLY)
        self._relay.submit(collection="appointments", document_id=after.id, entries=told)
        self.recent.keep(after)
        return after

    async def _write(self, change: Change) -> tuple[Document, Document, list[Entry]]:
        """Guard, update and the events that wait in it."""
        before, after = change.before, change.after
        told = [self._told(after, change.event, now=change.now)]
        if change.contact:
            told.append(await self.contact_entry(after, change.contact, now=change.now))
        update = difference(before, after)
        if change.contact is ContactProvided:
            update["$set"]["requested_by"] = told[0]["id"]
        if before.person and not after.person:
            update["$set"]["key_left"] = True
        update["$push"] = {"outbox": {"$each": told}, "history": {"$each": _remembered(told, by=change.by)}}
        return _guard(before), update, told

    async def _update(
        self, guard: Document, update: Document, *, active: tuple[str, ...] = (), session: Session | None = None
    ) -> None:
        with _refusals(active):
            result = await self._collection.update_one(guard, update, session=session)
        if not result.matched_count:
            raise ChangedMeanwhile

    async def together(self, changes: Sequence[Change], *, giving: Sequence[Giving] = ()) -> list[Appointment]:
        """Several changes, and cooling cells that change hands, all or nothing: the one use of a transaction.

        Raises ChangedMeanwhile, SlotTaken, AlreadyBooked as `apply` does; then nothing has changed.
        """
        writes = [await self._write(change) for change in changes]
        async with self._transaction(giving) as session:
            for change, (guard, update, _) in zip(changes, writes, strict=True):
                await self._update(guard, update, active=change.after.active, session=session)
        crash_point(CrashPoint.BOOKING_AFTER_TOGETHER)
        for change, (_, _, told) in zip(changes, writes, strict=True):
            self._relay.submit(collection="appointments", document_id=change.after.id, entries=told)
        return [change.after for change in changes]

    async def release(self, before: Appointment, after: Appointment) -> bool:
        """Gives cooled cells back; nobody is told, so the version stays."""
        result = await self._collection.update_one(_giving_guard(before), difference(before, after))
        crash_point(CrashPoint.BOOKING_AFTER_RELEASE)
        return bool(result.modified_count)

    async def extend(self, id: str, *, now: datetime, until: datetime) -> bool:
        """Makes a hold that still runs longer, once. The version stays, since nobody is told: other writes are
        guarded by `extended` as well."""
        result = await self._collection.update_one(
            {"_id": id, "status": "held", "expires_at": {"$gt": now}, "extended": {"$exists": False}},
            {"$set": {"expires_at": until, "extended": True}},
        )
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

    async def send_link(self, id: str, *, by: LinkBy, now: datetime, not_since: datetime) -> None:
        """Tells the contact the link again, `by` this way, unless that was done after `not_since`."""
        appointment = await self.get(id)
        contact = (await self._contact_told(appointment)).model_copy(update={"link_by": by})
        told = new_event(LinkRequested, subject=id, sequence=appointment.version, data=contact, time=now)
        entry = outbox_entry(told)
        guard = {
            "_id": id,
            "version": appointment.version,
            "$or": [{"link_sent_at": None}, {"link_sent_at": {"$lt": not_since}}],
        }
        update = {
            "$set": {"link_sent_at": now},
            "$push": {"outbox": entry, "history": {**_remembered([entry])[0], "link_by": by}},
        }
        result = await self._collection.update_one(guard, update)
        if result.modified_count:
            crash_point(CrashPoint.BOOKING_AFTER_LINK)
            self._relay.submit(collection="appointments", document_id=id, entries=[entry])

    async def ids_by(self, by: LinkBy, digest: str, *, now: datetime, most: int) -> list[str]:
        """Visits ahead of whoever gave this mail address, or this number for SMS."""
        given: Document = {"contact.email_digest": digest}
        if by == "sms":
            given = {"phone_digest": digest, "contact.sms_consent": True}
        found = self._collection.find(
            {**given, "status": "confirmed", "starts_at": {"$gt": now}},
            {"_id": 1},
            sort=[("starts_at", ASCENDING)],
            limit=most,
        )
        return [document["_id"] async for document in found]

    async def owners(self, office: str, cells: tuple[str, ...]) -> list[Appointment]:
        """Cells are an office's: another may have a team and a desk of the same names."""
        return await self._found({"office": office, "cells": {"$in": list(cells)}})

    async def cooling(self, office: str, *, now: datetime) -> list[Appointment]:
        """Those of an office whose freed times still cool."""
        return await self._found({"cooling.release_at": {"$gt": now}, "office": office})

    async def waiters(self, office: str, *, most: int) -> list[Appointment]:
        """Who waits, the longest first."""
        query = {"office": office, "wish": {"$exists": True}, "status": {"$in": ["waiting", "confirmed"]}}
        return await self._found(query, sort=[("waiting_since", ASCENDING)], most=most)

    async def count_waiting(self, office: str, service: str) -> int:
        query = {"office": office, "service": service, "wish": {"$exists": True}}
        return await self._collection.count_documents({**query, "status": {"$in": ["waiting", "confirmed"]}})

    async def active(self, office: str, claims: tuple[str, ...]) -> Appointment | None:
        """The appointment by which one of these claims is taken."""
        found = await self._found({"office": office, "active": {"$in": list(claims)}}, most=1)
        return found[0] if found else None

    async def between(self, office: str, start: datetime, end: datetime) -> list[Appointment]:
        """Whose time begins in `[start, end)`, by start; holds and what ran out included."""
        query = {"office": office, "starts_at": {"$gte": start, "$lt": end}}
        return await self._found(query, sort=[("starts_at", ASCENDING)])

    async def not_anonymised(self, office: str) -> list[Appointment]:
        """All of an office that still know whose they are."""
        return await self._found({"office": office, "status": {"$ne": "anonymised"}})

    async def versions(self, office: str, start: datetime, end: datetime) -> list[tuple[str, int]]:
        """Id and version of all that begins in `[start, end)`: equal as long as nothing has changed."""
        query = {"office": office, "starts_at": {"$gte": start, "$lt": end}}
        found = self._collection.find(query, {"version": 1}, sort=[("starts_at", ASCENDING), ("_id", ASCENDING)])
        return [(document["_id"], document["version"]) async for document in found]

    async def by_code(self, office: str, code: str) -> list[Appointment]:
        return await self._found({"office": office, "code": code}, most=10)

    async def for_review(self, office: str) -> list[Appointment]:
        return await self._found({"office": office, "review": {"$exists": True}, "status": "confirmed"}, most=200)

    async def _found(
        self, query: Document, *, sort: list[tuple[str, int]] | None = None, most: int = 0
    ) -> list[Appointment]:
        cursor = self._collection.find(query, {"outbox": 0, "history": 0}, sort=sort, limit=most)
        return [to_appointment(document) async for document in cursor]

    async def due(self, *, now: datetime, most: int) -> list[Appointment]:
        """Holds and offers that ran out and freed cells that have cooled, the oldest first."""
        found = []
        for key in ("expires_at", "cooling.release_at", "offer.expires_at"):
            found += await self._found({key: {"$lte": now}}, sort=[(key, ASCENDING)], most=most)
        return found

    async def drop_past_cells(self, *, now: datetime) -> int:
        """What is over needs no time any more, and its person may book anew, whoever closed the visit or not."""
        dropped = 0
        for field in ("cells", "active"):
            result = await self._collection.update_many(
                {"ends_at": {"$lte": now}, f"{field}.0": {"$exists": True}},
                {"$unset": {"cells": "", "cooling": "", "active": ""}},
                hint=f"past_{field}",
            )
            dropped += result.modified_count
        return dropped

    async def contact_entry(self, appointment: Appointment, event: type[Event], *, now: datetime) -> Entry:
        told = new_event(
            event,
            subject=appointment.id,
            sequence=appointment.version,
            data=await self._contact_data(appointment, event),
            time=now,
        )
        return outbox_entry(told)

    async def _contact_data(self, appointment: Appointment, event: type[Event]) -> Contact | ErasedContact:
        if event is ContactErased:
            return ErasedContact(appointment=appointment.id, asked=appointment.anonymised_as == "request")
        return await self._contact_told(appointment)

    def _told(self, appointment: Appointment, event: type[Event], *, now: datetime) -> Entry:
        return outbox_entry(
            new_event(
                event,
                subject=appointment.id,
                sequence=appointment.version,
                data=to_state(appointment),
                time=now,
            )
        )


@contextmanager
def _refusals(active: tuple[str, ...]) -> Iterator[None]:
    """What the indexes refuse, and a transaction that met another one, as errors of ours."""
    try:
        yield
    except DuplicateKeyError as error:
        raise refused(error, active=active) from None
    except OperationFailure as error:
        if error.has_error_label("TransientTransactionError"):
            raise ChangedMeanwhile from None
        raise


def _guard(before: Appointment) -> Document:
    extended = True if before.extended else {"$exists": False}
    return {"_id": before.id, "version": before.version, "status": before.status, "extended": extended}


def _giving_guard(before: Appointment) -> Document:
    """Giving cells away leaves the version, since nobody is told."""
    return {"_id": before.id, "version": before.version, "cooling": to_document(before).get("cooling")}


def _remembered(entries: list[Entry], *, by: Actor = CITIZEN) -> list[Entry]:
    """As history keeps them: what tells a contact by id only, since a republish fills it from the appointment."""
    who = {"by": by.id} if by.id else {}
    return [{**e, **who, "body": None} if e["type"] in _TELLING_A_CONTACT else {**e, **who} for e in entries]


async def taken_cells(database: Database, *, now: datetime) -> AsyncIterator[Document]:
    """`{_id, office, version, cells}` of every appointment that is not over."""
    projection = {"office": 1, "version": 1, "cells": 1}
    # In small batches: whoever reads a million goes on answering meanwhile.
    found = database["appointments"].find({"ends_at": {"$gt": now}}, projection, batch_size=1000)
    async for document in found:
        yield document
