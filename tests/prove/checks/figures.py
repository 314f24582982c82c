"""The report shows what a plain recount of everything stored gives, to the last digit."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.prove.checks.evidence import Document, Evidence, Kind, Violation
from tests.prove.checks.reading import entries, local_day
from tests.prove.history import Action, Outcome

GROUPS = ("day", "office", "service", "team", "municipality", "channel")
_STEPS = frozenset({"held", "requested", "confirmed", "rescheduled", "cancelled", "expired"})
_OVER = frozenset({"cancelled", "office_cancelled", "expired"})
_SEARCHES = (
    "searches",
    "searches_without_result",
    "slot_taken",
    "proofs_asked",
    "proofs_failed",
    "refused",
    "many_holds",
    "quick_rebookings",
)
_PERCENT = {"lead_days_median": 50, "lead_days_p90": 90}

Key = tuple[str | None, ...]
Values = Mapping[str, int | None]


@dataclass(slots=True)
class _Row:
    sums: Counter[str] = field(default_factory=Counter)
    lead_days: list[int] = field(default_factory=list)

    def values(self) -> dict[str, int | None]:
        """Nearest rank: the smallest value that so many percent do not exceed."""
        found: dict[str, int | None] = dict(+self.sums)
        for name, percent in _PERCENT.items():
            if self.lead_days:
                rank = -(-percent * len(self.lead_days) // 100)
                found[name] = sorted(self.lead_days)[rank - 1]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """An appointment as far as it counts."""

    office: str
    service: str
    team: str
    municipality: str
    channel: str
    persons: int
    children_under_6: int
    starts_at: datetime
    ends_at: datetime
    steps: tuple[tuple[str, datetime], ...]


class _Rows(dict[Key, _Row]):
    def __missing__(self, key: Key) -> _Row:
        return self.setdefault(key, _Row())


def figures(evidence: Evidence) -> Iterator[Violation]:
    shown = {tuple(row[group] for group in GROUPS): _without_nothing(row) for row in evidence.figures}
    counted = recount(evidence)
    for key in sorted(shown.keys() | counted.keys(), key=lambda key: [part or "" for part in key]):
        yield from _differing(key, shown.get(key, {}), counted.get(key, {}))
    yield from _searches_from_nowhere(evidence)


def recount(evidence: Evidence) -> dict[Key, Values]:
    """By day, office, service, team, municipality and channel; without what is zero."""
    rows = _Rows()
    for visit in _visits(evidence):
        _count_visit(visit, rows, evidence.zone)
    for office, channel, outcome, at in _messages(evidence):
        rows[_key(at, evidence.zone, office, channel=channel)].sums[f"messages_{outcome}"] += 1
    for demand in _demand(evidence):
        _count_demand(demand, rows, evidence.zone)
    return {key: row.values() for key, row in rows.items() if +row.sums}


def _visits(evidence: Evidence) -> Iterator[_Visit]:
    """From booking's documents; of made up ones only reporting knows."""
    for document in evidence.appointments.values():
        steps = tuple((step["step"], step["at"]) for step in document["steps"])
        yield _visit(document, document["municipalities"][0], steps)
    for id in sorted(evidence.invented & evidence.facts["appointments"].keys()):
        fact = evidence.facts["appointments"][id]["fact"]
        yield _visit(fact, fact["municipality"], tuple((step, at) for step, at in fact["steps"]))


def _visit(document: Document, municipality: str, steps: tuple[tuple[str, datetime], ...]) -> _Visit:
    names = ("office", "service", "team", "channel", "persons", "children_under_6", "starts_at", "ends_at")
    values: dict[str, Any] = {name: document[name] for name in names}
    return _Visit(**values, municipality=municipality, steps=steps)


