"""Deliveries: planned once, claimed by lease, recorded only by whoever still holds the lease."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo import InsertOne, UpdateMany, UpdateOne

from services.notification.arrivals import Report, delivery_of
from services.notification.channels import Taken
from services.notification.domain import Channel, Delivery, Priority, Status
from services.notification.purposes import Purpose
from services.notification.storage.grouped import GroupedWrites
from services.notification.storage.schemas import DELIVERIES
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import Database, Document
from shared.outbox import Entry, ensure_outbox_index

DUE = {"status": Status.DUE.value}
_REMINDERS = {**DUE, "purpose": Purpose.REMINDER.value}
_CLAIM = [("channel", 1), ("priority", 1), ("next_at", 1)]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process alone may send until `lease_until`."""

    delivery: Delivery
    token: str
    lease_until: datetime

    def has_time_for(self, span: timedelta, *, now: datetime) -> bool:
        """Half as much again, since processes read the database's clock differently, and a busy one ends late."""
        return now < self.lease_until - 1.5 * span


@dataclass(frozen=True, slots=True)
class Stored:
    delivery: Delivery
    status: Status
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A delivery on which somebody reports. While it is `leased` a process has it in hand, unrecorded."""

    delivery: Delivery
    status: Status
    leased: bool
    arrived: bool
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of a claimed delivery. `look_again_at` is set while it stays due."""

    claimed: Claimed
    status: Status
    attempts: int
    waits: int
    language: str
    look_again_at: datetime | None = None
    # Only where it was too early, and when that was decided: what waits until then is not late.
    due_at: datetime | None = None
    decided_at: datetime | None = None
    waits_for: str | None = None
    sent_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    taken: Taken | None = None
    entries: tuple[Entry, ...] = field(default=())


