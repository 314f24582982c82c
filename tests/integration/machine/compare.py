"""What the database holds beside what the plain model knows. Reads documents by their names alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.integration.machine.day import Whole
from tests.integration.machine.visit import Cell, Impossible, Visit
from tests.recount import Recount

Document = Mapping[str, Any]
# The model knows neither who took a step nor how long anybody waited.
_NOT_MODELLED = {
    "cancelled_by_citizen",
    "cancelled_by_staff",
    "waiting_list_accepted",
    "waiting_list_declined",
    "waiting_list_unanswered",
    "used_minutes",
    "waiting_minutes",
    "handling_minutes",
}


def modelled(figure: str) -> bool:
    return figure not in _NOT_MODELLED


def cell(text: str) -> Cell:
    _, lane, start = text.split("|")
    return lane, datetime.strptime(start, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)


def told(document: Document) -> list[Document]:
    return [entry for entry in document["history"] if entry["exchange"] == "appointments"]


def settle(model: Whole, documents: Sequence[Document]) -> None:
    """Takes over what time alone had decided and a writer has settled on its way."""
    for document in documents:
        visit = model.visits.get(document["_id"])
        if visit is None or not model.is_due(visit) or len(told(document)) <= visit.version:
            continue
        event = told(document)[visit.version]["type"]
        step = document["steps"][len(visit.steps)]
        if step.get("by") != "system":
            continue
        if event == "appointment.expired.v1":
            model.expire(visit)
        elif event == "appointment.offer_ended.v1":
            model.end_offer(visit)


def compare(model: Whole, documents: Sequence[Document]) -> None:
    """Raises Impossible; takes over the random minutes at which freed cells come back."""
    stored = {document["_id"]: document for document in documents}
    if stored.keys() != model.visits.keys():
        raise Impossible(f"stored, not known or known, not stored: {stored.keys() ^ model.visits.keys()}")
    for id, document in stored.items():
        visit = model.visits[id]
        for name, (expected, found) in _fields(visit, document).items():
            if expected != found:
                raise Impossible(f"{name} of {id} ({visit.told}): expected {expected}, stored {found}")
        _compare_cells(model, visit, document)
        _compare_history(visit, document)


def _fields(visit: Visit, document: Document) -> dict[str, tuple[Any, Any]]:
    offer = document.get("offer")
    return {
        "status": (visit.status, document["status"]),
        "version": (visit.version, document["version"]),
        "lane": (visit.lane, document["lane"]),
        "starts_at": (visit.starts, document["starts_at"]),
        "ends_at": (visit.ends, document["ends_at"]),
        "persons": (len(visit.places), document["persons"]),
        "children": (visit.kids, document["children_under_6"]),
        "steps": (visit.steps, [(step["step"], step["at"]) for step in document["steps"]]),
        "expires_at": (visit.expires, document.get("expires_at")),
        "ended_at": (visit.ended, document.get("ended_at")),
        "reschedules": (visit.reschedules, document.get("reschedules", 0)),
        "wish": (visit.wish is not None, "wish" in document),
        "offer": (
            visit.offer,
            offer and (offer["lane"], offer["starts_at"], offer["ends_at"], offer["expires_at"]),
        ),
        "active": (visit.active and visit.claim is not None, bool(document.get("active"))),
        "person": (visit.status != "anonymised", "person" in document),
        "called": ((visit.calls, visit.called_by), (document.get("calls", 0), document.get("called_by"))),
        "outcome": (visit.outcome, document.get("outcome")),
    }


def _compare_cells(model: Whole, visit: Visit, document: Document) -> None:
    owned = {cell(text) for text in document.get("cells", [])}
    if "cells" in document and not owned:
        raise Impossible("empty cells stand in the unique index as one value")
    if missing := visit.firm(model.now) - owned:
        raise Impossible(f"{visit.id} ({visit.status}) does not own {missing}")
    if extra := owned - visit.every():
        raise Impossible(f"{visit.id} ({visit.status}, {visit.told}) owns too much: {extra}")
    cooling = {cell(text): entry["release_at"] for entry in document.get("cooling", []) for text in entry["cells"]}
    for one, at in cooling.items():
        if one not in visit.cooling or not visit.cooling[one][0] <= at <= visit.cooling[one][1]:
            raise Impossible(f"{visit.id}: {one} comes back at {at}, not within {visit.cooling.get(one)}")
    visit.cooling = {one: (cooling[one], cooling[one]) for one in visit.cooling if one in cooling}


def _compare_history(visit: Visit, document: Document) -> None:
    entries = told(document)
    if [entry["type"] for entry in entries] != visit.told:
        raise Impossible(f"{visit.id}: told {[entry['type'] for entry in entries]}, expected {visit.told}")
    if [entry["sequence"] for entry in entries] != list(range(1, visit.version + 1)):
        raise Impossible(f"{visit.id}: not one event for each version")
    ids = [entry["id"] for entry in document["history"]]
    waiting = [entry["id"] for entry in document.get("outbox", [])]
    if ids[len(ids) - len(waiting) :] != waiting or len(set(ids)) != len(ids):
        raise Impossible(f"{visit.id}: what waits in the outbox is not the end of its history")


def owned_twice(documents: Sequence[Document]) -> list[Cell]:
    owners = Counter(one for document in documents for one in {cell(text) for text in document.get("cells", [])})
    return [one for one, count in owners.items() if count > 1]


def figures(model: Whole) -> Counter[tuple[str, str, str]]:
    """(day, service, figure) → amount, as the definitions of the figures say; of lead times how many had which."""
    counted = Recount()
    for visit in model.visits.values():
        counted.appointment(
            {
                "office": "any",
                "service": visit.service,
                "team": "any",
                "municipalities": visit.places,
                "channel": visit.channel,
                "persons": len(visit.places),
                "children_under_6": visit.kids,
                "starts_at": visit.starts,
                "ends_at": visit.ends,
                "steps": [{"step": step, "at": at} for step, at in visit.steps],
            }
        )
    found: Counter[tuple[str, str, str]] = Counter()
    for (day, _, service, *_), sums in counted.sums.items():
        found.update({(day or "", service or "", name): n for name, n in sums.items() if modelled(name)})
    for (day, _, service, *_), values in counted.values.items():
        found.update((day or "", service or "", f"lead_days={days}") for days in values["lead_days"])
    return +found
