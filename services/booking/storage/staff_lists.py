"""What staff were told by mail: a document for each office-day, and one for each office's conflicts."""

from collections.abc import Set
from datetime import timedelta

from shared.contracts import OfficeConflictsFound, OfficeDayPlanned
from shared.mongo import Database, DuplicateKeyError
from shared.outbox import Relay, ensure_outbox_index, outbox_entry

# Of days alone: the document is what keeps a second process from telling the same day.
_KEPT = timedelta(days=2)


class StaffLists:
    name = "staff_lists"

    def __init__(self, database: Database, *, relay: Relay) -> None:
        self._lists = database[self.name]
        self._relay = relay

    async def is_told(self, day: str) -> bool:
        return await self._lists.find_one({"_id": day}, {"_id": 1}) is not None

    async def tell_day(self, event: OfficeDayPlanned) -> bool:
        """False where another process was quicker: the first one's list is the one that is told."""
        entry = outbox_entry(event)
        first = {"told_at": event.time, "version": event.sequence, "last": entry, "outbox": [entry]}
        try:
            result = await self._lists.update_one({"_id": event.subject}, {"$setOnInsert": first}, upsert=True)
        except DuplicateKeyError:
            return False
        if result.upserted_id is None:
            return False
        self._relay.submit(collection=self.name, document_id=event.subject, entries=[entry])
        return True

    async def conflicts_told(self, id: str) -> tuple[int, frozenset[str]]:
        """The version, 0 where there is none yet, and the keys of what is known to staff."""
        found = await self._lists.find_one({"_id": id}, {"version": 1, "keys": 1})
        return (found["version"], frozenset(found["keys"])) if found else (0, frozenset())

    async def keep_conflicts(
        self, id: str, keys: Set[str], *, before: int, event: OfficeConflictsFound | None
    ) -> bool:
        """Stores what is in conflict now, and tells it with `event`. False where another process was quicker."""
        entries = [outbox_entry(event)] if event else []
        changes = {"version": before + 1, "keys": sorted(keys), **({"last": entries[0]} if entries else {})}
        guard = {"_id": id, "version": before}
        try:
            result = await self._lists.update_one(
                guard, {"$set": changes, "$push": {"outbox": {"$each": entries}}}, upsert=not before
            )
        except DuplicateKeyError:
            return False
        if before and not result.matched_count:
            return False
        self._relay.submit(collection=self.name, document_id=id, entries=entries)
        return True


async def ensure_list_indexes(database: Database) -> None:
    lists = database[StaffLists.name]
    await lists.create_index([("told_at", 1)], name="kept", expireAfterSeconds=int(_KEPT.total_seconds()))
    await ensure_outbox_index(lists)
