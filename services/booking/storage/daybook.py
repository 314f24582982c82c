"""What belongs to an office's day and to no appointment: ticket numbers and pauses."""

from datetime import datetime, timedelta

from pymongo import ReturnDocument

from shared.mongo import Database

Span = tuple[datetime, datetime]
# Longer than any retention of appointments: figures of waiting are made the same day.
_KEPT = timedelta(days=30)


class PauseRunning(Exception):
    """Calling is paused already."""


class NoPause(Exception):
    """There is no pause that could end."""


class DayBook:
    def __init__(self, database: Database) -> None:
        self._tickets = database["tickets"]
        self._pauses = database["pauses"]

    async def next_ticket(self, office: str, *, day: Span) -> int:
        """1, 2, 3 … on each day; two who ask at once get two numbers."""
        found = await self._tickets.find_one_and_update(
            {"_id": f"{office}|{day[0]:%Y%m%dT%H%MZ}"},
            {"$inc": {"number": 1}, "$setOnInsert": {"until": day[1]}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(found["number"])

    async def pause(self, office: str, team: str, *, now: datetime, day: Span, by: str) -> None:
        """Calling and waiting clocks stop; raises PauseRunning. It ends with the day at the latest."""
        result = await self._pauses.update_one(
            {"office": office, "team": team, "until": {"$gt": now}},
            {"$setOnInsert": {"from": now, "until": day[1], "by": by}},
            upsert=True,
        )
        if result.matched_count:
            raise PauseRunning

    async def resume(self, office: str, team: str, *, now: datetime) -> None:
        """Raises NoPause."""
        query = {"office": office, "team": team, "from": {"$lte": now}, "until": {"$gt": now}}
        result = await self._pauses.update_one(query, {"$set": {"until": now}})
        if not result.matched_count:
            raise NoPause

    async def pauses(self, office: str, team: str, *, day: Span) -> list[Span]:
        """Those of the day; one that still runs ends with it."""
        query = {"office": office, "team": team, "from": {"$gte": day[0], "$lt": day[1]}}
        return [(p["from"], p["until"]) async for p in self._pauses.find(query)]

    async def all_pauses(self, office: str, *, day: Span) -> list[tuple[str, datetime, datetime]]:
        """Those of the day with their teams, as they began."""
        query = {"office": office, "from": {"$gte": day[0], "$lt": day[1]}}
        found = self._pauses.find(query, sort=[("from", 1), ("team", 1)])
        return [(p["team"], p["from"], p["until"]) async for p in found]


async def ensure_daybook_indexes(database: Database) -> None:
    for name in ("tickets", "pauses"):
        await database[name].create_index(
            [("until", 1)], name="kept", expireAfterSeconds=int(_KEPT.total_seconds())
        )
    await database["pauses"].create_index([("office", 1), ("team", 1), ("from", 1)], name="day")
