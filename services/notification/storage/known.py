"""What this service knows of appointments, contacts and offices: the newest of each, by sequence."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from services.notification.domain import KnownState
from services.notification.storage.grouped import GroupedWrites
from shared.contracts import (
    AppointmentState,
    ConflictList,
    Contact,
    ContactErased,
    ContactProvided,
    DayList,
    EntryRequest,
    EntryRequested,
    Invited,
    LinkRequested,
    MessageRequested,
    Office,
    OfficeConflictsFound,
    OfficeDayPlanned,
    OfficePublished,
)
from shared.contracts.appointments import AppointmentEvent
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Database, Document

_SCHEMA = 1
_KEY = {"key_id", "key"}
# Another process may have heard of a newer office: its address should not be wrong for longer than this.
_OFFICE_CACHED_S = 5.0


@dataclass(frozen=True, slots=True)
class SealedContact:
    """`data` is None once the contact was erased; nothing brings it back."""

    sequence: int
    data: Contact | None


class Known:
    """`keys` is the database of the wrapped data keys, kept and backed up apart from the contacts."""

    def __init__(self, database: Database, *, keys: Database) -> None:
        self._appointments = database["appointments"]
        self._contacts = database["contacts"]
        self._offices = database["offices"]
        self._entries = database["entries"]
        self._lists = database["staff_lists"]
        self._keys = keys["keys"]
        self._entry_keys = keys["entry_keys"]
        # Of those who were erased, until they were told so, or for an hour.
        self._farewells = database["farewells"]
        self._farewell_keys = keys["farewell_keys"]
        self._state_writes = GroupedWrites(self._appointments)
        self._contact_writes = GroupedWrites(self._contacts)
        self._key_writes = GroupedWrites(self._keys)
        self._office_writes = GroupedWrites(self._offices)
        self._office_cache: dict[str, tuple[float, Office]] = {}

    async def keep_state(self, event: AppointmentEvent | MessageRequested) -> bool:
        """False where one as new may have been there already."""
        return await _keep(self._state_writes, event.data.appointment, event.sequence, event.data.model_dump())

    async def keep_contact(self, event: ContactProvided | LinkRequested) -> None:
        """Does nothing once the contact was erased, whatever its sequence."""
        data, more = event.data.model_dump(exclude=_KEY | {"link_by"}), {"erased": False}
        key = event.data.model_dump(include=_KEY)
        await asyncio.gather(
            self._keep_key(event.data.appointment, key),
            _keep(self._contact_writes, event.data.appointment, event.sequence, data, more),
        )

    async def erase_contact(self, event: ContactErased) -> None:
        """Leaves tombstones, so that a contact or key that comes later stays away."""
        id = event.data.appointment
        forgotten = {"$set": {"erased": True}, "$unset": {"key": "", "key_id": ""}}
        await self._keys.update_one({"_id": id}, forgotten, upsert=True)
        crash_point(CrashPoint.NOTIFICATION_AFTER_KEY_ERASED)
        erased = {"$set": {"erased": True, "sequence": event.sequence}, "$unset": {"data": ""}}
        await self._contacts.update_one({"_id": id}, erased, upsert=True)

    async def keep_farewell(self, contact: Contact, *, sequence: int, until: datetime) -> None:
        """A copy of what is about to be erased, for the one mail that says so. Apart from its key, as ever."""
        id, key = {"_id": contact.appointment}, {**contact.model_dump(include=_KEY), "expires_at": until}
        data = {
            "data": contact.model_dump(exclude=_KEY),
            "sequence": sequence,
            "expires_at": until,
            "erased": False,
        }
        await asyncio.gather(
            self._farewell_keys.update_one(id, {"$set": key}, upsert=True),
            self._farewells.update_one(id, {"$set": {**data, "expires_at": until}}, upsert=True),
        )

    async def farewells(self, appointments: Iterable[str]) -> dict[str, SealedContact]:
        wanted = {"_id": {"$in": list(set(appointments))}}
        if not wanted["_id"]["$in"]:
            return {}
        contacts, keys = await asyncio.gather(
            self._farewells.find(wanted).to_list(None),
            self._farewell_keys.find(wanted, dict.fromkeys(_KEY, 1)).to_list(None),
        )
        key_of = {d.pop("_id"): d for d in keys}
        return {d["_id"]: _contact(d, key_of[d["_id"]]) for d in contacts if d["_id"] in key_of}

    async def forget_farewell(self, appointment: str) -> None:
        """The key first: without it the copy is nothing."""
        await self._farewell_keys.delete_one({"_id": appointment})
        await self._farewells.delete_one({"_id": appointment})

    async def keep_office(self, event: OfficePublished) -> None:
        document = event.data.model_dump(mode="json", by_alias=True)
        await _keep(self._office_writes, event.data.id, event.sequence, document)
        self._office_cache.pop(event.data.id, None)

    async def state(self, appointment: str) -> KnownState | None:
        return (await self.states([appointment])).get(appointment)

    async def states(self, appointments: Iterable[str]) -> dict[str, KnownState]:
        cursor = self._appointments.find({"_id": {"$in": list(set(appointments))}})
        return {
            d["_id"]: KnownState(d["sequence"], AppointmentState.model_validate(d["data"]))
            for d in await cursor.to_list(None)
        }

    async def contacts(self, appointments: Iterable[str]) -> dict[str, SealedContact]:
        """One whose key has not come yet is as good as not there."""
        wanted = {"_id": {"$in": list(set(appointments))}}
        contacts, keys = await asyncio.gather(
            self._contacts.find(wanted).to_list(None),
            self._keys.find(wanted, dict.fromkeys(_KEY, 1)).to_list(None),
        )
        key_of = {d.pop("_id"): d for d in keys}
        return {d["_id"]: _contact(d, key_of.get(d["_id"])) for d in contacts if d["erased"] or d["_id"] in key_of}

    async def ends(self, *, most: int) -> tuple[list[SealedContact], list[SealedContact]]:
        """Contacts as they came: of the newest and of the oldest those whose key is there, the outermost first."""
        newest, oldest = [await self._first(order, most) for order in (-1, 1)]
        return newest, oldest

    async def _first(self, order: int, most: int) -> list[SealedContact]:
        there = self._contacts.find({"erased": False}, {"_id": 1}, sort=[("$natural", order)], limit=most)
        ids = [document["_id"] for document in await there.to_list(None)]
        found = await self.contacts(ids)
        return [found[id] for id in ids if id in found]

    async def any_contact(self) -> bool:
        return await self._contacts.find_one({"erased": False}, {"_id": 1}) is not None

    async def _keep_key(self, appointment: str, key: dict[str, Any]) -> None:
        """The first one stays: it never changes. Refused once it was erased, and where it is there already."""
        missing = {"_id": appointment, "key": {"$exists": False}, "erased": {"$ne": True}}
        await self._key_writes.write(UpdateOne(missing, {"$set": key}, upsert=True))

    async def offices(self, ids: Iterable[str]) -> dict[str, Office]:
        """From memory where it was read within the last seconds."""
        found = await asyncio.gather(*(self.office(id) for id in set(ids)))
        return {office.id: office for office in found if office}

    async def keep_entry(self, event: EntryRequested | Invited, *, until: datetime) -> None:
        """Then nobody may send it any more, and the address is forgotten."""
        id = {"_id": event.data.entry}
        key = {**event.data.model_dump(include=_KEY), "expires_at": until}
        entry = {"data": event.data.model_dump(exclude=_KEY), "expires_at": until, "schema": _SCHEMA}
        await asyncio.gather(
            self._entry_keys.update_one(id, {"$set": key}, upsert=True),
            self._entries.update_one(id, {"$set": entry}, upsert=True),
        )

    async def entries(self, ids: Iterable[str]) -> dict[str, EntryRequest]:
        """One whose key has not come yet is as good as not there."""
        wanted = {"_id": {"$in": list(set(ids))}}
        if not wanted["_id"]["$in"]:
            return {}
        entries, keys = await asyncio.gather(
            self._entries.find(wanted).to_list(None),
            self._entry_keys.find(wanted, dict.fromkeys(_KEY, 1)).to_list(None),
        )
        key_of = {d.pop("_id"): d for d in keys}
        return {
            d["_id"]: EntryRequest.model_validate({**d["data"], **key_of[d["_id"]]})
            for d in entries
            if d["_id"] in key_of
        }

    async def keep_list(self, event: OfficeDayPlanned | OfficeConflictsFound, *, until: datetime) -> None:
        """A list for the office's own people; after `until` nobody sends it any more."""
        kept = {"type": event.type, "data": event.data.model_dump(mode="json"), "expires_at": until}
        await self._lists.update_one({"_id": event.id}, {"$setOnInsert": {**kept, "schema": _SCHEMA}}, upsert=True)

    async def lists(self, ids: Iterable[str]) -> dict[str, DayList | ConflictList]:
        """By the id of the event that told it."""
        wanted = {"_id": {"$in": list(set(ids))}}
        if not wanted["_id"]["$in"]:
            return {}
        return {d["_id"]: _list(d) for d in await self._lists.find(wanted).to_list(None)}

    async def ensure_indexes(self) -> None:
        for collection in (self._lists, self._entries, self._entry_keys, self._farewells, self._farewell_keys):
            await collection.create_index([("expires_at", 1)], name="expires", expireAfterSeconds=0)

    async def office(self, id: str) -> Office | None:
        """From memory where it was read within the last seconds."""
        clock = asyncio.get_running_loop().time
        read_at, office = self._office_cache.get(id, (float("-inf"), None))
        if clock() - read_at < _OFFICE_CACHED_S:
            return office
        document = await self._offices.find_one({"_id": id})
        if document is None:
            return None
        office = Office.model_validate(document["data"])
        self._office_cache[id] = (clock(), office)
        return office


async def _keep(
    writes: GroupedWrites, key: str, sequence: int, data: Document, more: Document | None = None
) -> bool:
    """Keeps `data` where nothing as new is stored. False where something was there that may be.

    The upsert of an older one misses the guard, tries to insert, and the key refuses it. The same happens to
    the newer of two that come first at once, so who was refused looks once more.
    """
    older = {"_id": key, "sequence": {"$lt": sequence}, "erased": {"$ne": True}}
    update = {"$set": {"sequence": sequence, "data": data, "schema": _SCHEMA, **(more or {})}}
    if await writes.write(UpdateOne(older, update, upsert=True)):
        return True
    await writes.write(UpdateOne(older, update))
    return False


def _list(document: Document) -> DayList | ConflictList:
    model = DayList if document["type"].startswith("office.day_planned.") else ConflictList
    return model.model_validate(document["data"])


def _contact(document: Document, key: Document | None) -> SealedContact:
    """Where the key is erased and the contact about to be, it counts as erased."""
    if document["erased"] or not key or "key" not in key:
        return SealedContact(document["sequence"], None)
    return SealedContact(document["sequence"], Contact.model_validate({**document["data"], **key}))
