"""What notification did, held against what it was told: by rules of its own, without the product's."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from shared.contracts import AppointmentState, Event
from tests.simulation.fakes.provider import HandOver
from tests.simulation.fakes.rabbitmq import Message
from tests.simulation.process import Process
from tests.simulation.stories import Life
from tests.simulation.world import EPOCH, Violation

if TYPE_CHECKING:
    from tests.simulation.deliveries import DeliverySimulation

# What the service promises: facts are no older than this when a message goes out.
_FRESH_S = 2.0
# For the few round trips between a decision and its effect.
_SLACK_S = 0.3
_RECORDED_WITHIN_S = 1.5
_ATTEMPTS = 6

_PURPOSES = {
    "appointment.requested.v1": "confirm_request",
    "appointment.confirmed.v1": "confirmation",
    "appointment.rescheduled.v1": "rescheduled",
    "appointment.cancelled.v1": "cancellation",
    "contact.link_requested.v1": "link",
}
_WITH_SMS = ("confirmation", "rescheduled", "cancellation")
_TOLD = ("sent", "failed", "expired", "superseded")
_OVER = ("cancelled", "expired")


@dataclass(frozen=True, slots=True)
class Claim:
    at: float
    process: Process
    until: float


class Ledger:
    """`told` are the events that came from outside, `lives` what they tell of each appointment."""

    def __init__(self, simulation: "DeliverySimulation") -> None:
        self.world = simulation.world
        self.lives: dict[str, Life] = {}
        self.told: list[Event] = []
        self._simulation = simulation
        self._claims: dict[str, list[Claim]] = defaultdict(list)
        self._states: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._erased: dict[str, float] = {}
        self._outcomes: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)

    # While the world runs

    def written(self, collection: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        if after is None:
            return
        match collection:
            case "appointments":
                self._states[after["_id"]].append((self.world.now, after["sequence"]))
                if before and after["sequence"] <= before["sequence"]:
                    self.world.fail(
                        f"state {before['sequence']} of {after['_id']} gave way to {after['sequence']}"
                    )
            case "contacts":
                self._contact_written(before, after)
            case "deliveries":
                self._delivery_written(before, after)

    def _contact_written(self, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        id = after["_id"]
        if id in self._erased and (not after["erased"] or "data" in after):
            self.world.fail(f"the erased contact of {id} came back")
        if after["erased"]:
            self._erased.setdefault(id, self.world.now)
        elif before and after["sequence"] <= before["sequence"]:
            self.world.fail(f"contact {before['sequence']} of {id} gave way to {after['sequence']}")

    def _delivery_written(self, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
        id, process = after["_id"], self._simulation.server.current
        if before and before["status"] != "due" and after["status"] != before["status"]:
            self.world.fail(f"{id} was {before['status']} and became {after['status']}")
        token = after.get("token")
        if token and process and (before is None or before.get("token") != token):
            self._claims[id].append(Claim(self.world.now, process, _virtual(after["next_at"])))

    def published(self, message: Message) -> None:
        told = json.loads(message.body)
        outcomes = self._outcomes[(told["subject"], told["sequence"])]
        outcomes[message.id] = told["type"].split(".")[1]
        if len(outcomes) > 1:
            self.world.fail(f"two outcomes of one version of {told['subject']}: {sorted(outcomes.values())}")

    def begins(self, attempt: HandOver) -> None:
        """Nothing is begun in the last third of a lease, nor too late, nor against what is known for long enough.

        Only who was frozen between its last look at the clock and this moment may.
        """
        claim, process, now = self._claim(attempt), attempt.process, self.world.now
        if process.had_trouble(claim.at, now, "freeze"):
            return
        over = claim.until - self._simulation.provider.send_timeout
        if now > over + _SLACK_S:
            self.world.fail(f"{process.name} begins {attempt.delivery} {now - over:.2f} s too late for its lease")
        if now > _virtual(self._documents[attempt.delivery]["not_after"]) + _SLACK_S:
            self.world.fail(f"{attempt.delivery} is begun after its time")
        if not process.had_trouble(claim.at, now, "slow"):
            self._heeds_what_is_known(attempt.delivery)

    def _heeds_what_is_known(self, delivery: str) -> None:
        document, since = self._documents[delivery], self.world.now - _FRESH_S - _SLACK_S
        id = document["appointment"]
        if document["purpose"] != "erased" and self._erased.get(id, self.world.now) < since:
            self.world.fail(f"{delivery} goes to an erased contact")
        sequence = max((s for at, s in self._states[id] if at < since), default=0)
        if sequence and self._contradicts(document, self.lives[id].states[sequence], sequence):
            self.world.fail(f"{delivery} goes out, though state {sequence} is known")

    def _claim(self, attempt: HandOver) -> Claim:
        claims = [c for c in self._claims[attempt.delivery] if c.process is attempt.process]
        if not claims:
            self.world.fail(f"{attempt.process.name} sends {attempt.delivery} without a claim")
            return Claim(self.world.now, attempt.process, self.world.now)
        return max((c for c in claims if c.at <= attempt.begun_at), key=lambda claim: claim.at)

    @property
    def _documents(self) -> dict[Any, dict[str, Any]]:
        return self._simulation.server.store.documents("deliveries")

    def _contradicts(self, delivery: Mapping[str, Any], state: AppointmentState, sequence: int) -> bool:
        """`sequence` is the state's."""
        if sequence < delivery["state_sequence"]:
            return False
        match delivery["purpose"]:
            case "confirm_request":
                corrected = (state.contact_sequence or 0) > delivery["state_sequence"]
                return corrected or state.status != "requested"
            case "cancellation":
                return state.status != "cancelled"
            case "erased":
                return False
            case "link":
                return state.status in _OVER
            case "reminder" if state.status != "confirmed":
                return True
        return state.status in _OVER or state.starts_at != delivery["starts_at"]

    # At the end

    def verify(self) -> None:
        """Raises Violation."""
        self._everything_was_planned()
        attempts: dict[str, list[HandOver]] = defaultdict(list)
        for attempt in self._simulation.provider.hand_overs:
            attempts[attempt.delivery].append(attempt)
        for id, document in self._documents.items():
            self._ended_rightly(document, attempts[id])
            self._sent_once(id, [a for a in attempts[id] if a.taken_at is not None])
            self._told_rightly(document)

    def _everything_was_planned(self) -> None:
        for event in self.told:
            purpose = _PURPOSES.get(event.type)
            if purpose and f"{event.id}:{purpose}:email" not in self._documents:
                raise Violation(f"{event.id} was heard, and its mail never planned")
        states = self._simulation.server.store.documents("appointments")
        for id, life in self.lives.items():
            if states[id]["sequence"] != life.sequence:
                raise Violation(
                    f"of {id} state {states[id]['sequence']} is kept, and {life.sequence} is the newest"
                )

    def _ended_rightly(self, document: Mapping[str, Any], attempts: Sequence[HandOver]) -> None:
        id, status = document["_id"], document["status"]
        if not self._justified(document, attempts):
            raise Violation(f"{id} ended as {status} ({document.get('error')}), for no reason to be seen")
        phone = self.lives[document["appointment"]].phone
        decided = status in ("sent", "failed", "not_wanted") and document["channel"] == "email"
        beside = decided and phone and document["purpose"] in _WITH_SMS
        if beside and id.replace(":email", ":sms") not in self._documents:
            raise Violation(f"the SMS beside {id} was never planned")

    def _justified(self, document: Mapping[str, Any], attempts: Sequence[HandOver]) -> bool:
        life = self.lives[document["appointment"]]
        states = {n: s for n, s in life.states.items() if n >= document["state_sequence"]}
        match document["status"]:
            case "sent":
                return any(attempt.taken_at is not None for attempt in attempts)
            case "superseded":
                return life.id in self._erased or any(self._contradicts(document, s, n) for n, s in states.items())
            case "expired" if document["purpose"] == "erased":
                # Who dies between the mail and its record leaves no copy of the contact to write to again.
                return True
            case "expired":
                limit = min([document["not_after"], *(s.starts_at for s in states.values())])
                return bool(document["finished_at"] >= limit - timedelta(seconds=_SLACK_S))
            case "failed":
                refused = any(attempt.to in self._simulation.provider.refusing for attempt in attempts)
                return refused or document["attempts"] >= _ATTEMPTS
            case "due":
                # A reminder that still holds lies days ahead; what is known to be wrong does not wait for its day,
                # but for the text that was planned by whoever did not know it yet: its day decides.
                waits = document["purpose"] == "reminder" and "token" not in document
                newest = max(states)
                wrong = self._contradicts(document, states[newest], newest)
                return waits and (not wrong or document["channel"] == "sms")
            case "not_wanted":
                return document["channel"] == "email" and life.email is None
        return False

    def _sent_once(self, id: str, takes: list[HandOver]) -> None:
        """Each further time needs an excuse: a crash, a freeze, or nobody who said that it was taken."""
        takes.sort(key=lambda attempt: attempt.taken_at or 0.0)
        for first, second in pairwise(takes):
            if self._simulation.calm or not self._excused(id, first, second):
                raise Violation(f"{id} was taken at {first.taken_at:.3f} s and again at {second.taken_at:.3f} s")

    def _excused(self, id: str, first: HandOver, second: HandOver) -> bool:
        """Of two that the provider took one after the other. They may have been begun the other way round."""
        at, again = first.taken_at or 0.0, second.taken_at or 0.0
        if not min(first, second, key=lambda attempt: attempt.begun_at).told:
            return True
        if not any(c.process is not first.process and c.at >= self._claim(first).at for c in self._claims[id]):
            # Who was told remembers, as long as it lives: another process must have come in between.
            return False
        if first.process.had_trouble(at, again, "crash", "freeze"):
            return True
        # A database that answers before the lease ends has the outcome in time: it is offered until then.
        unrecorded = max(at, self._claim(first).until - _RECORDED_WITHIN_S)
        if first.process.had_trouble(unrecorded, again, "error", "slow"):
            return True
        return second.process.had_trouble(self._claim(second).at, again, "freeze")

    def _told_rightly(self, document: Mapping[str, Any]) -> None:
        """One event for how it ended, and one more where nothing can arrive on any channel."""
        id, status = document["_id"], document["status"]
        said = [t for (subject, _), types in self._outcomes.items() if subject == id for t in types.values()]
        wanted = [status] if status in _TOLD else []
        if self._speaks_for_all(document) and self._failed_altogether(document):
            wanted.append("undeliverable")
        if sorted(said) != sorted(wanted):
            raise Violation(f"of {id} was told {sorted(said)}, and it ended as {wanted or status}")

    def _speaks_for_all(self, document: Mapping[str, Any]) -> bool:
        return bool(document["channel"] == "email")

    def _failed_altogether(self, mail: Mapping[str, Any]) -> bool:
        sms = self._documents.get(mail["_id"].replace(":email", ":sms"))
        statuses = {each["status"] for each in (mail, sms) if each}
        return "failed" in statuses and statuses <= {"failed", "not_wanted"}


def _virtual(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()
