"""After a restore: whoever computes figures next may begin at once, under a fence above all that was written."""

from datetime import UTC, datetime

from shared.mongo import Database


async def free_leases(database: Database) -> None:
    await database["leases"].update_many({}, {"$set": {"holder": "", "until": datetime.fromtimestamp(0, UTC)}})
