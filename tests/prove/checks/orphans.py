"""Nothing is known of what does not exist: no fact, message, contact or state without its appointment or event."""

from collections.abc import Iterable, Iterator

from tests.prove.checks.evidence import Evidence, Kind, Violation
from tests.prove.checks.reading import is_invented, short


def orphans(evidence: Evidence) -> Iterator[Violation]:
    known = evidence.appointments.keys() | evidence.invented
    learned = {state.appointment for state in evidence.learned}
    yield from _strangers("reporting counts the appointment", evidence.facts["appointments"], known)
    yield from _strangers("notification has a contact of", evidence.contacts, known)
    yield from _strangers("notification knows a state of", learned, known)
    planned = evidence.deliveries.keys() | evidence.planted | evidence.invented
    yield from _strangers("reporting counts the message", evidence.facts["messages"], planned)
    measured = evidence.demand.keys() | evidence.invented
    yield from _strangers("reporting counts the searches", evidence.facts["demand"], measured)
    yield from _strangers("reporting counts the plan", evidence.facts["capacity"], evidence.capacity)
    yield from _strangers("reporting counts the free times", evidence.facts["free_times"], evidence.free_times)
    yield from _caused_by_nothing(evidence)


def _strangers(what: str, found: Iterable[str], known: Iterable[str]) -> Iterator[Violation]:
    for id in sorted(set(found) - set(known)):
        yield Violation("orphans", Kind.WRONG, f"{what} {short(id)}, which does not exist", None, (id,))


def _caused_by_nothing(evidence: Evidence) -> Iterator[Violation]:
    told = {entry["id"] for document in evidence.appointments.values() for entry in document.get("history", ())}
    for id, delivery in evidence.deliveries.items():
        if delivery["caused_by"] not in told and not is_invented(id, delivery, evidence):
            what = f"{short(id)} comes of an event that nobody told"
            yield Violation("orphans", Kind.WRONG, what, None, (delivery["appointment"],), (id,))
