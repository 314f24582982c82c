"""Reports on messages: each is kept before it is answered, and open until it has met its delivery."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notification.arrivals import Report, Told
from shared.mongo import Database, Document, DuplicateKeyError

_SCHEMA = 1
# Longer than any provider tries a phone, or a mail server a mailbox.
_KEPT = timedelta(days=10)
_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class OpenReport:
    report: Report
    looks: int


class Reports:
    def __init__(self, database: Database) -> None:
        self._reports = database["reports"]

    async def ensure_indexes(self) -> None:
        await self._reports.create_index([("expires_at", 1)], name="expires", expireAfterSeconds=0)
        await self._reports.create_index(
            [("next_at", 1)], name="open", partialFilterExpression={"next_at": {"$exists": True}}
        )

    async def keep(self, report: Report, *, now: datetime) -> bool:
        """False where it was told before."""
        document = {
            "_id": report.key,
            "by": report.by,
            "told": report.told.value,
            "message_id": report.message_id,
            "delivery": report.delivery,
            "error": report.error,
            "next_at": now,
            "looks": 0,
            "expires_at": now + _KEPT,
            "schema": _SCHEMA,
        }
        try:
            await self._reports.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def open(self, *, now: datetime, limit: int = 200) -> list[OpenReport]:
        """Those whose delivery was not there yet, when it is time to look again."""
        due = self._reports.find({"next_at": {"$lte": now}}, sort=[("next_at", 1)], limit=limit)
        return [OpenReport(_report(d), d["looks"]) for d in await due.to_list(None)]

    async def settle(self, report: Report) -> None:
        await self._reports.update_one({"_id": report.key}, {"$unset": {"next_at": ""}})

    async def look_later(self, report: Report, *, looks: int, now: datetime) -> None:
        pause = min(timedelta(seconds=1) * 2 ** min(looks, 10), _LONGEST_PAUSE)
        later = {"$set": {"next_at": now + pause, "looks": looks + 1}}
        await self._reports.update_one({"_id": report.key, "next_at": {"$exists": True}}, later)


def _report(document: Document) -> Report:
    return Report(
        by=document["by"],
        told=Told(document["told"]),
        message_id=document["message_id"],
        delivery=document["delivery"],
        error=document["error"],
    )
