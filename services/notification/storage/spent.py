"""How many segments of text messages each office has used on each of its days."""

from datetime import UTC, date, datetime, time, timedelta

from shared.mongo import Database, DuplicateKeyError

_KEPT = timedelta(days=40)


class SpentSegments:
    """One counter for an office and day; the database refuses what would go beyond the cap, whoever else asks."""

    def __init__(self, database: Database) -> None:
        self._counters = database["sms_segments"]

    async def ensure_indexes(self) -> None:
        await self._counters.create_index([("expires_at", 1)], name="expires", expireAfterSeconds=0)

    async def take(self, *, office: str, day: date, segments: int, cap: int) -> bool:
        """Adds `segments` unless that would go beyond `cap`; then it changes nothing and is False."""
        if segments > cap:
            return False
        room = {"_id": _id(office, day), "segments": {"$lte": cap - segments}}
        until = datetime.combine(day, time(), tzinfo=UTC) + _KEPT
        update = {"$inc": {"segments": segments}, "$setOnInsert": {"expires_at": until}}
        try:
            await self._counters.update_one(room, update, upsert=True)
        except DuplicateKeyError:
            # It is full, or was just made by somebody else: without the upsert only the first can miss.
            return (await self._counters.update_one(room, {"$inc": {"segments": segments}})).modified_count == 1
        return True

    async def give_back(self, *, office: str, day: date, segments: int) -> None:
        await self._counters.update_one({"_id": _id(office, day)}, {"$inc": {"segments": -segments}})


def _id(office: str, day: date) -> str:
    return f"{office}|{day.isoformat()}"
