"""The report shows what a plain recount of everything stored gives, to the last digit."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.prove.checks.evidence import Evidence, Kind, Violation
from tests.prove.checks.reading import entries
from tests.prove.history import Action, Outcome
from tests.recount import Place, Recount, Values, tells

GROUPS = ("day", "office", "service", "team", "municipality", "channel")

Key = Place
Shown = Mapping[str, float | None]


def figures(evidence: Evidence) -> Iterator[Violation]:
    shown = {tuple(row[group] for group in GROUPS): _without_nothing(row) for row in evidence.figures}
    counted = recount(evidence)
    for key in sorted(shown.keys() | counted.keys(), key=lambda key: [part or "" for part in key]):
        yield from _differing(key, shown.get(key, {}), counted.get(key, {}))
    yield from _searches_from_nowhere(evidence)


def recount(evidence: Evidence) -> dict[Key, Values]:
    """By day, office, service, team, municipality and channel; without what is zero."""
    counted = Recount(zone=evidence.zone)
    for visit in _visits(evidence):
        counted.appointment(visit)
    for delivery, outcome, at in _messages(evidence):
        counted.message(delivery, outcome=outcome, at=at)
    for demand in _demand(evidence):
        counted.demand(demand)
    for document in evidence.capacity.values():
        counted.capacity(document["plan"])
    for document in evidence.free_times.values():
        counted.free_times(json.loads(document["last"]["body"])["data"])
    return counted.figures(*GROUPS)


def _visits(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    """From booking's documents; of made up ones only reporting knows."""
    for document in evidence.appointments.values():
        language = (document.get("contact") or {}).get("language")
        yield {**document, "language": language}
    for id in sorted(evidence.invented & evidence.facts["appointments"].keys()):
        fact = evidence.facts["appointments"][id]["fact"]
        steps = [dict(zip(("step", "at", "by"), step, strict=False)) for step in fact["steps"]]
        yield {**fact, "municipalities": [fact["municipality"]], "steps": steps}


def _messages(evidence: Evidence) -> Iterator[tuple[Mapping[str, Any], str, datetime]]:
    """Each message, and what was told of it last and when."""
    for delivery in evidence.deliveries.values():
        for newest in entries(delivery, "notifications")[-1:]:
            yield delivery, newest["type"].split(".")[1], newest["at"]
    known = evidence.facts["messages"]
    for id in sorted((evidence.planted | evidence.invented) & known.keys() - evidence.deliveries.keys()):
        fact = known[id]["fact"]
        yield {"purpose": "", **fact}, fact["outcome"], fact["at"]


def _demand(evidence: Evidence) -> Iterator[Mapping[str, Any]]:
    for document in evidence.demand.values():
        yield json.loads(document["last"]["body"])["data"]
    for id in sorted(evidence.invented & evidence.facts["demand"].keys() - evidence.demand.keys()):
        fact = evidence.facts["demand"][id]["fact"]
        yield {**fact, "out_of_area": dict(fact["out_of_area"])}


def _without_nothing(row: Mapping[str, Any]) -> Shown:
    """A lead time of no days is something, a count of none is not."""
    return {name: value for name, value in row.items() if name not in GROUPS and tells(name, value)}


def _differing(key: Key, shown: Shown, counted: Shown) -> Iterator[Violation]:
    different = sorted(name for name in shown.keys() | counted.keys() if shown.get(name) != counted.get(name))
    if not different:
        return
    # A share of nothing is more than no share.
    below = [_or_less(shown.get(name)) < _or_less(counted.get(name)) for name in different]
    kind = Kind.LOST if all(below) else Kind.WRONG if any(below) else Kind.DOUBLED
    values = ", ".join(f"{name} {shown.get(name) or 0} instead of {counted.get(name) or 0}" for name in different)
    yield Violation("figures", kind, f"{' '.join(part or '-' for part in key)}: {values}")


def _or_less(value: float | None) -> float:
    return -1 if value is None else value


def _searches_from_nowhere(evidence: Evidence) -> Iterator[Violation]:
    """Each counted search was made; a killed process may forget some of its last second, never add any."""
    asked = sum(o.action is Action.SEARCH and o.outcome is not Outcome.REFUSED for o in evidence.operations)
    counted = sum(
        json.loads(document["last"]["body"])["data"]["searches"] for document in evidence.demand.values()
    )
    if counted > asked:
        yield Violation("figures", Kind.DOUBLED, f"{counted} searches are counted, and {asked} were made")
