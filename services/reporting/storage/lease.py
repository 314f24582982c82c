"""One of several processes does a piece of work, and one that lost it can no longer do harm."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pymongo import ReturnDocument

from shared.mongo import Collection, Document


class Lease:
    """`acquire` gives a fence, a number that grows whenever the holder changes: writes carry it, so that a
    process which was frozen beyond its lease cannot overwrite its successor's. Ends by the database's clock.
    """

    def __init__(self, collection: Collection, *, name: str, length: timedelta) -> None:
        self._collection = collection
        self._name = name
        self._milliseconds = int(length.total_seconds() * 1000)
        self._holder = uuid4().hex

    async def acquire(self) -> int | None:
        """Takes or keeps the lease and gives its fence; None while another process holds it."""
        held = await self._collection.find_one_and_update(
            {"_id": self._name, "$expr": {"$or": [self._ours(), {"$lt": ["$until", "$$NOW"]}]}},
            [{"$set": self._taken()}],
            return_document=ReturnDocument.AFTER,
        )
        if held is None:
            await self._ensure_exists()
            return None
        fence: int = held["fence"]
        return fence

    async def release(self) -> None:
        await self._collection.update_one(
            {"_id": self._name, "holder": self._holder}, {"$set": {"until": datetime.fromtimestamp(0, UTC)}}
        )

    def _ours(self) -> Document:
        return {"$eq": ["$holder", self._holder]}

    def _taken(self) -> Document:
        return {
            "fence": {"$cond": [self._ours(), "$fence", {"$add": ["$fence", 1]}]},
            "holder": self._holder,
            "until": {"$add": ["$$NOW", self._milliseconds]},
        }

    async def _ensure_exists(self) -> None:
        await self._collection.update_one(
            {"_id": self._name},
            {"$setOnInsert": {"holder": "", "fence": 0, "until": datetime.fromtimestamp(0, UTC)}},
            upsert=True,
        )
