"""Facts: the newest known state of each thing that counts.

A fact is changed by one write, which takes only a newer sequence and names in `dirty` the buckets, old and
new, whose figures it made wrong.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from prometheus_client import Counter
from pymongo import ASCENDING, UpdateMany, UpdateOne
from pymongo.errors import AutoReconnect

from services.reporting.domain import (
    AppointmentFact,
    CapacityFact,
    DemandFact,
    Fact,
    Found,
    FreeTimesFact,
    MessageFact,
    Planned,
    Step,
    buckets_of,
)
from services.reporting.storage.batch import Batch
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import BulkWriteError, Collection, Database, Document, is_away

EVENTS = Counter(
    "reporting_facts_total",
    "Events by what became of them: applied, or stale (not newer)",
    ["kind", "outcome"],
)

_DUPLICATE_KEY = 11000
# What a server that stops or is no longer primary answers to the single writes of a command.
_GOING_DOWN = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})
_OLD_MARKS: Document = {"$ifNull": ["$dirty", []]}
_OLD_BUCKETS: Document = {"$ifNull": ["$buckets", []]}
_UNMARKED: Document = {"$unset": {"dirty": "", "dirty_since": ""}}
_FIRST_MARKED: Document = {"$ifNull": ["$dirty_since", "$$NOW"]}
# So many facts are held at once: memory stays flat however many touch a bucket.
_PAGE = 1000

T = TypeVar("T", bound=Fact)


def _reader(kind: type[T], **inside: Any) -> Callable[[Document], T]:
    """Leaves out what a newer version has added: both serve while one replaces the other.

    `inside` says which fields hold named tuples, and of what kind.
    """
    names: frozenset[str] = frozenset(kind.__slots__)

    def read(document: Document) -> T:
        values = {name: value for name, value in document.items() if name in names}
        for name, cls in inside.items():
            values[name] = tuple(cls(*each[: len(cls._fields)]) for each in values[name])
        return kind(**values)

    return read


_LOADERS: Mapping[str, Callable[[Document], Fact]] = {
    "appointments": _reader(AppointmentFact, steps=Step),
    "messages": _reader(MessageFact),
    "demand": _reader(DemandFact),
    "capacity": _reader(CapacityFact, teams=Planned),
    "free_times": _reader(FreeTimesFact, services=Found),
}
KINDS: Mapping[type[Fact], str] = {
    AppointmentFact: "appointments",
    MessageFact: "messages",
    DemandFact: "demand",
    CapacityFact: "capacity",
    FreeTimesFact: "free_times",
}


@dataclass(frozen=True, slots=True)
class NewFact:
    id: str
    sequence: int
    fields: Document
    buckets: list[str]


@dataclass(frozen=True, slots=True)
class Mark:
    """A fact whose `buckets` are to be computed again, as read at `sequence`."""

    kind: str
    id: str
    sequence: int
    buckets: tuple[str, ...]
    since: datetime


class Facts:
    def __init__(self, database: Database, *, zone: tzinfo, changed: asyncio.Event) -> None:
        self._zone = zone
        self._changed = changed
        self._collections = {kind: database[kind] for kind in _LOADERS}
        # Kept: looking a counter up by its labels costs more than counting.
        self._counters = {
            (kind, newer): EVENTS.labels(kind, "applied" if newer else "stale")
            for kind in _LOADERS
            for newer in (True, False)
        }
        self._batches = {k: Batch(_Writer(k, c).write) for k, c in self._collections.items()}

    async def ensure_indexes(self) -> None:
        for collection in self._collections.values():
            await collection.create_index([("buckets", ASCENDING)])
            await collection.create_index([("dirty_since", ASCENDING)], sparse=True)

    async def apply(self, fact: Fact, *, id: str, sequence: int) -> bool:
        """Stores `fact` if it is newer than what is known; says whether it was."""
        kind = KINDS[type(fact)]
        new = NewFact(id, sequence, _fields(fact), buckets_of(fact, self._zone))
        applied = await self._batches[kind].add(new)
        crash_point(CrashPoint.REPORTING_AFTER_FACT)
        self._counters[kind, applied].inc()
        if applied:
            self._changed.set()
        return applied

    async def dirty(self, *, limit: int) -> list[Mark]:
        """The marks that wait longest, at most `limit` facts of each kind."""
        marks = []
        for kind, collection in self._collections.items():
            cursor = collection.find(
                {"dirty_since": {"$exists": True}},
                {"sequence": 1, "dirty": 1, "dirty_since": 1},
                sort=[("dirty_since", ASCENDING)],
            ).limit(limit)
            marks += [
                Mark(kind, d["_id"], d["sequence"], tuple(d["dirty"]), d["dirty_since"]) async for d in cursor
            ]
        return marks

    async def touching(self, keys: Sequence[str]) -> AsyncIterator[Fact]:
        """Every fact that adds to one of the buckets `keys`."""
        for kind, collection in self._collections.items():
            load = _LOADERS[kind]
            cursor = collection.find({"buckets": {"$in": list(keys)}}, {"fact": 1}).batch_size(_PAGE)
            while page := await cursor.to_list(_PAGE):
                for document in page:
                    yield load(document["fact"])

    async def clear_all(self) -> None:
        """For whoever is about to compute every bucket; what changes from now on is marked again."""
        for collection in self._collections.values():
            await collection.update_many({"dirty_since": {"$exists": True}}, _UNMARKED)

    async def keys(self, *, at_once: int) -> AsyncIterator[list[str]]:
        """Every bucket that some fact adds to, once, in order: day after day of each office."""
        first, *others = self._collections.values()
        only: list[Document] = [{"$project": {"buckets": 1}}]
        stages = [
            *only,
            *({"$unionWith": {"coll": other.name, "pipeline": only}} for other in others),
            {"$unwind": "$buckets"},
            {"$group": {"_id": "$buckets"}},
            {"$sort": {"_id": 1}},
        ]
        cursor = first.aggregate(stages, allowDiskUse=True, batchSize=at_once)
        while page := await cursor.to_list(at_once):
            yield [document["_id"] for document in page]

    async def clear(self, marks: Iterable[Mark]) -> None:
        """Drops the marks of facts that have not changed since they were read."""
        for kind, collection in self._collections.items():
            ids: dict[int, list[str]] = {}
            for mark in marks:
                if mark.kind == kind:
                    ids.setdefault(mark.sequence, []).append(mark.id)
            updates = [
                UpdateMany(
                    {"_id": {"$in": same}, "sequence": sequence},
                    _UNMARKED,
                )
                for sequence, same in ids.items()
            ]
            if updates:
                await collection.bulk_write(updates, ordered=False)


class _Writer:
    """Writes new facts of one kind; answers True for each that was newer than what was stored."""

    def __init__(self, kind: str, collection: Collection) -> None:
        self._kind = kind
        self._collection = collection

    async def write(self, facts: Sequence[NewFact]) -> list[bool | Exception]:
        newest: dict[str, NewFact] = {}
        for fact in facts:
            if fact.id not in newest or fact.sequence > newest[fact.id].sequence:
                newest[fact.id] = fact
        outcomes = await self._write_distinct(list(newest.values()))
        answers: list[bool | Exception] = []
        for fact in facts:
            outcome = outcomes[fact.id]
            stored = newest[fact.id] is fact
            answers.append(outcome if stored or isinstance(outcome, Exception) else False)
        return answers

    async def _write_distinct(self, facts: list[NewFact]) -> dict[str, bool | Exception]:
        try:
            return await self._upsert(facts)
        except Exception as error:
            if is_away(error):
                raise
            # One fact that cannot be encoded fails the whole command: find out which it is.
            if len(facts) == 1:
                return {facts[0].id: error}
            outcomes: dict[str, bool | Exception] = {}
            for fact in facts:
                outcomes |= await self._write_distinct([fact])
            return outcomes

    async def _upsert(self, facts: list[NewFact]) -> dict[str, bool | Exception]:
        outcomes: dict[str, bool | Exception] = {fact.id: True for fact in facts}
        refused = []
        for index, error in (await self._bulk(facts)).items():
            if error.get("code") == _DUPLICATE_KEY:
                refused.append(facts[index])
            else:
                outcomes[facts[index].id] = RuntimeError(error.get("errmsg", "write failed"))
        return outcomes | await self._settle(refused)

    async def _settle(self, refused: list[NewFact]) -> dict[str, bool | Exception]:
        """A duplicate key means "not newer", or that another process inserted the fact a moment before us."""
        if not refused:
            return {}
        cursor = self._collection.find({"_id": {"$in": [fact.id for fact in refused]}}, {"sequence": 1})
        known = {document["_id"]: document["sequence"] async for document in cursor}
        outcomes: dict[str, bool | Exception] = {}
        for fact in refused:
            newer = known.get(fact.id, -1) < fact.sequence
            outcomes[fact.id] = newer and await self._update_if_newer(fact)
        return outcomes

    async def _update_if_newer(self, fact: NewFact) -> bool:
        result = await self._collection.update_one(_older(fact), _change(fact))
        return result.matched_count == 1

    async def _bulk(self, facts: list[NewFact]) -> dict[int, dict[str, Any]]:
        writes = [UpdateOne(_older(fact), _change(fact), upsert=True) for fact in facts]
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            details: Mapping[str, Any] = error.details or {}
            if details.get("writeConcernErrors") or any(e["code"] in _GOING_DOWN for e in details["writeErrors"]):
                raise AutoReconnect("the database is shutting down or changes its primary") from error
            return {e["index"]: e for e in details["writeErrors"]}
        return {}


def document_of(fact: Fact, *, id: str, sequence: int, zone: tzinfo) -> Document:
    """As it is stored once its figures are made."""
    return {"_id": id, "sequence": sequence, "fact": _fields(fact), "buckets": buckets_of(fact, zone)}


def _fields(fact: Fact) -> Document:
    names: Sequence[str] = fact.__slots__
    return {name: getattr(fact, name) for name in names}


def _older(fact: NewFact) -> Document:
    return {"_id": fact.id, "sequence": {"$lt": fact.sequence}}


def _change(fact: NewFact) -> list[Document]:
    """One stage, so that `$buckets` and `$dirty` still mean what stood there before."""
    buckets = {"$literal": fact.buckets}
    return [
        {
            "$set": {
                "sequence": fact.sequence,
                "fact": {"$literal": fact.fields},
                "buckets": buckets,
                "dirty": {"$setUnion": [_OLD_MARKS, _OLD_BUCKETS, buckets]},
                "dirty_since": _FIRST_MARKED,
            }
        }
    ]
