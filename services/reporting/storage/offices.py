"""The newest published version of each office, for its names."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.mongo import Database, Document, DuplicateKeyError


@dataclass(frozen=True, slots=True)
class OfficeNames:
    """`name` by language."""

    id: str
    name: Mapping[str, str]


class Offices:
    def __init__(self, database: Database) -> None:
        self._offices = database["offices"]

    async def apply(self, office: Document, *, id: str, sequence: int) -> bool:
        """Stores the published office if it is newer than what is known; says whether it was."""
        older = {"_id": id, "sequence": {"$lt": sequence}}
        update = {"$set": {"sequence": sequence, "office": office}}
        try:
            await self._offices.update_one(older, update, upsert=True)
        except DuplicateKeyError:
            # The stored one is as new; or two came first at once, and the older of them won.
            return bool((await self._offices.update_one(older, update)).matched_count)
        return True

    async def names(self) -> list[OfficeNames]:
        cursor = self._offices.find({}, {"office.name": 1}, sort=[("_id", 1)])
        return [OfficeNames(d["_id"], d["office"]["name"]) async for d in cursor]