class Deliveries:
    """`next_at` says when to look at a delivery next: when it is due, to be retried, or its lease is over."""

    name = "deliveries"

    def __init__(self, database: Database) -> None:
        self.collection = database[self.name]
        self._writes = GroupedWrites(self.collection)

    async def ensure_indexes(self) -> None:
        due: Document = {"partialFilterExpression": dict(DUE)}
        await self.collection.create_index(_CLAIM, name="turn", **due)
        await self.collection.create_index(
            [("appointment", 1)], name="reminders", partialFilterExpression=dict(_REMINDERS)
        )
        await self.collection.create_index(
            [("late_since", 1)], name="late", partialFilterExpression={"late_since": {"$exists": True}}
        )
        await self.collection.create_index(
            [("waits_for", 1), ("appointment", 1)],
            name="waiting",
            partialFilterExpression={"waits_for": {"$exists": True}},
        )
        await self.collection.create_index(
            [("settle", 1)], name="settle", partialFilterExpression={"settle": True}
        )
        await self.collection.create_index([("not_after", 1)], name="not_after")
        await self.collection.create_index(
            [("taken.id", 1)], name="taken", partialFilterExpression={"taken.id": {"$type": "string"}}
        )
        await self.collection.create_index(
            [("finished_at", 1), ("channel", 1), ("status", 1)],
            name="finished",
            partialFilterExpression={"finished_at": {"$exists": True}},
        )
        await ensure_outbox_index(self.collection)

    async def forget(self, *, late_since: datetime) -> int:
        """Removes what could only have come too late at that time, and has told all that it had to tell."""
        done = {"status": {"$ne": Status.DUE.value}, "outbox.0": {"$exists": False}, "settle": {"$exists": False}}
        result = await self.collection.delete_many({"not_after": {"$lt": late_since}, **done})
        return result.deleted_count

    async def plan(self, delivery: Delivery, *, claimed: Claimed | None = None) -> bool:
        """False where the same event has planned it before; then `claimed` is void."""
        document = document_of(delivery)
        if claimed:
            document |= {"token": claimed.token, "next_at": claimed.lease_until}
        return await self._writes.write(InsertOne(document))

    async def contact_came(self, appointment: str, *, now: datetime) -> None:
        waiting = {"waits_for": "contact", "appointment": appointment}
        await self._writes.write(UpdateMany(waiting, {"$set": {"next_at": now}}))

    async def office_came(self, office: str, *, now: datetime) -> None:
        waiting = {"waits_for": "office", "office": office}
        await self._writes.write(UpdateMany(waiting, {"$set": {"next_at": now}}))

    async def reconsider_reminders(self, appointment: str, *, now: datetime) -> None:
        """Lets what waits for its day be decided anew at once; what is claimed, when its claim ends.

        The claimed ones first: whoever claims one after that knows what is known now.
        """
        waiting = {**_REMINDERS, "appointment": appointment}
        claimed, free = {"token": {"$exists": True}}, {"token": {"$exists": False}}
        await self._writes.write(UpdateMany({**waiting, **claimed}, {"$set": {"anew": True}}))
        await self._writes.write(UpdateMany({**waiting, **free}, {"$set": {"next_at": now}}))

    async def claim(
        self,
        *,
        channel: Channel,
        limit: int,
        now: datetime,
        lease: timedelta,
        without: set[str],
        for_later: int = 0,
        useless: bool = False,
    ) -> list[Claimed]:
        """Up to `limit` deliveries that are due, under a new lease. Another process's claim just gets the rest.

        The urgent ones first; where there are more than enough of them, `for_later` of each lower priority, so
        that none waits for ever. With `useless` only those for which it is too late.
        """
        ready: Document = {**DUE, "channel": channel.value, "next_at": {"$lte": now}}
        if useless:
            ready["not_after"] = {"$lte": now}
        ids = [id for id in await self._in_turn(ready, limit=limit, for_later=for_later) if id not in without]
        if not ids:
            return []
        token, until = uuid4().hex, now + lease
        claim = {"$set": {"token": token, "next_at": until}, "$unset": {"waits_for": ""}}
        await self.collection.update_many({**ready, "_id": {"$in": ids}}, claim)
        crash_point(CrashPoint.NOTIFICATION_AFTER_CLAIM)
        mine = await self.collection.find({"_id": {"$in": ids}, "token": token}).to_list(None)
        mine.sort(key=lambda d: (d["priority"], d["due_at"]))
        return [Claimed(read_delivery(d), token, until) for d in mine]

    async def _in_turn(self, ready: Document, *, limit: int, for_later: int) -> list[str]:
        first = await self._ids(ready, limit=limit)
        if len(first) < limit or not for_later:
            return [d["_id"] for d in first]
        lower = [priority for priority in Priority if priority > first[-1]["priority"]]
        found = await asyncio.gather(
            *(self._ids({**ready, "priority": priority.value}, limit=for_later) for priority in lower)
        )
        later = [d for some in found for d in some][: limit - 1]
        return [d["_id"] for d in first[: limit - len(later)] + later]

    async def _ids(self, ready: Document, *, limit: int) -> list[Document]:
        cursor = self.collection.find(ready, {"priority": 1}, sort=_CLAIM[1:], limit=limit)
        return await cursor.to_list(None)

    async def record(self, records: Sequence[Record]) -> list[Record]:
        """Writes each outcome where its lease still holds; returns those that had lost it."""
        writes = [write for record in records for write in _outcomes(record)]
        result = await self.collection.bulk_write(writes, ordered=False)
        if result.matched_count == len(records):
            return []
        recorded = {"$or": [{"_id": r.claimed.delivery.id, "recorded_by": r.claimed.token} for r in records]}
        found = await self.collection.find(recorded, {"recorded_by": 1}).to_list(None)
        kept = {(d["_id"], d["recorded_by"]) for d in found}
        return [r for r in records if (r.claimed.delivery.id, r.claimed.token) not in kept]

    async def release(self, claimed: Sequence[Claimed], *, now: datetime) -> None:
        """Gives claims back at once, for another process to take."""
        back = {"$set": {"next_at": now}, "$unset": {"token": ""}}
        await self.collection.bulk_write(
            [UpdateOne({"_id": c.delivery.id, "token": c.token}, back) for c in claimed], ordered=False
        )

    async def to_settle(self, *, limit: int = 100) -> list[Delivery]:
        """Failed deliveries of which nobody has yet looked whether another channel is left."""
        return [read_delivery(d) for d in await self.collection.find({"settle": True}, limit=limit).to_list(None)]

    async def planned_together(self, delivery: Delivery) -> list[Stored]:
        """What was planned for the same event and purpose, over every channel, e-mail first."""
        documents = await self.collection.find({"_id": {"$in": list(delivery.siblings)}}).to_list(None)
        documents.sort(key=lambda d: delivery.siblings.index(d["_id"]))
        return [Stored(read_delivery(d), Status(d["status"]), d.get("error")) for d in documents]

    async def settle(self, delivery: Delivery) -> None:
        await self.collection.update_one({"_id": delivery.id}, {"$unset": {"settle": ""}})

    async def mark_undeliverable(self, id: str, *, version: int, entries: Sequence[Entry]) -> bool:
        """False where that was said before. One document speaks for all channels, so it is said once."""
        result = await self.collection.update_one(
            {"_id": id, "undeliverable": {"$ne": True}},
            {"$set": {"undeliverable": True, "version": version}, "$push": _told(entries)},
        )
        return result.modified_count == 1

    async def handed_over(self, report: Report) -> HandedOver | None:
        """The delivery that `report` is about, by our own reference first."""
        found = None
        if report.delivery and (id := delivery_of(report.delivery)):
            found = await self.collection.find_one({"_id": id})
        if found is None and report.message_id:
            found = await self.collection.find_one({"taken.id": report.message_id, "taken.by": report.by})
        return _handed_over(found) if found else None

    async def reported(
        self, known: HandedOver, entries: Sequence[Entry], *, delivered_at: datetime | None, error: str | None
    ) -> bool:
        """Writes that it arrived, or with None that it did not, where nothing has happened to it meanwhile.

        False otherwise. What did not arrive is looked at like any other failure.
        """
        delivery = known.delivery
        same = {"_id": delivery.id, "version": delivery.version, "token": {"$exists": False}}
        changes: Document = {"version": delivery.version + len(entries), "error": error}
        if delivered_at:
            sent = {"sent_at": known.sent_at or delivered_at, "delivered_at": delivered_at}
            changes |= {"status": Status.SENT.value, "finished_at": delivered_at, **sent}
            gone = {"settle": "", "late_since": "", "waits_for": ""}
        else:
            changes |= {"status": Status.FAILED.value, "settle": True}
            gone = {}
        update: Document = {"$set": changes, "$push": _told(entries), **({"$unset": gone} if gone else {})}
        return (await self.collection.update_one(same, update)).modified_count == 1

    async def oldest_due_at(
        self, *, now: datetime, channels: Sequence[Channel] = tuple(Channel)
    ) -> datetime | None:
        """Of what waits or is retried, and of what nobody has looked at yet."""
        of_these = {"channel": {"$in": [channel.value for channel in channels]}}
        late = self.collection.find_one({"late_since": {"$exists": True}, **of_these}, sort=[("late_since", 1)])
        unseen = (
            self.collection.find_one(
                {**DUE, "channel": channel.value, "priority": priority.value, "next_at": {"$lte": now}},
                sort=[("next_at", 1)],
            )
            for channel in channels
            for priority in Priority
        )
        return min((d["due_at"] for d in await asyncio.gather(late, *unseen) if d), default=None)


