"""Whose data have been kept long enough, what was erased and when: queries over the appointments."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from services.booking.domain.appointment import CANCELLED, Appointment
from services.booking.domain.rules import Retention
from services.booking.storage.documents import to_appointment
from shared.mongo import Database, Document

_STATE = {"outbox": 0, "history": 0}


class Retained:
    def __init__(self, database: Database) -> None:
        self._appointments = database["appointments"]
        self._deletions = database["deletions"]

    async def ensure_indexes(self) -> None:
        await self._appointments.create_index([("ended_at", 1)], name="ended_at", sparse=True)
        await self._appointments.create_index(
            [("ends_at", 1)], name="persons", partialFilterExpression={"person": {"$exists": True}}
        )
        await self._appointments.create_index([("key_left", 1)], name="key_left", sparse=True)
        await self._appointments.create_index([("anonymised_at", 1)], name="anonymised_at", sparse=True)

    async def due(self, office: str, rules: Retention, *, now: datetime, most: int) -> list[Appointment]:
        """At most so many of each kind, the oldest first."""
        found: list[Document] = []
        for query, key, cutoff in _overdue(rules, now):
            wanted = {"office": office, **query, key: {"$lte": cutoff}}
            found += await self._appointments.find(wanted, _STATE, sort=[(key, 1)], limit=most).to_list(None)
        return [to_appointment(document) for document in found]

    async def keys_left(self, *, most: int) -> list[str]:
        """Appointments whose person is erased and whose key is not known to be gone."""
        found = self._appointments.find({"key_left": True}, {"_id": 1}, limit=most)
        return [document["_id"] async for document in found]

    async def key_destroyed(self, id: str) -> None:
        await self._appointments.update_one({"_id": id}, {"$unset": {"key_left": ""}})

    async def with_person(self, ids: Sequence[str]) -> set[str]:
        found = self._appointments.find({"_id": {"$in": list(ids)}, "person": {"$exists": True}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def persons(self, ids: Sequence[str]) -> list[Appointment]:
        """Those of `ids` who are not erased, in that order."""
        wanted = {"_id": {"$in": list(ids)}, "person": {"$exists": True}}
        found = {one["_id"]: one async for one in self._appointments.find(wanted, _STATE)}
        return [to_appointment(found[id]) for id in ids if id in found]

    async def any_person(self) -> bool:
        return await self._appointments.find_one({"person": {"$exists": True}}, {"_id": 1}) is not None

    async def deletions(
        self, *, office: str | None, first: datetime | None, until: datetime | None
    ) -> list[tuple[str, str, dict[str, int]]]:
        """Day (UTC), office and how many by reason, as counted; the day of `until` is not included."""
        bounds = {"$gte": first, "$lt": until}
        days = {operator: moment.date().isoformat() for operator, moment in bounds.items() if moment}
        query = {**({"office": office} if office else {}), **({"day": days} if days else {})}
        found = self._deletions.find(query).sort([("day", 1), ("office", 1)])
        return [(one["day"], one["office"], one["counts"]) async for one in found]

    async def count_deletions(self, *, day: datetime) -> None:
        """Counts anew what was erased on the day (UTC) of `day`: per office and reason, no persons.

        `{_id: "<day>|<office>", day, office, counts: {hold, unconfirmed, cancelled, visit, request}}`
        """
        first = day.replace(hour=0, minute=0, second=0, microsecond=0)
        date = first.date().isoformat()
        await self._appointments.aggregate(
            [
                {"$match": {"anonymised_at": {"$gte": first, "$lt": first + timedelta(days=1)}}},
                {"$group": {"_id": ["$office", "$anonymised_as"], "n": {"$sum": 1}}},
                {
                    "$group": {
                        "_id": {"$arrayElemAt": ["$_id", 0]},
                        "counts": {"$push": {"k": {"$arrayElemAt": ["$_id", 1]}, "v": "$n"}},
                    }
                },
                {
                    "$project": {
                        "_id": {"$concat": [date, "|", "$_id"]},
                        "day": date,
                        "office": "$_id",
                        "counts": {"$arrayToObject": "$counts"},
                    }
                },
                {"$merge": {"into": self._deletions.name, "whenMatched": "replace"}},
            ]
        ).to_list(None)


def _overdue(rules: Retention, now: datetime) -> Iterator[tuple[Document, str, datetime]]:
    """By kind as in `domain.retention`: which, and what must lie before when."""
    expired = {"status": "expired"}
    yield {**expired, "contact": {"$exists": False}}, "ended_at", now - timedelta(hours=rules.hold_hours)
    yield {**expired, "contact": {"$exists": True}}, "ended_at", now - timedelta(hours=rules.unconfirmed_hours)
    called_off = {"status": {"$in": sorted(CANCELLED)}}
    yield called_off, "ended_at", now - timedelta(days=rules.cancelled_days)
    yield {"person": {"$exists": True}}, "ends_at", now - timedelta(days=rules.visit_days)
