"""Figures: one document per bucket, computed from the facts, and one per office and day, which adds those up."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, UpdateOne

from services.reporting.domain import HISTOGRAMS, SUMS, Bucket, Group, Tally
from services.reporting.storage.query import Interval, Query, Row
from shared.mongo import BulkWriteError, Collection, Database, Document

_DUPLICATE_KEY = 11000
_LONGEST_QUERY_MS = 5000
# What the documents of whole days tell apart.
_OF_DAYS = frozenset({Group.DAY, Group.OFFICE})
_TALLIED: Document = {"sums": 1, "values": 1}

Key = tuple[str | None, ...]


class LeaseLost(Exception):
    """A process that took the lease later has already written one of these figures."""


class Figures:
    """`values` of a document are its histograms, one `{h: histogram, v: value, n: how often}` each."""

    def __init__(self, database: Database) -> None:
        self._buckets = database["figures"]
        self._days = database["days"]

    async def ensure_indexes(self) -> None:
        for collection in (self._buckets, self._days):
            await collection.create_index([("office", ASCENDING), ("day", ASCENDING)])
            await collection.create_index([("day", ASCENDING)])

    async def write(self, tallies: Mapping[str, Tally], *, fence: int) -> None:
        """Replaces the figures of these buckets; raises LeaseLost where a later holder was faster.

        A bucket that became empty stays as an empty document: deleted, it could come back by a late write.
        """
        await _replace(self._buckets, tallies, fence)

    async def add_up(self, keys: Iterable[str], *, fence: int) -> None:
        """Replaces the days that these buckets belong to by the sums of their buckets; raises LeaseLost."""
        days = sorted({Bucket(*Bucket.from_key(key)[:2]) for key in keys})
        tallies = {day.key: Tally() for day in days}
        for day in days:
            cursor = self._buckets.find({"office": day.office, "day": day.day}, _TALLIED)
            async for document in cursor:
                tallies[day.key].merge(_tally(document))
        await _replace(self._days, tallies, fence)

    async def rows(self, query: Query) -> list[Row]:
        """One row per group that has anything to tell, sorted; without groups exactly one row."""
        return [Row(key, tally.values()) for key, tally in (await self.tallies(query)).items()]

    async def tallies(self, query: Query) -> dict[Key, Tally]:
        """The same before percentiles and shares are worked out: these still add up. Sorted by group."""
        groups = query.in_order
        key = {group.value: _expression(group, query.interval) for group in groups}
        found: dict[Key, Tally] = {} if groups else {(): Tally()}
        for document in await self._aggregate(query, _summing(key)):
            found[_key(groups, document)] = Tally(_counted(document))
        for document in await self._aggregate(query, _counting(key)):
            where = document["_id"]
            tally = found.setdefault(_key(groups, document), Tally())
            tally.histogram(where["h"])[where["v"]] += document["n"]
        told = (key for key, tally in found.items() if tally.tells or not groups)
        return {key: found[key] for key in sorted(told, key=lambda key: [part or "" for part in key])}

    async def _aggregate(self, query: Query, pipeline: Sequence[Document]) -> list[Document]:
        whole_days = _OF_DAYS.issuperset(query.groups) and _OF_DAYS.issuperset(query.where)
        collection = self._days if whole_days else self._buckets
        stages = [{"$match": _match(query)}, *pipeline]
        return await collection.aggregate(stages, maxTimeMS=_LONGEST_QUERY_MS).to_list(None)


def _summing(key: Document) -> list[Document]:
    return [{"$group": {"_id": key, **{name: {"$sum": f"$sums.{name}"} for name in SUMS}}}]


def _counting(key: Document) -> list[Document]:
    return [
        {"$match": {"values.0": {"$exists": True}}},
        {"$unwind": "$values"},
        {"$group": {"_id": {**key, "h": "$values.h", "v": "$values.v"}, "n": {"$sum": "$values.n"}}},
    ]


def _expression(group: Group, interval: Interval) -> Any:
    """Days of one interval are told by its first, weeks begin on Mondays."""
    if group is not Group.DAY or interval is Interval.DAY:
        return f"${group.value}"
    day = {"$dateFromString": {"dateString": "$day", "format": "%Y-%m-%d"}}
    first = {"$dateTrunc": {"date": day, "unit": interval.value, "startOfWeek": "monday"}}
    return {"$dateToString": {"date": first, "format": "%Y-%m-%d"}}


def _match(query: Query) -> Document:
    days = {"day": {"$gte": query.since.isoformat(), "$lt": query.until.isoformat()}}
    # A field that was added later is missing in what was written before.
    wanted = {
        group.value: {"$in": [value or "" for value in values] + ([None] if None in values else [])}
        for group, values in query.where.items()
    }
    office = {} if query.office is None else {"office": query.office}
    return {**office, **days, **wanted}


async def _replace(collection: Collection, tallies: Mapping[str, Tally], fence: int) -> None:
    writes = [
        UpdateOne(
            {"_id": key, "fence": {"$lte": fence}},
            {"$set": {"fence": fence, **_document(key, tally)}},
            upsert=True,
        )
        for key, tally in tallies.items()
    ]
    try:
        await collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        codes = {e["code"] for e in (error.details or {}).get("writeErrors", [])}
        if codes == {_DUPLICATE_KEY}:
            raise LeaseLost from error
        raise


def _document(key: str, tally: Tally) -> dict[str, Any]:
    return {
        **Bucket.from_key(key)._asdict(),
        "sums": {name: n for name, n in tally.sums.items() if n},
        "values": [
            {"h": name, "v": value, "n": n}
            for name in HISTOGRAMS
            for value, n in sorted(tally.histograms.get(name, {}).items())
            if n
        ],
    }


def _tally(document: Document) -> Tally:
    tally = Tally()
    tally.sums.update(document["sums"])
    for each in document["values"]:
        tally.histogram(each["h"])[each["v"]] += each["n"]
    return tally


def _counted(document: Document) -> Counter[str]:
    return Counter({name: int(document[name]) for name in SUMS if document[name]})


def _key(groups: tuple[Group, ...], document: Document) -> Key:
    return tuple(document["_id"].get(group.value) or None for group in groups)
