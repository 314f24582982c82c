"""Offices as they are stored: whole, versioned, each version told and remembered with who made it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from services.booking.domain.conflicts import AWAITED
from services.booking.domain.rules import OfficeData
from services.booking.storage.faults import ChangedMeanwhile
from shared import contracts
from shared.contracts import OfficePublished, new_event
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Collection, Database, Document
from shared.outbox import Relay, outbox_entry

# So many versions are remembered.
_MOST_HISTORY = 500


@dataclass(frozen=True, slots=True)
class StoredOffice:
    """`edited`: it was changed here, so that its file no longer decides."""

    data: OfficeData
    version: int
    edited: bool
    digest: str


@dataclass(frozen=True, slots=True)
class OfficeVersion:
    """One version in the history: who made it, when, and the names of what differs from the one before."""

    version: int
    at: datetime
    by: str
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AwaitedVisit:
    """What the conflict list needs of an appointment."""

    id: str
    code: str
    team: str
    lane: str
    status: str
    starts_at: datetime
    ends_at: datetime
    service: str
    municipalities: tuple[str, ...]

    @property
    def persons(self) -> int:
        return len(self.municipalities)


class OfficeStore:
    """Without a relay the events wait for the next sweep of a running process."""

    def __init__(self, database: Database, *, relay: Relay | None = None) -> None:
        self._offices: Collection = database["offices"]
        # What each version said, once there is a newer one.
        self._versions: Collection = database["office_versions"]
        self._appointments: Collection = database["appointments"]
        self._relay = relay

    async def get(self, id: str) -> StoredOffice | None:
        found = await self.newer({id: 0})
        return found[0] if found else None

    async def newer(self, than: Mapping[str, int]) -> list[StoredOffice]:
        """Those of the offices named in `than` whose version is higher than told there."""
        wanted = [{"_id": id, "version": {"$gt": version}} for id, version in than.items()]
        query = {"$or": wanted, "data": {"$exists": True}}
        fields = {"data": 1, "version": 1, "edited": 1, "digest": 1}
        return [_stored(document) async for document in self._offices.find(query, fields)]

    async def versions(self) -> dict[str, int]:
        found = self._offices.find({"data": {"$exists": True}}, {"version": 1})
        return {document["_id"]: document["version"] async for document in found}

    async def changed_at(self, id: str) -> datetime | None:
        """When the newest version was stored."""
        found = await self._offices.find_one({"_id": id}, {"history": {"$slice": -1}})
        past = found.get("history") if found else None
        return past[-1]["at"] if past else None

    async def begin(self, data: OfficeData, *, now: datetime) -> bool:
        """Stores and tells what a file says, unless the office was edited here or is the same already.

        False where a file is no longer what decides. Two processes that start at once tell it once.
        """
        known = await self._offices.find_one({"_id": data.id}, {"digest": 1, "edited": 1, "version": 1})
        if known and known["digest"] == digest(data):
            return True
        if known and known.get("edited"):
            return False
        version = known["version"] if known else None
        await self._write(data, actor="file", expected_version=version, edited=False, now=now, differs=())
        return True

    async def save(self, data: OfficeData, *, actor: str, expected_version: int | None, now: datetime) -> int:
        """The new version; `expected_version` is the one that was edited, None for a new office.

        Raises ChangedMeanwhile where another version is stored by now. The data must have been checked.
        """
        before = await self.get(data.id)
        if (before.version if before else None) != expected_version:
            raise ChangedMeanwhile
        changes = tuple(differences(before.data, data)) if before else ()
        return await self._write(
            data, actor=actor, expected_version=expected_version, edited=True, now=now, differs=changes
        )

    async def history(self, id: str) -> list[OfficeVersion]:
        """The newest first."""
        found = await self._offices.find_one({"_id": id}, {"history": 1})
        entries = reversed((found or {}).get("history", []))
        return [OfficeVersion(e["version"], e["at"], e["by"], tuple(e["differs"])) for e in entries]

    async def version(self, id: str, version: int) -> OfficeData | None:
        """What the office said in this version; None where that is not known."""
        current = await self.get(id)
        if current and current.version == version:
            return current.data
        found = await self._versions.find_one({"_id": _version_id(id, version)})
        return OfficeData.model_validate(found["data"]) if found else None

    async def awaited(self, office: str, *, now: datetime) -> list[AwaitedVisit]:
        fields = ("code", "team", "lane", "status", "starts_at", "ends_at", "service", "municipalities")
        query = {"office": office, "ends_at": {"$gt": now}, "status": {"$in": sorted(AWAITED)}}
        found = self._appointments.find(query, dict.fromkeys(fields, 1))
        return [AwaitedVisit(id=d["_id"], **{f: d[f] for f in fields}) async for d in found]

    async def _write(
        self,
        data: OfficeData,
        *,
        actor: str,
        expected_version: int | None,
        edited: bool,
        now: datetime,
        differs: Sequence[str],
    ) -> int:
        version = (expected_version or 0) + 1
        if expected_version is not None:
            await self._keep(data.id, expected_version)
        entry = outbox_entry(_told(data, version=version, now=now))
        past = {"version": version, "at": now, "by": actor, "differs": list(differs)}
        update = {
            "$set": {
                "data": _plain(data),
                "digest": digest(data),
                "version": version,
                "edited": edited,
                "last": entry,
            },
            "$push": {"outbox": entry, "history": {"$each": [past], "$slice": -_MOST_HISTORY}},
        }
        guard = {"_id": data.id, "version": expected_version}
        try:
            result = await self._offices.update_one(guard, update, upsert=expected_version is None)
        except DuplicateKeyError:
            raise ChangedMeanwhile from None
        if expected_version is not None and not result.matched_count:
            raise ChangedMeanwhile
        crash_point(CrashPoint.BOOKING_AFTER_OFFICE)
        if self._relay:
            self._relay.submit(collection="offices", document_id=data.id, entries=[entry])
        return version

    async def _keep(self, id: str, version: int) -> None:
        """Before a version is left behind: it never changes, so doing this twice or in vain harms nothing."""
        found = await self._offices.find_one({"_id": id, "version": version}, {"data": 1})
        if found and "data" in found:
            kept = {"$setOnInsert": {"data": found["data"]}}
            await self._versions.update_one({"_id": _version_id(id, version)}, kept, upsert=True)


def _version_id(id: str, version: int) -> str:
    return f"{id}|{version}"


def digest(data: OfficeData) -> str:
    return hashlib.sha256(json.dumps(_plain(data), sort_keys=True).encode()).hexdigest()


def differences(before: OfficeData, after: OfficeData) -> Iterator[str]:
    """Names of what differs: "booking.horizon_days", "services.eat_pickup", "closures"."""
    old, new = _plain(before), _plain(after)
    for key in sorted(old.keys() | new.keys()):
        yield from _differences(key, old.get(key), new.get(key))


def _differences(key: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    by_name = _by_id(old), _by_id(new)
    if by_name[0] is None or by_name[1] is None:
        yield key
        return
    for name in sorted(by_name[0].keys() | by_name[1].keys()):
        if by_name[0].get(name) != by_name[1].get(name):
            yield f"{key}.{name}"


def _by_id(value: Any) -> dict[str, Any] | None:
    """A table by its keys, a list of tables by their ids; None for all else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and all(isinstance(item, dict) and "id" in item for item in value):
        return {item["id"]: item for item in value}
    return None


def _told(data: OfficeData, *, version: int, now: datetime) -> OfficePublished:
    """What others may know of the office."""
    told = contracts.Office.model_validate(
        {**data.model_dump(by_alias=True), "confirm_minutes": data.booking.confirm_minutes}
    )
    return new_event(OfficePublished, subject=data.id, sequence=version, data=told, time=now)


def _plain(data: OfficeData) -> Document:
    return data.model_dump(mode="json", by_alias=True)


def _stored(document: Mapping[str, Any]) -> StoredOffice:
    return StoredOffice(
        data=OfficeData.model_validate(document["data"]),
        version=document["version"],
        edited=bool(document.get("edited")),
        digest=document["digest"],
    )
