"""After a restore: what must not come back, and every version told anew as the newest."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from pymongo import UpdateOne

from services.booking.domain.appointment import Appointment
from services.booking.storage.documents import to_appointment, to_state
from shared.contracts import AppointmentRecovered, new_event
from shared.mongo import Collection, Database, Document
from shared.outbox import Entry, outbox_entry
from shared.restated import STEP, raised

_AT_ONCE = 500
# These keep what they told last; mails of the others stand in the outbox alone.
RAISED = ("offices", "demand", "capacity", "free_times")
PUBLISHED_ONCE = ("invitations", "proofs")
# A list that is told anew would be mailed anew.
NOT_TOLD_AGAIN = ("staff_lists",)
# Whoever signed out since, or was locked out, must not be in again; a used link must not be good once more.
_GIVEN_UP = ("leases", "staff_sessions", "staff_attempts")


class Restored:
    """`keys` is the collection of data keys."""

    def __init__(self, database: Database, *, keys: Collection) -> None:
        self._database = database
        self._appointments = database["appointments"]
        self._keys = keys

    async def give_up(self) -> int:
        """Leases, sessions and open links of the staff, and mails that stood in an outbox alone: how many."""
        for name in _GIVEN_UP:
            await self._database[name].delete_many({})
        await self._database["staff"].update_many({}, {"$unset": {"link": ""}})
        lost = {
            name: (
                await self._database[name].update_many({"outbox.0": {"$exists": True}}, {"$unset": {"outbox": ""}})
            )
            for name in (*PUBLISHED_ONCE, *NOT_TOLD_AGAIN)
        }
        return sum(lost[name].modified_count for name in PUBLISHED_ONCE)

    async def without_key(self) -> list[str]:
        """Appointments with a person whom no key opens: erased after the backup, or just then."""
        missing: list[str] = []
        ids: list[str] = []
        async for document in self._appointments.find({"person": {"$exists": True}}, {"_id": 1}):
            ids.append(document["_id"])
            if len(ids) >= _AT_ONCE:
                missing += await self._missing(ids)
                ids = []
        return missing + await self._missing(ids)

    async def _missing(self, ids: Sequence[str]) -> list[str]:
        found = self._keys.find({"_id": {"$in": list(ids)}}, {"_id": 1})
        known = {document["_id"] async for document in found}
        return [id for id in ids if id not in known]

    async def raise_appointments(self, *, now: datetime) -> int:
        """Each tells what it is now, and nothing of what waited to be told: messages asked for then are old."""
        count = 0
        writes: list[UpdateOne] = []
        async for document in self._appointments.find({}, {"outbox": 0, "history": 0}):
            writes.append(_recovered(to_appointment(document), now))
            if len(writes) >= _AT_ONCE:
                count += await self._write(self._appointments, writes)
                writes = []
        return count + await self._write(self._appointments, writes)

    async def raise_told_anew(self, name: str) -> int:
        """Of one of RAISED."""
        collection = self._database[name]
        writes = [
            _raised(document) async for document in collection.find({"last": {"$exists": True}}, {"last": 1})
        ]
        return await self._write(collection, writes)

    async def remember_offices(self, *, now: datetime) -> None:
        async for document in self._database["offices"].find({"data": {"$exists": True}}, {"version": 1}):
            past = {"version": document["version"], "at": now, "by": "restore", "differs": []}
            await self._database["offices"].update_one({"_id": document["_id"]}, {"$push": {"history": past}})

    async def tell_again(self, entries: AsyncIterator[Entry]) -> int:
        """Under their first ids: whoever has heard them does nothing."""
        count = 0
        # One write for each appointment, not for each event: that is most of the time that a restore takes.
        told = defaultdict[str, list[Entry]](list)
        async for entry in entries:
            told[_subject(entry)].append(entry)
            if len(told) > _AT_ONCE:
                newest = next(reversed(told))
                rest = {newest: told.pop(newest)}
                count += await self._push(told)
                told = defaultdict(list, rest)
        return count + await self._push(told)

    async def _push(self, told: Mapping[str, list[Entry]]) -> int:
        pushes = [
            UpdateOne({"_id": id}, {"$push": {"outbox": {"$each": entries}}}) for id, entries in told.items()
        ]
        await self._write(self._appointments, pushes)
        return sum(map(len, told.values()))

    async def _write(self, collection: Collection, writes: list[UpdateOne]) -> int:
        if writes:
            await collection.bulk_write(writes, ordered=False)
        return len(writes)


def _recovered(appointment: Appointment, now: datetime) -> UpdateOne:
    version = appointment.version + STEP
    event = new_event(
        AppointmentRecovered, subject=appointment.id, sequence=version, data=to_state(appointment), time=now
    )
    entry = outbox_entry(event)
    return UpdateOne(
        {"_id": appointment.id, "version": appointment.version},
        {"$set": {"version": version, "outbox": [entry]}, "$push": {"history": entry}},
    )


def _raised(document: Document) -> UpdateOne:
    entry = raised(document["last"])
    told: Document = {"last": entry, "version": entry["sequence"], "outbox": [entry]}
    return UpdateOne({"_id": document["_id"]}, {"$set": told})


def _subject(entry: Entry) -> str:
    return str(json.loads(entry["body"])["subject"])
