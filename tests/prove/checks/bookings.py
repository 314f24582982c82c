"""Every ok wish came true, every refused one did not, every unknown one did wholly or not at all."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from json import loads

from tests.prove.checks.evidence import Document, Evidence, Kind, Violation
from tests.prove.checks.reading import entries, operations_by_appointment, short, steps, taken_by
from tests.prove.history import Action, Operation, Outcome

# What was wished; which time, where that is part of the wish.
Effect = tuple[Action, datetime | None]

_STEP_OF = {Action.CONTACT: "requested", Action.CANCEL: "cancelled"}
_OUT = {step: step for step in ("cancelled", "office_cancelled", "expired")}
_NOT_EXPIRED = {step: step for step in ("cancelled", "office_cancelled")}
_SAME_BUT_ELSEWHERE = ("rescheduled", "reassigned", "resized", "corrected")
_LINE = ("joined_waiting_list", "left_waiting_list", "offered", "offer_ended")
# Where a life stands, which step may come next, and where that leads. Staff begin with the second or third.
_LIFE: dict[str, dict[str, str]] = {
    "": {"held": "held", "confirmed": "confirmed", "checked_in": "checked_in"},
    "held": {"requested": "requested"} | _OUT,
    "requested": {
        "requested": "requested",
        "confirmation_sent": "asked",
        "confirmed": "confirmed",
        "joined_waiting_list": "waiting",
    }
    | _OUT,
    "asked": {"requested": "requested", "confirmed": "confirmed", "joined_waiting_list": "waiting"} | _OUT,
    "waiting": {"offered": "waiting", "offer_ended": "waiting", "confirmed": "confirmed"} | _OUT,
    "confirmed": dict.fromkeys((*_SAME_BUT_ELSEWHERE, *_LINE), "confirmed")
    | {"checked_in": "checked_in", "no_show": "no_show"}
    | _NOT_EXPIRED,
    "cancelled": {"restored": "confirmed"},
    "checked_in": {"called": "called", "reassigned": "checked_in", "office_cancelled": "office_cancelled"},
    "called": {"called": "called", "in_service": "in_service", "no_show": "no_show"},
    "in_service": {"completed": "completed"},
}
_STATUS_OF = {"asked": "requested"}


def bookings(evidence: Evidence) -> Iterator[Violation]:
    asked = operations_by_appointment(evidence)
    for id, operations in asked.items():
        document = evidence.appointments.get(id)
        if document is None:
            yield from _missing(id, operations)
            continue
        happened = _happened(document)
        yield from _promised_and_not_kept(id, document, operations, happened)
        yield from _done_unasked(id, operations, happened)
        yield from _other_address(id, document, operations)
    for id, document in evidence.appointments.items():
        if id not in asked:
            yield Violation("bookings", Kind.WRONG, f"nobody asked for {short(id)}", None, (id,))
        yield from _half(id, document)
    yield from _other_id(evidence)


def _missing(id: str, operations: Sequence[Operation]) -> Iterator[Violation]:
    """Where nothing is stored, nothing may have been promised. What else hangs about of it, `orphans` finds."""
    promised = next((operation for operation in operations if operation.outcome is Outcome.OK), None)
    if promised:
        what = f"{promised.action} was ok and {short(id)} does not exist"
        yield Violation("bookings", Kind.LOST, what, promised.ended_at, (id,))


def _promised_and_not_kept(
    id: str, document: Document, operations: Sequence[Operation], happened: Counter[Effect]
) -> Iterator[Violation]:
    promised = [operation for operation in operations if operation.outcome is Outcome.OK]
    for effect in dict.fromkeys(map(_effect, promised)):
        of_it = [operation for operation in promised if _effect(operation) == effect]
        # Who says the same again is answered the same, and nothing more happens.
        wishes = len({operation.wish.lower() for operation in of_it}) if effect[1] is None else 1
        if happened[effect] < wishes and not _moves_to_where_it_was(effect, document):
            what = f"{_named(effect)} was ok, and {short(id)} has only the steps {', '.join(steps(document))}"
            yield Violation("bookings", Kind.LOST, what, of_it[0].ended_at, (id,))


def _done_unasked(id: str, operations: Sequence[Operation], happened: Counter[Effect]) -> Iterator[Violation]:
    """Each request brings about one step at most, and a refused one none."""
    may = Counter(_effect(operation) for operation in operations if operation.outcome is not Outcome.REFUSED)
    for effect, times in happened.items():
        if times > may[effect]:
            what = f"{short(id)}: {_named(effect)} happened {times} times; {may[effect]} requests may have done it"
            yield Violation("bookings", Kind.WRONG, what, None, (id,))


def _other_address(id: str, document: Document, operations: Sequence[Operation]) -> Iterator[Violation]:
    given = {
        operation.wish.lower()
        for operation in operations
        if operation.action is Action.CONTACT and operation.outcome is not Outcome.REFUSED
    }
    stored = (document.get("contact") or {}).get("email")
    if given and stored and stored not in given:
        what = f"{short(id)} has the address {stored}; given were {', '.join(sorted(given))}"
        yield Violation("bookings", Kind.WRONG, what, None, (id,))


def _other_id(evidence: Evidence) -> Iterator[Violation]:
    for operation in evidence.operations:
        told = operation.appointment
        if told and told != evidence.appointment_id(operation.key):
            what = f"operation #{operation.number} is about another appointment, {short(told)}"
            yield Violation("bookings", Kind.WRONG, what, operation.ended_at, (told,))


def _happened(document: Document) -> Counter[Effect]:
    """How often who acts here brought each effect about, by the document's own steps and its told moves.

    Citizens act on their own appointments; on what staff have booked, staff do.
    """
    actor = document["steps"][0].get("by", "citizen")
    done = [step["step"] for step in document["steps"] if step.get("by", "citizen") == actor]
    happened: Counter[Effect] = Counter({(action, None): done.count(step) for action, step in _STEP_OF.items()})
    happened[Action.CONFIRM, None] = _confirmed(document["steps"])
    if "first" in document:
        happened[Action.HOLD, document["first"]["starts_at"]] += 1
    for entry in entries(document, "appointments"):
        if entry["type"] == "appointment.rescheduled.v1" and taken_by(entry) == actor:
            happened[Action.MOVE, datetime.fromisoformat(loads(entry["body"])["data"]["starts_at"])] += 1
    return happened


def _confirmed(taken: Sequence[Document]) -> int:
    """By a message: a time, or a place on the waiting list. Accepting an offer is something else."""
    times = 0
    for before, step in pairwise([{"step": ""}, *taken]):
        if step.get("by", "citizen") == "citizen":
            in_line = step["step"] == "joined_waiting_list" and before["step"] in (
                "requested",
                "confirmation_sent",
            )
            times += in_line or (step["step"] == "confirmed" and before["step"] != "offered")
    return times


def _effect(operation: Operation) -> Effect:
    timed = operation.action in (Action.HOLD, Action.MOVE)
    return operation.action, datetime.fromisoformat(operation.wish) if timed else None


def _moves_to_where_it_was(effect: Effect, document: Document) -> bool:
    """Answered with ok, and rightly nothing happens."""
    return effect == (Action.MOVE, document.get("first", {}).get("starts_at"))


def _named(effect: Effect) -> str:
    return f"{effect[0]} {effect[1]:%d.%m. %H:%M} UTC" if effect[1] else effect[0]


def _half(id: str, document: Document) -> Iterator[Violation]:
    halves = list(_halves(document))
    if halves:
        yield Violation("bookings", Kind.WRONG, f"{short(id)} is not whole: {'; '.join(halves)}", None, (id,))


def _halves(document: Document) -> Iterator[str]:
    done, status = steps(document), document["status"]
    # What was taken back is no step any more, and taking it back was none.
    taken_back = sum(e["type"] == "appointment.undone.v1" for e in entries(document, "appointments"))
    if document["version"] != len(done) + 2 * taken_back:
        yield f"version {document['version']} after {len(done)} steps"
    stands = _lived(done)
    if stands is None:
        yield f"steps {', '.join(done)}"
    elif _STATUS_OF.get(stands, stands) != status:
        yield f"{status} after {done[-1]}"
    if "first" not in document and done[:1] == ["held"]:
        yield "its first answer is missing"
    if ("expires_at" in document) != (status in ("held", "requested", "waiting")):
        yield f"{status} {'with' if 'expires_at' in document else 'without'} a time to run out"
    if bool(document.get("contact")) != ("requested" in done) and done[:1] == ["held"]:
        yield "contact and steps do not go together"
    if document.get("reschedules", 0) != done.count("rescheduled"):
        yield f"counts {document['reschedules']} moves after {done.count('rescheduled')}"


def _lived(done: Sequence[str]) -> str | None:
    """Where these steps lead; None where one of them could not follow."""
    stands: str | None = ""
    for step in done:
        stands = _LIFE.get(stands or "", {}).get(step) if stands is not None else None
    return stands or None
