"""How far the mailbox of bounces was read, and whose turn it is to read it."""

from datetime import UTC, datetime, timedelta

from services.notification.channels.email.boxes import Position
from shared.mongo import Database, DuplicateKeyError

_ID = "bounces"


class Mailboxes:
    def __init__(self, database: Database) -> None:
        self._mailboxes = database["mailboxes"]

    async def take_turn(self, *, now: datetime, every: timedelta) -> bool:
        """True for one process in each span. A turn that is not used up, as its process died, is just the next."""
        due = {"_id": _ID, "next_at": {"$lte": now}}
        try:
            taken = await self._mailboxes.update_one(due, {"$set": {"next_at": now + every}}, upsert=True)
        except DuplicateKeyError:
            return False
        return bool(taken.modified_count or taken.upserted_id)

    async def position(self) -> Position:
        found = await self._mailboxes.find_one({"_id": _ID}) or {}
        return Position(found.get("validity", 0), found.get("uid", 0))

    async def keep(self, position: Position) -> None:
        place = {"$set": {"validity": position.validity, "uid": position.uid}}
        first = {"$setOnInsert": {"next_at": datetime.fromtimestamp(0, UTC)}}
        await self._mailboxes.update_one({"_id": _ID}, {**place, **first}, upsert=True)
