"""Each message went out once, twice only where that is explained; none too late, none that was wrong by then."""

from collections.abc import Iterable, Iterator, Sequence

from tests.prove.checks.evidence import Document, Evidence, Kind, Learned, Struck, Taken, Violation
from tests.prove.checks.reading import (
    copies_by_delivery,
    operations_by_appointment,
    short,
    states_by_appointment,
)
from tests.prove.history import Action, Operation

# What a sender has read may be so old when it decides; its clock and ours may differ by the other.
_FRESH_S, _SLACK_S = 2.0, 1.0
_LEASE_IN_SEND_TIMEOUTS = 3

_OVER = frozenset({"cancelled", "office_cancelled", "expired", "no_show", "completed", "anonymised"})
# Those that a message is about, where it is about nothing else.
_ONLY_WHILE = {
    "confirm_request": "requested",
    "cancellation": "cancelled",
    "office_cancellation": "office_cancelled",
    "reminder": "confirmed",
}
# An appointment that takes one of these again asks for the message anew.
_ASKED_AGAIN_BY = {"reminder": ("confirmed", "rescheduled", "restored"), "changed": ("resized",)}
_OF_ONE_TIME = ("confirmation", "rescheduled", "reminder", "changed")


def messages(evidence: Evidence) -> Iterator[Violation]:
    copies, states = copies_by_delivery(evidence.taken), states_by_appointment(evidence.learned)
    asked = operations_by_appointment(evidence)
    for id, delivery in evidence.deliveries.items():
        appointment, taken = delivery["appointment"], copies.get(id, [])
        yield from _how_many(id, delivery, taken, evidence)
        yield from _dropped_for_nothing(id, delivery, states.get(appointment, []), evidence)
        for copy in taken:
            yield from _too_late(id, delivery, copy, evidence)
            yield from _contradicted(id, delivery, copy, states.get(appointment, []), evidence)
            yield from _to_somebody_else(id, delivery, copy, asked.get(appointment, []), evidence)
    for reference in copies.keys() - evidence.deliveries.keys():
        copy = copies[reference][0]
        what = f"{copy.kind} to {copy.to} went out as {short(reference)!r}, which is no delivery"
        yield Violation("messages", Kind.WRONG, what, copy.at, (), (reference,))


def repeats(evidence: Evidence) -> list[float]:
    """Of each message that went out once more, as it is documented, when the copy before it went out.

    That is when its answer or its record was lost; the repeat may come a long back-off later.
    """
    found: list[float] = []
    for id, copies in copies_by_delivery(evidence.taken).items():
        if id in evidence.deliveries:
            allowed = _allowed(evidence.deliveries[id], copies, evidence)
            found += [copy.at for copy in copies[:allowed][:-1]]
    return sorted(found)


