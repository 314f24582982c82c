"""After quiet nothing is on its way: no event untold, no message half sent, no queue deserted, nothing parked."""

from collections.abc import Iterator

from shared.setup import broker_definitions, deploy_folder
from tests.prove.checks.evidence import Document, Evidence, Kind, Violation
from tests.prove.checks.reading import is_invented, short

_PARKING, _RETRY = ".parking", "retry."

# Somebody listens only while figures are made anew.
_HEARD_ON_REQUEST = {"reporting.rebuild"}


def rest(evidence: Evidence) -> Iterator[Violation]:
    for sentence in evidence.unquiet:
        yield Violation("rest", Kind.STUCK, sentence)
    for id, document in evidence.appointments.items():
        yield from _untold(f"appointment {short(id)}", document, (id,))
    told_only = {"searches": evidence.demand, "plan": evidence.capacity, "free times": evidence.free_times}
    for name, documents in {**told_only, "office": evidence.offices}.items():
        for id, document in documents.items():
            yield from _untold(f"{name} {id}", document)
    for id, delivery in evidence.deliveries.items():
        yield from _untold(short(id), delivery, (delivery["appointment"],))
        yield from _unsent(id, delivery, evidence)
    for name in work_queues():
        yield from _queue(name, evidence)
    for name in (queue for queue in evidence.queues if queue.startswith(_RETRY)):
        if waiting := evidence.queues[name].messages:
            yield Violation("rest", Kind.STUCK, f"{waiting} messages wait in {name}")


def work_queues() -> list[str]:
    """Those of which somebody consumes, as the broker's definitions name them."""
    names = [queue["name"] for queue in broker_definitions(deploy_folder())["queues"]]
    return [name for name in names if not name.endswith(_PARKING) and not name.startswith(_RETRY)]


def _untold(what: str, document: Document, appointments: tuple[str, ...] = ()) -> Iterator[Violation]:
    outbox = document.get("outbox", ())
    if outbox:
        types = ", ".join(entry["type"] for entry in outbox)
        yield Violation("rest", Kind.STUCK, f"{what} still has to tell {types}", None, appointments)


def _unsent(id: str, delivery: Document, evidence: Evidence) -> Iterator[Violation]:
    """What a probe made up may wait for something that never comes; a reminder waits for its day."""
    lies_ahead = delivery["purpose"] == "reminder" and "token" not in delivery
    if delivery["status"] == "due" and not lies_ahead and not is_invented(id, delivery, evidence):
        claimed = "claimed and not recorded" if "token" in delivery else "due"
        what = f"{short(id)} is still {claimed} after {delivery['attempts']} attempts"
        yield Violation("rest", Kind.STUCK, what, None, (delivery["appointment"],), (id,))
    if delivery.get("settle"):
        what = f"{short(id)} failed and nobody has looked what follows"
        yield Violation("rest", Kind.STUCK, what, None, (delivery["appointment"],), (id,))


def _queue(name: str, evidence: Evidence) -> Iterator[Violation]:
    queue = evidence.queues.get(name)
    if queue is None:
        yield Violation("rest", Kind.STUCK, f"the queue {name} is gone")
        return
    if not queue.consumers and name not in _HEARD_ON_REQUEST:
        yield Violation("rest", Kind.STUCK, f"nobody consumes {name}")
    if queue.messages:
        yield Violation("rest", Kind.STUCK, f"{queue.messages} messages wait in {name}")
    parked, on_purpose = _parked(name, evidence), evidence.poisoned.get(name, 0)
    if parked != on_purpose:
        kind = Kind.STUCK if parked > on_purpose else Kind.LOST
        what = f"{parked} messages of {name} are parked, {on_purpose} of them on purpose"
        yield Violation("rest", kind, what)


def _parked(name: str, evidence: Evidence) -> int:
    parking = evidence.queues.get(name + _PARKING)
    return parking.messages if parking else 0
