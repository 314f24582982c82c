"""Figures: one document per bucket, computed from the facts and summed up when somebody asks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pymongo import ASCENDING, UpdateOne

from services.reporting.domain import FIGURES, SUMS, Bucket, Group, Tally, nearest_rank
from shared.mongo import BulkWriteError, Database, Document

_DUPLICATE_KEY = 11000
_LONGEST_QUERY_MS = 5000


class LeaseLost(Exception):
    """A process that took the lease later has already written one of these figures."""


@dataclass(frozen=True, slots=True)
class Query:
    """Figures of the days `[since, until)`, of one office or of all."""

    since: date
    until: date
    groups: tuple[Group, ...] = ()
    office: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """`groups` in the order of Group, None where a group does not apply; `values` by figure name."""

    groups: tuple[str | None, ...]
    values: Mapping[str, int | None]


class Figures:
    def __init__(self, database: Database) -> None:
        self._figures = database["figures"]

    async def ensure_indexes(self) -> None:
        await self._figures.create_index([("office", ASCENDING), ("day", ASCENDING)])
        await self._figures.create_index([("day", ASCENDING)])

    async def write(self, tallies: Mapping[str, Tally], *, fence: int) -> None:
        """Replaces the figures of these buckets; raises LeaseLost where a later holder was faster.

        A bucket that became empty stays as an empty document: deleted, it could come back by a late write.
        """
        writes = [
            UpdateOne(
                {"_id": key, "fence": {"$lte": fence}},
                {"$set": {"fence": fence, **_document(key, tally)}},
                upsert=True,
            )
            for key, tally in tallies.items()
        ]
        try:
            await self._figures.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            codes = {e["code"] for e in (error.details or {}).get("writeErrors", [])}
            if codes == {_DUPLICATE_KEY}:
                raise LeaseLost from error
            raise

    async def rows(self, query: Query) -> list[Row]:
        """One row per group that has anything to tell, sorted; without groups exactly one row."""
        groups = tuple(group for group in Group if group in query.groups)
        match = _match(query)
        key = {group.value: f"${group.value}" for group in groups}
        sums = await self._aggregate(
            [{"$match": match}, {"$group": {"_id": key, **{s: {"$sum": f"$sums.{s}"} for s in SUMS}}}]
        )
        days = await self._aggregate(
            [
                {"$match": {**match, "lead_days.0": {"$exists": True}}},
                {"$unwind": "$lead_days"},
                {"$group": {"_id": {**key, "_days": "$lead_days.days"}, "n": {"$sum": "$lead_days.n"}}},
            ]
        )
        return _rows(groups, sums, _histograms(groups, days))

    async def _aggregate(self, pipeline: Sequence[Document]) -> list[Document]:
        cursor = self._figures.aggregate(list(pipeline), maxTimeMS=_LONGEST_QUERY_MS)
        return await cursor.to_list(None)


def _match(query: Query) -> Document:
    days = {"day": {"$gte": query.since.isoformat(), "$lt": query.until.isoformat()}}
    return {"office": query.office, **days} if query.office is not None else days


def _document(key: str, tally: Tally) -> dict[str, Any]:
    return {
        **Bucket.from_key(key)._asdict(),
        "sums": dict(+tally.sums),
        "lead_days": [{"days": days, "n": n} for days, n in sorted(tally.lead_days.items())],
    }


def _group_key(groups: tuple[Group, ...], document: Document) -> tuple[str, ...]:
    return tuple(document["_id"][group.value] for group in groups)


def _histograms(groups: tuple[Group, ...], documents: Sequence[Document]) -> dict[tuple[str, ...], Counter[int]]:
    found: dict[tuple[str, ...], Counter[int]] = {}
    for document in documents:
        histogram = found.setdefault(_group_key(groups, document), Counter())
        histogram[document["_id"]["_days"]] += document["n"]
    return found


def _rows(
    groups: tuple[Group, ...],
    sums: Sequence[Document],
    histograms: Mapping[tuple[str, ...], Mapping[int, int]],
) -> list[Row]:
    by_key = {_group_key(groups, d): d for d in sums}
    if not groups:
        by_key.setdefault((), {})
    rows = []
    for key in sorted(by_key):
        document = by_key[key]
        if groups and not any(document[name] for name in SUMS):
            continue
        values: dict[str, int | None] = {
            f.name: int(document.get(f.name, 0))
            if f.percent is None
            else nearest_rank(histograms.get(key, {}), percent=f.percent)
            for f in FIGURES
        }
        rows.append(Row(tuple(part or None for part in key), values))
    return rows