def allowed_copies(
    delivery: Document, struck: Iterable[Struck], *, last_copy: float, send_timeout_s: float
) -> int:
    """How often `delivery` may have gone out until `last_copy`.

    Once for each try that the notifier knows of: an unclear answer may have been a yes (`attempts`; a try that
    is not recorded yet counts too). And as docs/architecture.md says of a process that is killed or frozen, or
    cannot record, between the server's yes and its own note: one message more, never more than one per lease.
    """
    tries = int(delivery["attempts"])
    if delivery["status"] in ("sent", "due"):
        tries = max(tries, 1)
    planned, lease = delivery["created_at"].timestamp(), _LEASE_IN_SEND_TIMEOUTS * send_timeout_s
    for fault in struck:
        begin, end = max(planned, fault.began_at), min(last_copy, fault.healed_at)
        if fault.resends and planned <= fault.healed_at and fault.began_at <= last_copy:
            tries += 1 + int(max(0.0, end - begin) // lease)
    return tries


def _allowed(delivery: Document, copies: Sequence[Taken], evidence: Evidence) -> int:
    timeout = evidence.send_timeout_s
    return allowed_copies(delivery, evidence.struck, last_copy=copies[-1].at, send_timeout_s=timeout)


def _how_many(id: str, delivery: Document, copies: Sequence[Taken], evidence: Evidence) -> Iterator[Violation]:
    appointments, status = (delivery["appointment"],), delivery["status"]
    if status == "sent" and not copies:
        what = f"{short(id)} counts as sent, and no server ever took it"
        yield Violation("messages", Kind.LOST, what, delivery["sent_at"].timestamp(), appointments, (id,))
    if not copies:
        return
    allowed = _allowed(delivery, copies, evidence)
    if len(copies) > allowed:
        kind = Kind.DOUBLED if allowed else Kind.WRONG
        what = f"{short(id)} ({status}) went out {len(copies)} times; {allowed} would be explained"
        yield Violation("messages", kind, what, copies[allowed].at, appointments, (id,))


def _too_late(id: str, delivery: Document, copy: Taken, evidence: Evidence) -> Iterator[Violation]:
    late = _begun_at_the_latest(copy, evidence, patience=0.0) - delivery["not_after"].timestamp()
    if late > 0:
        what = f"{short(id)} went out {late:.1f} s too late"
        yield Violation("messages", Kind.WRONG, what, copy.at, (delivery["appointment"],), (id,))


def _contradicted(
    id: str, delivery: Document, copy: Taken, states: Sequence[Learned], evidence: Evidence
) -> Iterator[Violation]:
    begun = _begun_at_the_latest(copy, evidence, patience=_FRESH_S)
    known = [state for state in states if state.at.timestamp() <= begun]
    reason = _contradiction(delivery, known[-1]) if known else None
    if reason:
        late = begun - known[-1].at.timestamp()
        what = f"{short(id)} went out {late:.1f} s after it was known to be wrong: {reason}"
        yield Violation("messages", Kind.WRONG, what, copy.at, (delivery["appointment"],), (id,))


def _begun_at_the_latest(copy: Taken, evidence: Evidence, *, patience: float) -> float:
    """Whoever sent `copy` had last read, `patience` before it began, no later than then.

    A notifier that stood still, or a database that did, carries what was read before into a later moment.
    """
    slack = evidence.send_timeout_s + _SLACK_S + patience
    standstills = (f.began_at for f in evidence.struck if f.resends and f.covers(copy.at, slack=slack))
    return min((copy.at, *standstills)) - slack


def _contradiction(delivery: Document, state: Learned) -> str | None:
    """Why the newest known state forbids this message; None where it allows it, or is older than its cause."""
    if state.sequence < delivery["state_sequence"] or delivery["purpose"] == "erased":
        return None
    purpose, status = delivery["purpose"], state.data["status"]
    only_while = _ONLY_WHILE.get(purpose)
    if status != only_while if only_while else status in _OVER:
        return f"the appointment is {status}"
    if purpose == "confirm_request" and (state.data["contact_sequence"] or 0) > delivery["state_sequence"]:
        return "the contact was corrected"
    if purpose in _OF_ONE_TIME and state.data["starts_at"] != delivery["starts_at"]:
        return "the appointment was moved"
    again = _ASKED_AGAIN_BY.get(purpose, ())
    if again and any(
        step["step"] in again and step["at"] > delivery["created_at"] for step in state.data["steps"]
    ):
        return "it was asked for again"
    return _contradiction_of_waiting(delivery, state.data)


def _contradiction_of_waiting(delivery: Document, data: Document) -> str | None:
    offered = data.get("offer_starts_at"), data.get("offer_expires_at")
    match delivery["purpose"]:
        case "offer" if offered != (delivery["starts_at"], delivery["not_after"]):
            return "the time is no longer offered"
        case "offer_expired" if offered != (None, None):
            return "a time is offered anew"
        case "offer_expired" | "waiting" if not data.get("waits"):
            return "nobody waits any more"
    return None


def _dropped_for_nothing(
    id: str, delivery: Document, states: Sequence[Learned], evidence: Evidence
) -> Iterator[Violation]:
    """A message that was not sent has a reason in what notification knew."""
    contact = evidence.contacts.get(delivery["appointment"], {})
    ended = delivery.get("finished_at")
    match delivery["status"]:
        case "superseded":
            reasons = contact.get("erased") or any(_contradiction(delivery, state) for state in states)
        case "expired":
            # Whoever is late should still know that the office is closed.
            about_start = delivery["purpose"] != "office_cancellation"
            starts = [state.data["starts_at"] for state in states if about_start]
            reasons = ended >= min([delivery["not_after"], *starts])
        case "not_wanted":
            reasons = delivery["channel"] == "sms" and not contact.get("data", {}).get("sms_consent")
        case _:
            return
    if not reasons:
        what = f"{short(id)} was dropped as {delivery['status']}, and nothing known says so"
        at = ended.timestamp() if ended else None
        yield Violation("messages", Kind.LOST, what, at, (delivery["appointment"],), (id,))


def _to_somebody_else(
    id: str, delivery: Document, copy: Taken, operations: Sequence[Operation], evidence: Evidence
) -> Iterator[Violation]:
    contact = (evidence.contacts.get(delivery["appointment"]) or {}).get("data")
    if not contact:
        return
    if copy.kind == "sms":
        right = {_digits(contact["phone"] or "")}
    else:
        right = {contact["email"]} | {o.wish.lower() for o in operations if o.action is Action.CONTACT}
    if (_digits(copy.to) if copy.kind == "sms" else copy.to) not in right:
        what = f"{short(id)} went to {copy.to}, which is nobody's of this appointment"
        yield Violation("messages", Kind.WRONG, what, copy.at, (delivery["appointment"],), (id,))


def _digits(number: str) -> str:
    """A German number in one way of writing it."""
    digits = "".join(sign for sign in number if sign.isdigit())
    return (
        "49" + digits[1:] if digits.startswith("0") and not digits.startswith("00") else digits.removeprefix("00")
    )
