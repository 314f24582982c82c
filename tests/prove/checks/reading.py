"""How the checks read what is stored: steps, events, days, and who asked for what."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.prove.checks.evidence import Document, Evidence, Learned, Taken
from tests.prove.history import Action, Operation


def steps(document: Document) -> list[str]:
    return [step["step"] for step in document["steps"]]


def taken_by(entry: Document) -> str:
    """Who took the step that this event tells: citizen, staff or system."""
    by: str = json.loads(entry["body"])["data"]["steps"][-1].get("by", "citizen")
    return by


def entries(document: Document, exchange: str) -> list[Document]:
    """What the document has told on `exchange`, oldest first."""
    return [entry for entry in document.get("history", ()) if entry["exchange"] == exchange]


def operations_by_appointment(evidence: Evidence) -> dict[str, list[Operation]]:
    """Everything but searches, by the id that follows from the citizen's key, in order."""
    found: dict[str, list[Operation]] = defaultdict(list)
    for operation in evidence.operations:
        if operation.action is not Action.SEARCH:
            found[evidence.appointment_id(operation.key)].append(operation)
    return found


def copies_by_delivery(taken: Iterable[Taken]) -> dict[str, list[Taken]]:
    """What servers took over, in order of time."""
    found: dict[str, list[Taken]] = defaultdict(list)
    for copy in sorted(taken, key=lambda copy: copy.at):
        found[copy.reference].append(copy)
    return found


def states_by_appointment(learned: Iterable[Learned]) -> dict[str, list[Learned]]:
    """What notification knew, in the order in which it was stored."""
    found: dict[str, list[Learned]] = defaultdict(list)
    for state in learned:
        found[state.appointment].append(state)
    return found


def local_day(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


def short(id: str) -> str:
    """The same few signs for the same id; the last ones, since ids of one moment begin alike."""
    head, *rest = id.split(":")
    return ":".join((head[-8:], *rest))


def is_invented(delivery_id: str, delivery: Document, evidence: Evidence) -> bool:
    """Whether a probe made it up, or the event that it comes of."""
    return delivery_id in evidence.planted or delivery["appointment"] in evidence.invented