def document_of(delivery: Delivery) -> Document:
    return {
        "_id": delivery.id,
        **{name: getattr(delivery, name) for name in _FIELDS},
        "purpose": delivery.purpose.value,
        "channel": delivery.channel.value,
        "status": Status.DUE.value,
        "priority": delivery.priority.value,
        "next_at": delivery.due_at,
        "outbox": [],
        "schema": DELIVERIES.newest,
    }


_CLOSED_VALUES = ("purpose", "channel", "priority")
_FIELDS = tuple(name for name in Delivery.__slots__ if name not in ("id", *_CLOSED_VALUES))


def read_delivery(document: Document) -> Delivery:
    document = DELIVERIES.read(document)
    values: dict[str, Any] = {name: document[name] for name in _FIELDS}
    return Delivery(
        id=document["_id"],
        purpose=Purpose(document["purpose"]),
        channel=Channel(document["channel"]),
        priority=Priority(document["priority"]),
        **values,
    )


def _handed_over(document: Document) -> HandedOver:
    return HandedOver(
        delivery=read_delivery(document),
        status=Status(document["status"]),
        leased="token" in document,
        arrived="delivered_at" in document,
        sent_at=document.get("sent_at"),
    )


def _told(entries: Sequence[Entry]) -> Document:
    """To be published, and kept for a republish: these events hold no personal data."""
    return {"outbox": {"$each": list(entries)}, "history": {"$each": list(entries)}}


def _outcomes(record: Record) -> list[UpdateOne]:
    """One write, or for what waits for its day two, of which one matches: it may have to be decided anew."""
    if record.due_at is None:
        return [_outcome(record, {})]
    anew = replace(record, due_at=record.decided_at)
    return [_outcome(record, {"anew": {"$exists": False}}), _outcome(anew, {"anew": True})]


def _outcome(record: Record, only: Document) -> UpdateOne:
    claimed = record.claimed
    changes: Document = {
        "status": record.status.value,
        "attempts": record.attempts,
        "waits": record.waits,
        "language": record.language,
        "error": record.error,
        "recorded_by": claimed.token,
    }
    gone = {"token": "", "anew": ""}
    if record.due_at:
        changes |= {"next_at": record.due_at, "due_at": record.due_at}
        gone |= {"late_since": ""}
    elif record.look_again_at:
        changes |= {"next_at": record.look_again_at, "late_since": claimed.delivery.due_at}
    else:
        changes |= {"sent_at": record.sent_at, "finished_at": record.finished_at}
        gone |= {"late_since": ""}
    if record.waits_for:
        changes |= {"waits_for": record.waits_for}
    if record.taken:
        changes |= {"taken": {"by": record.taken.provider, "id": record.taken.message_id}}
    if record.status is Status.FAILED:
        changes |= {"settle": True}
    update: Document = {"$set": changes, "$unset": gone}
    if record.entries:
        changes |= {"version": claimed.delivery.version + len(record.entries)}
        update["$push"] = _told(record.entries)
    return UpdateOne({"_id": claimed.delivery.id, "token": claimed.token, **only}, update)
