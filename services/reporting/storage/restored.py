"""After a restore: leases are free, nothing is half rebuilt, and no résumé goes out a second time."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shared.mongo import Database


async def free(database: Database) -> None:
    """Whoever computes figures next may begin at once, under a fence above all that was written."""
    await database["leases"].update_many({}, {"$set": {"holder": "", "until": datetime.fromtimestamp(0, UTC)}})
    await database["generations"].update_many({}, {"$set": {"building": None}})


async def offices_of(database: Database) -> list[str]:
    return [document["_id"] async for document in database["offices"].find({}, {"_id": 1})]


async def withhold_resumes(database: Database, keys: Sequence[str], *, now: datetime) -> list[str]:
    """Those of `keys` that nobody is known to have mailed: from now on they count as mailed."""
    done = {
        document["_id"] async for document in database["resumes"].find({"_id": {"$in": list(keys)}}, {"_id": 1})
    }
    missing = [key for key in keys if key not in done]
    if missing:
        await database["resumes"].insert_many({"_id": key, "at": now, "withheld": True} for key in missing)
    return missing
