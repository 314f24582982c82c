"""What this service knows of appointments, contacts and offices: the newest of each, by sequence."""

import asyncio
from collections.abc import Iterable

from pymongo import UpdateOne

from services.notification.domain import KnownContact, KnownState
from services.notification.storage.grouped import GroupedWrites
from shared.contracts import (
    AppointmentState,
    Contact,
    ContactErased,
    ContactProvided,
    LinkRequested,
    Office,
    OfficePublished,
)
from shared.contracts.appointments import AppointmentEvent
from shared.mongo import Database, Document

_SCHEMA = 1
# Another process may have heard of a newer office: its address should not be wrong for longer than this.
_OFFICE_CACHED_S = 5.0


class Known:
    def __init__(self, database: Database) -> None:
        self._appointments = database["appointments"]
        self._contacts = database["contacts"]
        self._offices = database["offices"]
        self._state_writes = GroupedWrites(self._appointments)
        self._contact_writes = GroupedWrites(self._contacts)
        self._office_writes = GroupedWrites(self._offices)
        self._office_cache: dict[str, tuple[float, Office]] = {}

    async def keep_state(self, event: AppointmentEvent) -> None:
        await _keep(self._state_writes, event.data.appointment, event.sequence, event.data.model_dump())

    async def keep_contact(self, event: ContactProvided | LinkRequested) -> None:
        """Does nothing once the contact was erased, whatever its sequence."""
        data, more = event.data.model_dump(), {"erased": False}
        await _keep(self._contact_writes, event.data.appointment, event.sequence, data, more)

    async def erase_contact(self, event: ContactErased) -> None:
        """Leaves a tombstone, so that a contact that comes later stays away."""
        erased = {"$set": {"erased": True, "sequence": event.sequence}, "$unset": {"data": ""}}
        await self._contacts.update_one({"_id": event.data.appointment}, erased, upsert=True)

    async def keep_office(self, event: OfficePublished) -> None:
        document = event.data.model_dump(mode="json", by_alias=True)
        await _keep(self._office_writes, event.data.id, event.sequence, document)
        self._office_cache.pop(event.data.id, None)

    async def states(self, appointments: Iterable[str]) -> dict[str, KnownState]:
        cursor = self._appointments.find({"_id": {"$in": list(set(appointments))}})
        return {
            d["_id"]: KnownState(d["sequence"], AppointmentState.model_validate(d["data"]))
            for d in await cursor.to_list(None)
        }

    async def contacts(self, appointments: Iterable[str]) -> dict[str, KnownContact]:
        cursor = self._contacts.find({"_id": {"$in": list(set(appointments))}})
        return {d["_id"]: _contact(d) for d in await cursor.to_list(None)}

    async def offices(self, ids: Iterable[str]) -> dict[str, Office]:
        """From memory where it was read within the last seconds."""
        found = await asyncio.gather(*(self._office(id) for id in set(ids)))
        return {office.id: office for office in found if office}

    async def _office(self, id: str) -> Office | None:
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
) -> None:
    """Keeps `data` where nothing as new is stored.

    The upsert of an older one misses the guard, tries to insert, and the key refuses it. The same happens to
    the newer of two that come first at once, so who was refused looks once more.
    """
    older = {"_id": key, "sequence": {"$lt": sequence}, "erased": {"$ne": True}}
    update = {"$set": {"sequence": sequence, "data": data, "schema": _SCHEMA, **(more or {})}}
    if not await writes.write(UpdateOne(older, update, upsert=True)):
        await writes.write(UpdateOne(older, update))


def _contact(document: Document) -> KnownContact:
    data = None if document["erased"] else Contact.model_validate(document["data"])
    return KnownContact(document["sequence"], data)
