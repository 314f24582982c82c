"""After a restore: what must not come back or go out again, and every version told anew as the newest."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from pymongo import InsertOne, UpdateOne

from services.notification.domain import Delivery, Status
from services.notification.storage.deliveries import DUE, document_of, read_delivery
from shared.mongo import Database, Document
from shared.outbox import Entry
from shared.restated import raised

_AT_ONCE = 500
# Copies of contacts that lived for a mail, and what a running process holds.
_GIVEN_UP = ("leases", "processes", "farewells", "entries")
_KEYS_GIVEN_UP = ("farewell_keys", "entry_keys")
_CLAIM = ("token", "anew", "late_since", "waits_for")


class Restored:
    def __init__(self, database: Database, *, keys: Database) -> None:
        self._database = database
        self._keys = keys
        self._deliveries = database["deliveries"]

    async def give_up(self) -> None:
        for name in _GIVEN_UP:
            await self._database[name].delete_many({})
        for name in _KEYS_GIVEN_UP:
            await self._keys[name].delete_many({})

    async def due(self, *, now: datetime) -> AsyncIterator[Delivery]:
        """What was due by now; what lies ahead waits unclaimed."""
        ahead = {**DUE, "due_at": {"$gt": now}}
        await self._deliveries.update_many(ahead, [{"$set": {"next_at": "$due_at"}}, {"$unset": list(_CLAIM)}])
        async for document in self._deliveries.find({**DUE, "due_at": {"$lte": now}}):
            yield read_delivery(document)

    async def withhold(self, delivery: Delivery, entry: Entry, *, why: str) -> None:
        update = {
            "$set": _outcome(delivery, entry, why),
            "$unset": dict.fromkeys(_CLAIM, ""),
            "$push": {"outbox": entry, "history": entry},
        }
        await self._deliveries.update_one({"_id": delivery.id, **DUE}, update)

    async def planned(self, ids: Sequence[str]) -> set[str]:
        found = self._deliveries.find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def plan_withheld(self, planned: Sequence[tuple[Delivery, Entry]], *, why: str) -> None:
        """So that their events, when they come again, find them done with."""
        documents = (
            {**document_of(d), **_outcome(d, entry, why), "outbox": [entry], "history": [entry]}
            for d, entry in planned
        )
        if writes := [InsertOne(document) for document in documents]:
            await self._deliveries.bulk_write(writes, ordered=False)

    async def raise_deliveries(self, *, told_since: datetime) -> int:
        """Tells the newest of each as the newest, and what was told since then once more."""
        count = 0
        writes: list[UpdateOne] = []
        async for document in self._deliveries.find({"version": {"$gt": 0}}, {"history": 1, "version": 1}):
            writes.append(_raised(document, told_since))
            count += 1
            if len(writes) >= _AT_ONCE:
                await self._deliveries.bulk_write(writes, ordered=False)
                writes = []
        if writes:
            await self._deliveries.bulk_write(writes, ordered=False)
        return count


def _outcome(delivery: Delivery, entry: Entry, why: str) -> Document:
    expired = {"status": Status.EXPIRED.value, "error": why}
    return {**expired, "version": entry["sequence"], "finished_at": entry["at"], "sent_at": None}


def _raised(document: Document, told_since: datetime) -> UpdateOne:
    """Its time stays: figures count an outcome on its day."""
    newest = raised(document["history"][-1])
    again = [entry for entry in document["history"] if entry["at"] >= told_since]
    return UpdateOne(
        {"_id": document["_id"], "version": document["version"]},
        {"$set": {"version": newest["sequence"], "outbox": [*again, newest]}, "$push": {"history": newest}},
    )
