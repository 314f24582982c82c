"""Every stored change has told its event, in an unbroken sequence, and no event was told without a change."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

from tests.prove.checks.evidence import Document, Evidence, Kind, Violation
from tests.prove.checks.reading import entries, short, steps

Told = tuple[int, str]

# Steps are named as the status that they lead to.
_TOLD_AS = {"in_service": "started"}

# What is told once a delivery has ended so; of one that was not wanted nothing is.
_OUTCOMES = {
    "sent": "notification.sent.v1",
    "failed": "notification.failed.v1",
    "expired": "notification.expired.v1",
    "superseded": "notification.superseded.v1",
}


def events(evidence: Evidence) -> Iterator[Violation]:
    for id, document in evidence.appointments.items():
        for due, told in ((_changes(document), "appointments"), (_contacts(document), "contacts")):
            yield from _compare(id, due, _told(document, told), appointments=(id,))
    for id, delivery in evidence.deliveries.items():
        told_of_it = _told(delivery, "notifications")
        yield from _compare(id, _outcomes(delivery), told_of_it, appointments=(delivery["appointment"],))
        if delivery["version"] != len(told_of_it):
            what = f"{short(id)} is at version {delivery['version']} after {len(told_of_it)} events"
            yield Violation("events", Kind.WRONG, what, None, (delivery["appointment"],))
    yield from _same_id(evidence)


def _changes(document: Document) -> list[Told]:
    """One for each step. What was taken back is no step any more; it and its end were told all the same."""
    back = _taken_back(document)
    numbers = (number for number in count(1) if number not in back)
    types = (f"appointment.{_TOLD_AS.get(step, step)}.v1" for step in steps(document))
    return sorted([*back.items(), *zip(numbers, types, strict=False)])


def _taken_back(document: Document) -> dict[int, str]:
    kept, back = list[Told](), dict[int, str]()
    for number, type in _told(document, "appointments"):
        if type == "appointment.undone.v1" and kept:
            back |= dict([kept.pop(), (number, type)])
        else:
            kept.append((number, type))
    return back


def _contacts(document: Document) -> list[Told]:
    """With each contact that was given; by staff with the booking itself, or not at all."""
    done = steps(document)
    booked = done[:1] == ["confirmed"] and bool(document.get("contact"))
    told = [number for number, step in enumerate(done, 1) if step == "requested" or (booked and number == 1)]
    return [(number, "contact.provided.v1") for number in told]


def _outcomes(delivery: Document) -> list[Told]:
    types = [_OUTCOMES[delivery["status"]]] if delivery["status"] in _OUTCOMES else []
    if delivery.get("undeliverable"):
        types.append("notification.undeliverable.v1")
    if delivery.get("delivered_at"):
        types.append("notification.delivered.v1")
    return list(enumerate(types, 1))


def _told(document: Document, exchange: str) -> list[Told]:
    """A link that is asked for again is told without a change."""
    told = entries(document, exchange)
    return [(e["sequence"], e["type"]) for e in told if e["type"] != "contact.link_requested.v1"]


def _compare(
    id: str, due: Sequence[Told], told: Sequence[Told], *, appointments: tuple[str, ...]
) -> Iterator[Violation]:
    missing, too_many = Counter(due) - Counter(told), Counter(told) - Counter(due)
    if missing:
        what = f"{short(id)}: no event tells {_named(missing)}"
        yield Violation("events", Kind.LOST, what, None, appointments)
    if too_many:
        kind = Kind.DOUBLED if set(too_many) <= set(due) else Kind.WRONG
        yield Violation("events", kind, f"{short(id)}: no change led to {_named(too_many)}", None, appointments)
    if not missing and not too_many and list(due) != list(told):
        yield Violation("events", Kind.WRONG, f"{short(id)}: its events are out of order", None, appointments)


def _named(told: Counter[Told]) -> str:
    return ", ".join(f"{number} {type}" for number, type in sorted(told))


def _same_id(evidence: Evidence) -> Iterator[Violation]:
    """What consumers do is keyed by an event's id: two events of one id would count as one."""
    seen: dict[str, str] = {}
    documents = {**evidence.appointments, **evidence.deliveries}
    for id, document in documents.items():
        for entry in document.get("history", ()):
            if entry["id"] in seen:
                what = f"{short(id)} and {short(seen[entry['id']])} told events of one id, {short(entry['id'])}"
                yield Violation("events", Kind.WRONG, what, entry["at"].timestamp())
            seen[entry["id"]] = id
