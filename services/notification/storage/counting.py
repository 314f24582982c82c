"""How many deliveries there are of each kind. None of its queries reads what lies ahead."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from services.notification.domain import Channel, Priority, Status
from services.notification.storage.deliveries import DUE, Deliveries


class DeliveryCounts:
    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._collection = deliveries.collection

    async def of(self, channel: Channel, *, now: datetime, late_since: datetime) -> dict[str, Any]:
        """By what they are now, and by outcome over the last 24 hours; and since when the oldest is due."""
        yesterday = now - timedelta(days=1)
        mine = {"channel": channel.value}
        waiting, due, late, ended, nobody, oldest = await asyncio.gather(
            self._collection.count_documents({**DUE, **mine}, hint="turn"),
            self._due_since(channel, now),
            self._due_since(channel, late_since),
            self._ended(channel, since=yesterday),
            self._collection.count_documents(
                {**mine, "finished_at": {"$gt": yesterday}, "undeliverable": True}, hint="finished"
            ),
            self._deliveries.oldest_due_at(now=now, channels=(channel,)),
        )
        outcomes = {status.value: ended.get(status.value, 0) for status in Status if status is not Status.DUE}
        own = {"due": due, "late": late, "ahead": waiting - due, "undeliverable": nobody, "oldest_due_at": oldest}
        return outcomes | own

    async def _due_since(self, channel: Channel, moment: datetime) -> int:
        """Of those that were looked at and wait, and of those that nobody has looked at yet."""
        due = {**DUE, "channel": channel.value}
        unseen = {
            "priority": {"$in": list(Priority)},
            "next_at": {"$lte": moment},
            "late_since": {"$exists": False},
        }
        counts = await asyncio.gather(
            self._collection.count_documents({**due, "late_since": {"$lte": moment}}, hint="late"),
            self._collection.count_documents({**due, **unseen}, hint="turn"),
        )
        return sum(counts)

    async def _ended(self, channel: Channel, *, since: datetime) -> dict[str, int]:
        ended = {"finished_at": {"$gt": since}, "channel": channel.value}
        group = {"$group": {"_id": "$status", "n": {"$sum": 1}}}
        found = self._collection.aggregate([{"$match": ended}, group], hint="finished")
        return {d["_id"]: d["n"] for d in await found.to_list(None)}
