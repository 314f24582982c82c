"""Whoever hears an event has heard the newest one of each, and done with it what it asks for."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.prove.checks.evidence import Document, Evidence, Kind, Learned, Violation
from tests.prove.checks.reading import entries, short, states_by_appointment, steps, taken_by

_FACT = ("office", "service", "team", "channel", "persons", "children_under_6", "starts_at", "ends_at")
_ASKS_FOR = {
    "appointment.requested.v1": "confirm_request",
    "appointment.confirmed.v1": "confirmation",
    "appointment.restored.v1": "confirmation",
    "appointment.rescheduled.v1": "rescheduled",
    "appointment.cancelled.v1": "cancellation",
    "appointment.office_cancelled.v1": "office_cancellation",
    "appointment.joined_waiting_list.v1": "waiting",
    "appointment.offered.v1": "offer",
    "contact.link_requested.v1": "link",
}
# Notification hears neither holds, nor that the time to confirm runs, nor anything of the day.
_HEARD = {type for type in _ASKS_FOR if type.startswith("appointment.")} | {
    f"appointment.{step}.v1" for step in ("expired", "left_waiting_list", "offer_ended", "resized", "corrected")
}
_OF_THE_DAY = frozenset({"checked_in", "called", "in_service", "completed", "no_show"})
# As the crowd writes its numbers.
_MOBILE = ("+4915", "+4916", "+4917")
_SMS_BESIDE = frozenset({"confirmation", "rescheduled", "cancellation", "office_cancellation", "offer"})


def heard(evidence: Evidence) -> Iterator[Violation]:
    states = states_by_appointment(evidence.learned)
    for id, document in evidence.appointments.items():
        yield from _fact_of_appointment(id, document, evidence.facts["appointments"].get(id))
        yield from _state_known(id, document, states.get(id, []))
        yield from _contact_known(id, document, evidence.contacts.get(id))
        yield from _messages_planned(id, document, evidence)
        yield from _time_to_confirm(id, document, evidence)
    for id, delivery in evidence.deliveries.items():
        yield from _fact_of_message(id, delivery, evidence.facts["messages"].get(id))
        yield from _undeliverable_told(id, delivery, evidence)
    for id, document in evidence.demand.items():
        yield from _newest(f"searches of {id}", document["version"], evidence.facts["demand"].get(id), "reporting")
    for kind, documents in (("capacity", evidence.capacity), ("free_times", evidence.free_times)):
        for id, document in documents.items():
            yield from _newest(f"{kind} of {id}", document["version"], evidence.facts[kind].get(id), "reporting")


def _newest(
    what: str, version: int, known: Document | None, who: str, appointments: tuple[str, ...] = ()
) -> Iterator[Violation]:
    if known is None:
        yield Violation("heard", Kind.LOST, f"{who} has never heard of {what}", None, appointments)
    elif known["sequence"] != version:
        kind = Kind.LOST if known["sequence"] < version else Kind.WRONG
        said = f"{who} knows {what} at {known['sequence']}, and it is at {version}"
        yield Violation("heard", kind, said, None, appointments)


def _fact_of_appointment(id: str, document: Document, fact: Document | None) -> Iterator[Violation]:
    stale = list(_newest(short(id), document["version"], fact, "reporting", (id,)))
    yield from stale
    if fact is None or stale:
        return
    told = {**{name: document[name] for name in _FACT}, "municipality": document["municipalities"][0]}
    told["steps"] = [[step["step"], step["at"], step.get("by", "citizen")] for step in document["steps"]]
    known = {**fact["fact"], "steps": [list(step) for step in fact["fact"]["steps"]]}
    if different := [name for name in told if told[name] != known[name]]:
        what = f"reporting knows {short(id)} with another {', '.join(different)}"
        yield Violation("heard", Kind.WRONG, what, None, (id,))


def _fact_of_message(id: str, delivery: Document, fact: Document | None) -> Iterator[Violation]:
    told = entries(delivery, "notifications")
    if not told:
        return
    stale = list(_newest(short(id), delivery["version"], fact, "reporting", (delivery["appointment"],)))
    yield from stale
    outcome = told[-1]["type"].split(".")[1]
    if fact and not stale and fact["fact"]["outcome"] != outcome:
        what = f"reporting knows {short(id)} as {fact['fact']['outcome']}, and it was {outcome}"
        yield Violation("heard", Kind.WRONG, what, None, (delivery["appointment"],))


def _state_known(id: str, document: Document, learned: list[Learned]) -> Iterator[Violation]:
    told = [entry["sequence"] for entry in entries(document, "appointments") if entry["type"] in _HEARD]
    if not told:
        return
    last = learned[-1] if learned else None
    known = {"sequence": last.sequence} if last else None
    stale = list(_newest(short(id), max(told), known, "notification", (id,)))
    yield from stale
    yield from _went_back(id, learned)
    names = ("starts_at",) if document["status"] in _OF_THE_DAY else ("status", "starts_at")
    if last and not stale and any(last.data[name] != document[name] for name in names):
        what = f"notification knows {short(id)} as {last.data['status']}, and it is {document['status']}"
        yield Violation("heard", Kind.WRONG, what, last.at.timestamp(), (id,))


def _went_back(id: str, learned: list[Learned]) -> Iterator[Violation]:
    for before, after in pairwise(learned):
        if after.sequence <= before.sequence:
            what = f"notification knew {short(id)} at {before.sequence} and went back to {after.sequence}"
            yield Violation("heard", Kind.WRONG, what, after.at.timestamp(), (id,))


def _contact_known(id: str, document: Document, known: Document | None) -> Iterator[Violation]:
    told = [entry["sequence"] for entry in entries(document, "contacts")]
    if not told:
        return
    yield from _newest(f"the contact of {short(id)}", max(told), known, "notification", (id,))
    address = known.get("data", {}).get("email") if known else None
    if known and address != document["contact"]["email"]:
        what = f"notification writes to {address}, and {short(id)} has another address"
        yield Violation("heard", Kind.WRONG, what, None, (id,))


def _messages_planned(id: str, document: Document, evidence: Evidence) -> Iterator[Violation]:
    reachable = "requested" in steps(document)
    for entry in document.get("history", ()):
        purpose = _asks_for(entry)
        mail_id = f"{entry['id']}:{purpose}:email"
        if purpose and reachable and mail_id not in evidence.deliveries:
            what = f"{short(id)}: {entry['type']} led to no mail {purpose}"
            yield Violation("heard", Kind.LOST, what, entry["at"].timestamp(), (id,))
        elif purpose in _SMS_BESIDE and reachable:
            yield from _sms_planned(id, document, mail_id, evidence)


def _asks_for(entry: Document) -> str | None:
    """An offer that ran out is told; who declined one knows."""
    if entry["type"] != "appointment.offer_ended.v1":
        return _ASKS_FOR.get(entry["type"])
    return "offer_expired" if taken_by(entry) == "system" else None


def _sms_planned(id: str, document: Document, mail_id: str, evidence: Evidence) -> Iterator[Violation]:
    """Beside a mail that went out, where the person wants texts too."""
    contact: dict[str, Any] = document["contact"]
    sms_id = mail_id.removesuffix("email") + "sms"
    wanted = contact["sms_consent"] and (contact["phone"] or "").startswith(_MOBILE)
    if wanted and evidence.deliveries[mail_id]["status"] == "sent" and sms_id not in evidence.deliveries:
        yield Violation("heard", Kind.LOST, f"no {short(sms_id)} was planned beside its mail", None, (id,))


def _time_to_confirm(id: str, document: Document, evidence: Evidence) -> Iterator[Violation]:
    """It runs once the message that asks to confirm was handed over, or cannot be; and only then."""
    done = steps(document)
    asking = [e["id"] for e in entries(document, "appointments") if e["type"] == "appointment.requested.v1"]
    mails = [evidence.deliveries.get(f"{event}:confirm_request:email", {}) for event in asking]
    known = [mail.get("status") == "sent" or bool(mail.get("undeliverable")) for mail in mails]
    if done[-1] == "requested" and known[-1:] == [True]:
        what = f"{short(id)} waits for a message that has gone out or cannot"
        yield Violation("heard", Kind.LOST, what, None, (id,))
    if done.count("confirmation_sent") > sum(known):
        what = f"the time to confirm {short(id)} ran though no message went out"
        yield Violation("heard", Kind.WRONG, what, None, (id,))


def _undeliverable_told(id: str, delivery: Document, evidence: Evidence) -> Iterator[Violation]:
    """Where one failed and nothing else that was planned with it went out; the mail speaks for both."""
    event_and_purpose, _, channel = id.rpartition(":")
    together = [evidence.deliveries.get(f"{event_and_purpose}:{name}") for name in ("email", "sms")]
    statuses = {planned["status"] for planned in together if planned}
    lost = "failed" in statuses and statuses <= {"failed", "not_wanted"}
    if channel == "email" and lost and not delivery.get("undeliverable"):
        what = f"{short(id)} failed, and nobody was told that nothing arrives"
        yield Violation("heard", Kind.LOST, what, None, (delivery["appointment"],))
