"""Proofs that were used, and entry links that wait to be mailed; both are gone when they end."""

from datetime import datetime

from shared.contracts import EntryRequested
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Collection, Database, DuplicateKeyError
from shared.outbox import Relay, ensure_outbox_index, outbox_entry

NAME = "proofs"
_TRIES = 2


class ProofStore:
    def __init__(self, database: Database, *, relay: Relay) -> None:
        self._collection: Collection = database[NAME]
        self._relay = relay

    async def spend(self, id: str, *, by: str, most: int, until: datetime) -> bool:
        """Takes one of the `most` uses of `id`; False where they are gone. One request takes one, however often
        it is repeated (`by` names it), so that a lost answer costs nothing."""
        mine_or_left = {"_id": id, "$or": [{"used_by": by}, {f"used_by.{most - 1}": {"$exists": False}}]}
        use = {"$addToSet": {"used_by": by}, "$setOnInsert": {"expires_at": until}}
        # The unique _id decides. Two first uses at once: one inserts, the other looks once more.
        for _ in range(_TRIES):
            try:
                await self._collection.update_one(mine_or_left, use, upsert=True)
            except DuplicateKeyError:
                continue
            return True
        return False

    async def tell_entry(self, event: EntryRequested) -> None:
        """Stored only to be told: the sealed address is in no other field, leaves with the publishing, and
        otherwise goes with the link's end, when nobody could use the mail any more."""
        entry = outbox_entry(event)
        await self._collection.insert_one(
            {"_id": event.subject, "expires_at": event.data.expires_at, "outbox": [entry]}
        )
        crash_point(CrashPoint.BOOKING_AFTER_ENTRY)
        self._relay.submit(collection=NAME, document_id=event.subject, entries=[entry])


async def ensure_proof_indexes(database: Database) -> None:
    await database[NAME].create_index([("expires_at", 1)], name="expires", expireAfterSeconds=0)
    await ensure_outbox_index(database[NAME])
