"""Evidence by hand: citizens do things one after another, and everything follows as it should.

A test spoils one fact of it, and looks what the ledger says.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.prove.checks import violations
from tests.prove.checks.evidence import CellsChanged, Evidence, Learned, Queue, Struck, Taken
from tests.prove.checks.figures import GROUPS, recount
from tests.prove.checks.rest import work_queues
from tests.prove.history import Action, Operation, Outcome

Document = dict[str, Any]

BEGIN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
VISIT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
LATER = VISIT + timedelta(hours=1)
OFFICE, SERVICE, TEAM, LANE, MUNICIPALITY = "somewhere", "pickup", "counter", "desk_1", "08417031"
# Office, service, team, municipality and channel of every appointment here.
DIMENSIONS = {
    "office": OFFICE,
    "service": SERVICE,
    "team": TEAM,
    "municipality": MUNICIPALITY,
    "channel": "web",
}

_HEARD = frozenset(
    {
        "requested",
        "confirmed",
        "rescheduled",
        "cancelled",
        "office_cancelled",
        "restored",
        "expired",
        "joined_waiting_list",
        "left_waiting_list",
        "offered",
        "offer_ended",
    }
)
_STATUS = {"confirmation_sent": "requested"}
_KEEP_STATUS = frozenset({"rescheduled", "joined_waiting_list", "left_waiting_list", "offered", "offer_ended"})
MINUTES = 10


def appointment_id(key: str) -> str:
    return f"id-of-{key}"


def cells(starts_at: datetime) -> list[str]:
    moments = (starts_at, starts_at + timedelta(minutes=5))
    return [f"{TEAM}|{LANE}|{moment:%Y%m%dT%H%MZ}" for moment in moments]


@dataclass
class Story:
    """`now` moves on by a second with everything that happens."""

    now: datetime = BEGIN
    operations: list[Operation] = field(default_factory=list)
    appointments: dict[str, Document] = field(default_factory=dict)
    demand: dict[str, Document] = field(default_factory=dict)
    offices: dict[str, Document] = field(
        default_factory=lambda: {OFFICE: {"_id": OFFICE, "version": 1, "outbox": []}}
    )
    cells: list[CellsChanged] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    deliveries: dict[str, Document] = field(default_factory=dict)
    contacts: dict[str, Document] = field(default_factory=dict)
    facts: dict[str, dict[str, Document]] = field(
        default_factory=lambda: {
            "appointments": {},
            "messages": {},
            "demand": {},
            "capacity": {},
            "free_times": {},
        }
    )
    taken: list[Taken] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)

    def evidence(self, **changes: Any) -> Evidence:
        """The figures are right unless `changes` says otherwise."""
        queues = {name: Queue(0, 2) for name in work_queues()}
        evidence = Evidence(
            seed=7,
            operations=self.operations,
            struck=self.struck,
            appointments=self.appointments,
            demand=self.demand,
            offices=self.offices,
            cells=self.cells,
            learned=self.learned,
            deliveries=self.deliveries,
            contacts=self.contacts,
            facts=self.facts,
            figures=(),
            taken=self.taken,
            queues=queues | {f"{name}.parking": Queue(0, 0) for name in queues} | {"retry.5s": Queue(0, 0)},
            poisoned={},
            invented=frozenset(),
            unquiet=(),
            zone="Europe/Berlin",
            send_timeout_s=2.0,
            appointment_id=appointment_id,
        )
        rows = [{**dict(zip(GROUPS, key, strict=True)), **values} for key, values in recount(evidence).items()]
        return replace(evidence, **{"figures": rows, **changes})

    def found(self, **changes: Any) -> list[tuple[str, str]]:
        """Check and kind of everything that is wrong."""
        return [(violation.check, violation.kind.value) for violation in violations(self.evidence(**changes))]

    def asks(
        self, action: Action, key: str, wish: str, outcome: Outcome = Outcome.OK, status: int | None = 200
    ) -> Operation:
        self.now += timedelta(seconds=1)
        at = self.now.timestamp()
        told = appointment_id(key) if outcome is Outcome.OK and action is not Action.SEARCH else None
        operation = Operation(
            len(self.operations), action, key, wish, "booking", at, at + 0.5, outcome, status, told
        )
        self.operations.append(operation)
        return operation

    def searches(self) -> None:
        self.asks(Action.SEARCH, "", SERVICE)
        minute = self.now.replace(second=0)
        id = f"{OFFICE}|{minute:%Y%m%dT%H%MZ}|process"
        version = self.demand.get(id, {"version": 0})["version"] + 1
        data = {"office": OFFICE, "minute": minute.isoformat(), "searches": version, "searches_without_result": 0}
        body = json.dumps({"data": {**data, "slot_taken": 0, "out_of_area": {}}})
        self.demand[id] = {"_id": id, "version": version, "last": {"body": body}, "outbox": []}
        self.facts["demand"][id] = {"sequence": version}

    def holds(self, key: str, *, starts_at: datetime = VISIT, outcome: Outcome = Outcome.OK) -> str:
        """The document is there whatever the answer was."""
        self.asks(Action.HOLD, key, starts_at.isoformat(), outcome)
        id, expires_at = appointment_id(key), self.now + timedelta(minutes=1)
        ends_at = starts_at + timedelta(minutes=MINUTES)
        self.appointments[id] = {
            "_id": id,
            **DIMENSIONS,
            "municipalities": [MUNICIPALITY],
            "lane": LANE,
            "persons": 3,
            "children_under_6": 1,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "version": 0,
            "reschedules": 0,
            "expires_at": expires_at,
            "first": {"starts_at": starts_at, "ends_at": ends_at, "expires_at": expires_at},
            "steps": [],
            "history": [],
            "outbox": [],
        }
        self.owns(id, cells(starts_at))
        self.step(id, "held")
        return id

    def gives_contact(self, key: str, *, sms: bool = False) -> str:
        """The mail that asks to confirm has gone out, and the time to confirm runs; that mail's id."""
        id, email = appointment_id(key), f"{key}@example.org"
        self.asks(Action.CONTACT, key, email)
        document = self.appointments[id]
        contact = {"email": email, "phone": "+4915112345678" if sms else None, "sms_consent": sms}
        document |= {"contact": contact, "contact_sequence": document["version"] + 1}
        event = self.step(id, "requested")
        told = {"id": f"{event}-contact", "exchange": "contacts", "type": "contact.provided.v1", "at": self.now}
        document["history"].append({**told, "sequence": document["version"], "body": None})
        self.contacts[id] = {"_id": id, "sequence": document["version"], "erased": False, "data": contact}
        mail = self.plans(id, event, "confirm_request")
        self.sends(mail)
        self.step(id, "confirmation_sent")
        return mail

    def confirms(self, key: str) -> str:
        """The id of the mail that says so."""
        self.asks(Action.CONFIRM, key, "confirm")
        del self.appointments[appointment_id(key)]["expires_at"]
        return self.step_and_tell(key, "confirmed", "confirmation")

    def moves(self, key: str, to: datetime = LATER) -> str:
        self.asks(Action.MOVE, key, to.isoformat())
        self.takes_time(appointment_id(key), to)
        return self.step_and_tell(key, "rescheduled", "rescheduled")

    def cancels(self, key: str) -> str:
        self.asks(Action.CANCEL, key, "cancel")
        self.owns(appointment_id(key), [])
        return self.step_and_tell(key, "cancelled", "cancellation")

    def lets_expire(self, key: str) -> None:
        self.now += timedelta(minutes=3)
        id = appointment_id(key)
        del self.appointments[id]["expires_at"]
        self.owns(id, [])
        self.step(id, "expired")

    def owns(self, id: str, cells: list[str]) -> None:
        self.cells.append(CellsChanged(self.now, id, OFFICE, tuple(cells)))
        self.appointments[id]["cells"] = list(cells)

    def step(self, id: str, step: str, *, by: str = "citizen") -> str:
        """The id of its event; whoever hears it has heard it."""
        document = self.appointments[id]
        document["version"] += 1
        if step not in _KEEP_STATUS:
            document["status"] = "confirmed" if step == "restored" else _STATUS.get(step, step)
        document["steps"].append({"step": step, "at": self.now, "by": by})
        event = f"{id}-{document['version']}"
        data = {"starts_at": document["starts_at"].isoformat(), "steps": [{"step": step, "by": by}]}
        body = json.dumps({"data": data})
        told = {"id": event, "exchange": "appointments", "type": f"appointment.{step}.v1", "at": self.now}
        document["history"].append({**told, "sequence": document["version"], "body": body})
        self._counts(document)
        if step in _HEARD:
            self.learns(id)
        return event

    def takes_time(self, id: str, to: datetime) -> None:
        document = self.appointments[id]
        document |= {"starts_at": to, "ends_at": to + timedelta(minutes=MINUTES)}
        document["reschedules"] += 1
        self.owns(id, cells(to))

    def step_and_tell(self, key: str, step: str, purpose: str, *, by: str = "citizen") -> str:
        id = appointment_id(key)
        event = self.step(id, step, by=by)
        mail = self.plans(id, event, purpose)
        if self.appointments[id]["contact"]["sms_consent"] and purpose not in ("waiting", "offer_expired"):
            self.sends(self.plans(id, event, purpose, channel="sms"))
        self.sends(mail)
        return mail

    def learns(self, id: str) -> None:
        document = self.appointments[id]
        known = {name: document[name] for name in ("status", "starts_at")}
        known["contact_sequence"] = document.get("contact_sequence")
        offer = document.get("offer", {})
        known |= {"waits": "wish" in document, "offer_starts_at": offer.get("starts_at")}
        known["offer_expires_at"] = offer.get("expires_at")
        self.learned.append(Learned(self.now, id, document["version"], known))

    def plans(self, id: str, event: str, purpose: str, *, channel: str = "email") -> str:
        document = self.appointments[id]
        about = document["offer"] if purpose == "offer" else document
        delivery = f"{event}:{purpose}:{channel}"
        self.deliveries[delivery] = {
            "_id": delivery,
            "caused_by": event,
            "appointment": id,
            "office": OFFICE,
            "purpose": purpose,
            "channel": channel,
            "status": "due",
            "attempts": 0,
            "version": 0,
            "state_sequence": document["version"],
            "starts_at": about["starts_at"],
            "created_at": self.now,
            "not_after": about["expires_at"] if purpose == "offer" else about["starts_at"],
            "history": [],
            "outbox": [],
        }
        return delivery

    def sends(self, delivery: str) -> None:
        self.takes(delivery)
        self.ends(delivery, "sent", attempts=1, sent_at=self.now)

    def takes(self, delivery: str, *, to: str | None = None) -> None:
        """A server takes a copy over."""
        self.now += timedelta(seconds=1)
        planned = self.deliveries[delivery]
        contact, kind = self.contacts[planned["appointment"]]["data"], planned["channel"]
        to = to or (contact["email"] if kind == "email" else contact["phone"])
        self.taken.append(Taken(self.now.timestamp(), to, delivery, kind))

    def ends(self, delivery: str, status: str, **values: Any) -> None:
        planned = self.deliveries[delivery]
        planned |= {"status": status, "version": 1, "finished_at": self.now, **values}
        type = f"notification.{status}.v1"
        told = {"id": f"{delivery}-1", "exchange": "notifications", "type": type, "at": self.now, "sequence": 1}
        planned["history"] = [told]
        self.facts["messages"][delivery] = {"sequence": 1, "fact": {"outcome": status}}

    def gives_up(self, delivery: str) -> None:
        """Nothing arrives, and everybody is told."""
        self.taken = [copy for copy in self.taken if copy.reference != delivery]
        self.ends(delivery, "failed", attempts=20)
        planned = self.deliveries[delivery]
        told = {**planned["history"][0], "id": f"{delivery}-2", "type": "notification.undeliverable.v1"}
        planned["history"].append({**told, "sequence": 2})
        planned |= {"undeliverable": True, "version": 2}
        self.facts["messages"][delivery] = {"sequence": 2, "fact": {"outcome": "undeliverable"}}

    def strikes(self, *, seconds: float = 1.0, resends: bool = False, row: int = 14) -> None:
        """From now on, for so long."""
        began = self.now.timestamp()
        self.struck.append(Struck(row, "a fault", began, began + seconds, began + seconds, resends=resends))

    def _counts(self, document: Mapping[str, Any]) -> None:
        names = (*DIMENSIONS, "persons", "children_under_6", "starts_at", "ends_at")
        fact = {name: document[name] for name in names}
        fact["steps"] = [[step["step"], step["at"], step["by"]] for step in document["steps"]]
        known = {"sequence": document["version"], "fact": deepcopy(fact)}
        self.facts["appointments"][document["_id"]] = known


def a_whole_story() -> Story:
    """Anna books and comes, Berta moves, Carla cancels, Dora lets it run out, and Emma is too late for a time."""
    story = Story()
    for number, key in enumerate(("anna", "berta", "carla")):
        story.searches()
        story.holds(key, starts_at=VISIT + timedelta(minutes=MINUTES * number))
        story.gives_contact(key, sms=key == "berta")
        story.confirms(key)
    story.moves("berta")
    story.cancels("carla")
    story.holds("dora", starts_at=LATER + timedelta(hours=1))
    story.lets_expire("dora")
    story.asks(Action.HOLD, "emma", VISIT.isoformat(), Outcome.REFUSED, 409)
    return story
