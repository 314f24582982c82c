"""The data keys of appointments, wrapped, in a database of their own: kept and backed up apart from the data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.booking.storage.faults import AlreadyHeld, NotFound
from shared.mongo import Collection, Database, DuplicateKeyError
from shared.sealing import Wrapped


@dataclass(frozen=True, slots=True)
class WrappedTwice:
    """One data key: for booking itself and for notification."""

    booking: Wrapped
    notification: Wrapped


class KeyStore:
    def __init__(self, database: Database) -> None:
        self._keys: Collection = database["keys"]

    async def ensure_indexes(self) -> None:
        await self._keys.create_index([("created_at", 1)], name="created_at")

    async def add(self, id: str, key: WrappedTwice, *, now: datetime) -> None:
        """Raises AlreadyHeld where the appointment has a key."""
        document = {
            "_id": id,
            "booking": _document(key.booking),
            "notification": _document(key.notification),
            "created_at": now,
        }
        try:
            await self._keys.insert_one(document)
        except DuplicateKeyError:
            raise AlreadyHeld from None

    async def get(self, id: str) -> WrappedTwice:
        """Raises NotFound."""
        document = await self._keys.find_one({"_id": id})
        if document is None:
            raise NotFound
        return _twice(document)

    async def get_all(self, ids: Sequence[str]) -> dict[str, WrappedTwice]:
        """Of those that have one."""
        found = self._keys.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _twice(document) async for document in found}

    async def destroy(self, id: str) -> None:
        await self._keys.delete_one({"_id": id})

    async def ids(self, *, after: str, created_before: datetime, most: int) -> list[str]:
        """In the order of ids, from the first one behind `after`."""
        found = self._keys.find(
            {"_id": {"$gt": after}, "created_at": {"$lt": created_before}},
            {"_id": 1},
            sort=[("_id", 1)],
            limit=most,
        )
        return [document["_id"] async for document in found]

    async def ends(self, *, most: int) -> tuple[list[str], list[str]]:
        """Whose keys are the newest, and whose the oldest; the outermost first."""
        newest, oldest = [
            await self._keys.find({}, {"_id": 1}, sort=[("created_at", order)], limit=most).to_list(None)
            for order in (-1, 1)
        ]
        return [document["_id"] for document in newest], [document["_id"] for document in oldest]


def _document(wrapped: Wrapped) -> dict[str, Any]:
    return {"key_id": wrapped.key_id, "box": wrapped.box}


def _twice(document: Mapping[str, Any]) -> WrappedTwice:
    return WrappedTwice(_wrapped(document["booking"]), _wrapped(document["notification"]))


def _wrapped(document: Mapping[str, Any]) -> Wrapped:
    return Wrapped(document["key_id"], document["box"])
