"""No desk-minute has two owners, at no moment; and at the end each appointment owns what its status demands."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from tests.prove.checks.evidence import CellsChanged, Document, Evidence, Kind, Violation
from tests.prove.checks.reading import short, steps

_CELL = timedelta(minutes=5)
_OPEN = frozenset({"held", "requested", "waiting", "confirmed", "checked_in", "called", "in_service"})


def desks(evidence: Evidence) -> Iterator[Violation]:
    yield from _owned_twice(evidence.cells)
    yield from _ended_otherwise(evidence)
    for id, document in evidence.appointments.items():
        yield from _owns_what_it_should(id, document, evidence.cells)


def _owned_twice(changes: Iterable[CellsChanged]) -> Iterator[Violation]:
    """Replays every write in the database's order."""
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    owned: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for change in changes:
        id, before = change.appointment, owned[change.appointment]
        after = {(change.office, cell) for cell in change.cells}
        for cell in before - after:
            owners[cell].discard(id)
        doubled = {cell: owners[cell] - {id} for cell in sorted(after - before) if owners[cell] - {id}}
        for cell in after:
            owners[cell].add(id)
        owned[id] = after
        if doubled:
            yield _double(change, doubled)


def _double(change: CellsChanged, doubled: dict[tuple[str, str], set[str]]) -> Violation:
    others = sorted(set().union(*doubled.values()))
    cells = ", ".join(cell for _, cell in doubled)
    what = f"{short(change.appointment)} took {cells}, which {', '.join(map(short, others))} owned"
    appointments = (*others, change.appointment)
    return Violation("desks", Kind.DOUBLED, what, change.at.timestamp(), appointments)


def _ended_otherwise(evidence: Evidence) -> Iterator[Violation]:
    """The writes that were seen lead to what is stored: else the replay above would prove nothing."""
    replayed = {change.appointment: set(change.cells) for change in evidence.cells}
    for id, cells in replayed.items():
        document = evidence.appointments.get(id)
        if document is None:
            yield Violation("desks", Kind.LOST, f"{short(id)} was stored and is gone", None, (id,))
        elif set(document.get("cells", ())) != cells:
            what = f"{short(id)} owns other cells than its last write said"
            yield Violation("desks", Kind.WRONG, what, None, (id,))
    seen = Counter(change.appointment for change in evidence.cells)
    for id, document in evidence.appointments.items():
        writes = 1 + steps(document).count("rescheduled")
        if seen[id] < writes:
            what = f"only {seen[id]} of at least {writes} writes to the cells of {short(id)} were seen"
            yield Violation("desks", Kind.WRONG, what, None, (id,))


def _owns_what_it_should(id: str, document: Document, changes: Iterable[CellsChanged]) -> Iterator[Violation]:
    owns = sorted(document.get("cells", ()))
    should = sorted(_demanded(document))
    if owns == should or (not owns and _is_past(document, changes)):
        return
    missing, too_many = sorted(set(should) - set(owns)), sorted(set(owns) - set(should))
    what = f"{short(id)} is {document['status']} and owns too much ({too_many}) or too little ({missing})"
    yield Violation("desks", Kind.LOST if missing else Kind.STUCK, what, None, (id,))


def _demanded(document: Document) -> list[str]:
    """The cells of its lane and time while it is open, those offered to it, and those that cool."""
    cooling = [cell for freed in document.get("cooling", ()) for cell in freed["cells"]]
    offered = _cells(document["offer"]) if document.get("offer") else []
    return cooling + offered + (_cells(document) if document["status"] in _OPEN else [])


def _cells(document: Document) -> list[str]:
    """None where there is no desk: for whoever waits for a time, or has a ticket."""
    if not document["lane"]:
        return []
    start: datetime = document["starts_at"].astimezone(UTC)
    start -= timedelta(minutes=start.minute % 5, seconds=start.second, microseconds=start.microsecond)
    found = []
    while start < document["ends_at"]:
        found.append(f"{document['team']}|{document['lane']}|{start:%Y%m%dT%H%MZ}")
        start += _CELL
    return found


def _is_past(document: Document, changes: Iterable[CellsChanged]) -> bool:
    return any(change.at >= document["ends_at"] for change in changes if change.appointment == document["_id"])
