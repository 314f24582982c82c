"""Whether figures are what they must be: beside another database, and beside what the others have told.

Nothing here tells of a person: differences are counted by kind, day and status.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, cast

import bson
from bson.codec_options import CodecOptions

from services.reporting.domain import Bucket
from services.reporting.handlers import handlers
from services.reporting.storage import Facts, Offices
from services.reporting.storage.facts import KINDS
from shared.contracts.appointments import AppointmentEvent
from shared.contracts.event import Event
from shared.contracts.reading import parse_event
from shared.mongo import Database, Document
from shared.outbox import Entry

FIGURES = ("figures", "days")
_OFFICES, _APPOINTMENTS = "offices", "appointments"
_AT_ONCE = 500
# What was told within so short a time may be under way.
_UNDER_WAY = timedelta(seconds=30)
_LOOKS, _PAUSE_S = 10, 1.0
_CODEC: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
_PLACE = frozenset({"_id", "fence", *Bucket._fields})
# (kind, day, status)
Where = tuple[str, str, str]


@dataclass(slots=True)
class Differences:
    """`compared` things by kind; for each place what is wrong there and how often."""

    compared: Counter[str] = field(default_factory=Counter)
    wrong: dict[Where, Counter[str]] = field(default_factory=dict)

    def note(self, where: Where, what: str, times: int = 1) -> None:
        self.wrong.setdefault(where, Counter())[what] += times

    @property
    def total(self) -> int:
        return sum(times.total() for times in self.wrong.values())

    def count(self, what: str, kind: str) -> int:
        return sum(times[what] for where, times in self.wrong.items() if where[0] == kind)

    def lines(self) -> list[str]:
        return [
            f"{' '.join(part for part in where if part)}: "
            + ", ".join(f"{number} {what}" for what, number in sorted(times.items()))
            for where, times in sorted(self.wrong.items())
        ]


async def compare_databases(live: Database, rebuilt: Database) -> Differences:
    """Facts and figures of two databases that both go on: only what stays different counts."""
    found = Differences()
    for name in (*KINDS.values(), *FIGURES):
        content = _figure if name in FIGURES else _fact
        ids = await _differing(live, rebuilt, name, content, found.compared)
        for _ in range(_LOOKS):
            if not ids:
                break
            await asyncio.sleep(_PAUSE_S)
            ids = await _still_differing(live, rebuilt, name, content, ids)
        for id, what in ids.items():
            found.note((name, Bucket.from_key(id).day if name in FIGURES else "", ""), what)
    return found


async def compare_with_told(live: Database, told: AsyncIterator[Entry], *, zone: tzinfo) -> Differences:
    """Versions and content of the facts beside the newest events of those who told them.

    Appointments are told for ever, so one that nobody tells is `unknown`; all else is forgotten after a while.
    """
    found = Differences()
    before = await live[_APPOINTMENTS].count_documents({})
    reader = _Reader()
    batch: list[_Told] = []
    async for entry in told:
        if entry["at"] > datetime.now(UTC) - _UNDER_WAY:
            found.compared["under way"] += 1
            before -= entry["exchange"] == _APPOINTMENTS
            continue
        batch += await reader.read(entry, zone)
        if len(batch) >= _AT_ONCE:
            await _look(live, batch, found)
            batch = []
    await _look(live, batch, found)
    known = found.compared[_APPOINTMENTS] - found.count("missing", _APPOINTMENTS)
    if known and (unknown := before - known) > 0:
        found.note((_APPOINTMENTS, "", ""), "unknown", unknown)
    return found


@dataclass(frozen=True, slots=True)
class _Told:
    where: Where
    id: str
    sequence: int
    content: Any


class _Reader:
    """Lets the service's own handlers make of an event what they would store."""

    def __init__(self) -> None:
        self._caught: list[tuple[Any, str, int]] = []
        heard = handlers(facts=cast(Facts, self), offices=cast(Offices, self)).by_queue.values()
        self._handlers = {type: handler for by_type in heard for type, handler in by_type.items()}

    async def apply(self, what: Any, /, *, id: str, sequence: int) -> bool:
        self._caught.append((what, id, sequence))
        return True

    async def read(self, entry: Entry, zone: tzinfo) -> list[_Told]:
        """Nothing of what reporting does not hear."""
        if entry["type"] not in self._handlers:
            return []
        event = parse_event(entry["body"].encode())
        await self._handlers[event.type](event)
        caught, self._caught = self._caught, []
        return [_told(event, *one, zone=zone) for one in caught]