def _count_visit(visit: _Visit, rows: _Rows, zone: str) -> None:
    def row(at: datetime) -> _Row:
        return rows[_key(at, zone, visit.office, visit.service, visit.team, visit.municipality, visit.channel)]

    for step, at in visit.steps:
        if step in _STEPS:
            row(at).sums[step] += 1
    booked_at = next((at for step, at in visit.steps if step == "confirmed"), None)
    if booked_at is None:
        return
    booked = row(booked_at)
    booked.sums["persons"] += visit.persons
    booked.sums["persons_under_6"] += visit.children_under_6
    days = date.fromisoformat(local_day(visit.starts_at, zone)) - date.fromisoformat(local_day(booked_at, zone))
    booked.lead_days.append(max(0, days.days))
    if not _is_over(visit):
        row(visit.starts_at).sums["booked_minutes"] += (visit.ends_at - visit.starts_at).seconds // 60


def _is_over(visit: _Visit) -> bool:
    """What was taken back is not cancelled."""
    turns = [step for step, _ in visit.steps if step in _OVER or step == "restored"]
    return bool(turns) and turns[-1] != "restored"


def _messages(evidence: Evidence) -> Iterator[tuple[str, str, str, datetime]]:
    """Office, channel, outcome and time of each: what was told of it last."""
    for delivery in evidence.deliveries.values():
        for newest in entries(delivery, "notifications")[-1:]:
            outcome = newest["type"].split(".")[1]
            at = delivery["sent_at"] if outcome == "sent" else newest["at"]
            yield delivery["office"], delivery["channel"], outcome, at
    known = evidence.facts["messages"]
    for id in sorted((evidence.planted | evidence.invented) & known.keys() - evidence.deliveries.keys()):
        fact = known[id]["fact"]
        yield fact["office"], fact["channel"], fact["outcome"], fact["at"]


def _demand(evidence: Evidence) -> Iterator[dict[str, Any]]:
    for document in evidence.demand.values():
        yield json.loads(document["last"]["body"])["data"]
    for id in sorted(evidence.invented & evidence.facts["demand"].keys() - evidence.demand.keys()):
        fact = evidence.facts["demand"][id]["fact"]
        yield {**fact, "minute": fact["minute"].isoformat(), "out_of_area": dict(fact["out_of_area"])}


def _count_demand(demand: Mapping[str, Any], rows: _Rows, zone: str) -> None:
    minute, office = datetime.fromisoformat(demand["minute"]), demand["office"]
    for name in _SEARCHES:
        rows[_key(minute, zone, office)].sums[name] += demand.get(name, 0)
    for municipality, times in demand["out_of_area"].items():
        rows[_key(minute, zone, office, municipality=municipality)].sums["out_of_area"] += times


def _key(
    at: datetime,
    zone: str,
    office: str,
    service: str | None = None,
    team: str | None = None,
    municipality: str | None = None,
    channel: str | None = None,
) -> Key:
    return local_day(at, zone), office, service, team, municipality, channel


def _without_nothing(row: Mapping[str, Any]) -> Values:
    """A lead time of no days is something, a count of none is not."""
    return {name: value for name, value in row.items() if name not in GROUPS and (value or name in _PERCENT)}


def _differing(key: Key, shown: Values, counted: Values) -> Iterator[Violation]:
    different = sorted(name for name in shown.keys() | counted.keys() if shown.get(name) != counted.get(name))
    if not different:
        return
    below = [(shown.get(name) or 0) < (counted.get(name) or 0) for name in different]
    kind = Kind.LOST if all(below) else Kind.WRONG if any(below) else Kind.DOUBLED
    values = ", ".join(f"{name} {shown.get(name) or 0} instead of {counted.get(name) or 0}" for name in different)
    yield Violation("figures", kind, f"{' '.join(part or '-' for part in key)}: {values}")


def _searches_from_nowhere(evidence: Evidence) -> Iterator[Violation]:
    """Each counted search was made; a killed process may forget some of its last second, never add any."""
    asked = sum(o.action is Action.SEARCH and o.outcome is not Outcome.REFUSED for o in evidence.operations)
    counted = sum(
        json.loads(document["last"]["body"])["data"]["searches"] for document in evidence.demand.values()
    )
    if counted > asked:
        yield Violation("figures", Kind.DOUBLED, f"{counted} searches are counted, and {asked} were made")