def _told(event: Event, what: Any, id: str, sequence: int, *, zone: tzinfo) -> _Told:
    kind = KINDS.get(type(what), _OFFICES)
    content = what if kind == _OFFICES else {name: getattr(what, name) for name in what.__slots__}
    state = event.data
    at, status = (state.starts_at, state.status) if isinstance(event, AppointmentEvent) else (event.time, "")
    day = at.astimezone(zone).date().isoformat()
    return _Told((kind, day, status), id, sequence, _as_stored(content))


def _as_stored(content: Any) -> Any:
    """As the database gives it back: lists for tuples, whole milliseconds."""
    return bson.decode(bson.encode({"content": content}), codec_options=_CODEC)["content"]


async def _look(live: Database, batch: Iterable[_Told], found: Differences) -> None:
    by_kind: dict[str, list[_Told]] = {}
    for told in batch:
        by_kind.setdefault(told.where[0], []).append(told)
    for kind, some in by_kind.items():
        found.compared[kind] += len(some)
        stored = {d["_id"]: d async for d in live[kind].find({"_id": {"$in": [told.id for told in some]}})}
        for told in some:
            if what := _fault(told, stored.get(told.id)):
                found.note(told.where, what)


def _fault(told: _Told, stored: Document | None) -> str | None:
    if stored is None:
        return "missing"
    if stored["sequence"] != told.sequence:
        return "behind" if stored["sequence"] < told.sequence else "ahead"
    return None if stored.get("fact", stored.get("office")) == told.content else "different"


Content = Callable[[Document], Any]


def _fact(document: Document) -> Any:
    return document["sequence"], document["fact"]


def _figure(document: Document) -> Any:
    """What became empty is as good as absent."""
    return {key: value for key, value in document.items() if key not in _PLACE and value} or None


async def _differing(
    live: Database, rebuilt: Database, name: str, content: Content, compared: Counter[str]
) -> dict[str, str]:
    """Ids and what is wrong, both read in the order of their ids: memory stays flat."""
    found: dict[str, str] = {}
    left, right = _in_order(live, name), _in_order(rebuilt, name)
    a, b = await anext(left, None), await anext(right, None)
    while a is not None or b is not None:
        compared[name] += 1
        if b is None or (a is not None and a["_id"] < b["_id"]):
            _note(found, a, None, content)
            a = await anext(left, None)
        elif a is None or b["_id"] < a["_id"]:
            _note(found, None, b, content)
            b = await anext(right, None)
        else:
            _note(found, a, b, content)
            a, b = await anext(left, None), await anext(right, None)
    return found


async def _still_differing(
    live: Database, rebuilt: Database, name: str, content: Content, ids: Mapping[str, str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    chosen = list(ids)
    for start in range(0, len(chosen), _AT_ONCE):
        some = {"_id": {"$in": chosen[start : start + _AT_ONCE]}}
        left = {d["_id"]: d async for d in live[name].find(some)}
        right = {d["_id"]: d async for d in rebuilt[name].find(some)}
        for id in left.keys() | right.keys():
            _note(found, left.get(id), right.get(id), content)
    return found


def _note(found: dict[str, str], a: Document | None, b: Document | None, content: Content) -> None:
    left, right = content(a) if a else None, content(b) if b else None
    if left == right:
        return
    id = (a or b or {})["_id"]
    found[id] = "not rebuilt" if right is None else "not live" if left is None else "different"


async def _in_order(database: Database, name: str) -> AsyncIterator[Document]:
    async for document in database[name].find(
        {}, {"dirty": 0, "dirty_since": 0}, sort=[("_id", 1)], batch_size=1000
    ):
        yield document
