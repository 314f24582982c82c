"""Made-up office life as events on the wire, and a plain recount of it that shares no code with reporting."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.recount import GROUPS, Place, Recount, Values

Wire = dict[str, Any]
Counts = Values

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 19, 6, 0, tzinfo=UTC)  # the week in which summer time ends

_SERVICES = (("eat_pickup", "service_point"), ("commitment", "caseworkers"))
_MUNICIPALITIES = ("08417031", "08417002", "08417054")
_BOOKED = ("held", "requested", "confirmation_sent", "confirmed")
# `step:by` says who took it, `step!` that it accepted an offer.
_LIVES = (
    ("held",),
    ("held", "expired"),
    ("held", "requested", "confirmation_sent", "expired"),
    _BOOKED,
    (*_BOOKED, "cancelled"),
    ("held", "requested", "confirmed", "confirmation_sent", "rescheduled"),
    (*_BOOKED, "rescheduled", "rescheduled", "cancelled"),
    (*_BOOKED, "cancelled:staff", "restored", "checked_in:staff", "called:staff", "no_show:staff"),
    (*_BOOKED, "office_cancelled:staff"),
    ("confirmed:staff", "checked_in", "called:staff", "in_service:staff", "completed:staff"),
    ("confirmed:staff", "checked_in", "called:staff", "in_service:staff", "completed:staff", "anonymised:system"),
    ("confirmed:staff", "no_show:staff"),
    ("confirmed:staff", "cancelled:staff", "anonymised:system"),
    ("checked_in:staff", "called:staff", "in_service:staff", "completed:staff"),
    ("checked_in:staff", "office_cancelled:staff"),
    ("held", "requested", "joined_waiting_list", "offered:system", "confirmed!"),
    ("held", "requested", "joined_waiting_list", "offered:system", "offer_ended:system", "expired:system"),
    (*_BOOKED, "joined_waiting_list", "offered:system", "offer_ended", "offered:system", "rescheduled!"),
    (*_BOOKED, "joined_waiting_list", "left_waiting_list", "cancelled"),
)


def wire(kind: str, subject: str, sequence: int, data: Wire, *, at: datetime = START) -> Wire:
    return {
        "specversion": "1.0",
        "id": f"{subject}-{sequence}",
        "type": kind,
        "source": "/test",
        "subject": subject,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "sequence": str(sequence),
        "sequencetype": "Integer",
        "correlationid": "test",
        "data": data,
    }


def body(event: Wire) -> bytes:
    return json.dumps(event).encode()


def an_appointment(
    id: str,
    *steps: str,
    at: datetime = START,
    step_takes: timedelta = timedelta(minutes=3),
    starts_at: datetime = START + timedelta(days=7),
    **changed: Any,
) -> list[Wire]:
    """One event per step, each with the whole state so far; a reschedule moves the start by a day."""
    events, done, accepted = [], [], []
    for sequence, text in enumerate(steps, 1):
        now = at + (sequence - 1) * step_takes
        step, _, by = text.rstrip("!").partition(":")
        done.append({"step": step, "at": now.isoformat(), "by": by or "citizen"})
        if text.endswith("!"):
            accepted.append(now.isoformat())
        if step == "rescheduled":
            starts_at += timedelta(days=1)
        known = {entry["step"] for entry in done}
        data = {
            "appointment": id,
            "office": "zollernalbkreis",
            "service": "eat_pickup",
            "team": "service_point",
            "lane": "counter_1",
            "status": step,
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(minutes=25)).isoformat(),
            "persons": 3,
            "children_under_6": 1,
            "municipalities": ["08417031"],
            "channel": "web",
            "language": "de" if "requested" in known else None,
            "steps": list(done),
            "accepted_at": list(accepted),
            "waiting_minutes": 7 if "called" in known else None,
            "handling_minutes": 12 if "completed" in known else None,
            **changed,
        }
        kind = "started" if step == "in_service" else step
        events.append(wire(f"appointment.{kind}.v1", id, sequence, data, at=now))
    return events


def a_message(id: str, outcome: str, *, at: datetime = START, sequence: int = 1, **changed: Any) -> Wire:
    data = {
        "delivery": id,
        "appointment": "a",
        "office": "zollernalbkreis",
        "purpose": "confirmation",
        "channel": "email",
        "language": "de",
        "status": outcome,
        "attempts": 1,
        "caused_by": "e",
        "created_at": START.isoformat(),
        "due_at": START.isoformat(),
        "sent_at": at.isoformat() if outcome in ("sent", "delivered") else None,
        "delivered_at": at.isoformat() if outcome == "delivered" else None,
        **changed,
    }
    return wire(f"notification.{outcome}.v1", id, sequence, data, at=at)


# Of whom figures may be shown.
TEAMS: Wire = {
    "teams": [
        {"id": team, "name": {"de": team.title()}, "staff": 5, "lanes": []}
        for team in ("service_point", "caseworkers")
    ]
}


def an_office(id: str, name: str, *, sequence: int = 1, **changed: Any) -> Wire:
    nothing: Wire = {"locations": [], "opening_hours": [], "teams": [], "services": []}
    data = {
        "id": id,
        "name": {"de": name, "en": f"{name} (en)"},
        "timezone": "Europe/Berlin",
        "sender": "Terminvergabe",
        "authorities": [],
        "municipalities": [],
        **nothing,
        **changed,
    }
    return wire("office.published.v1", id, sequence, data)


def a_minute(minute: datetime, *, sequence: int = 1, instance: str = "i", **counts: Any) -> Wire:
    nothing = {"searches": 0, "searches_without_result": 0, "slot_taken": 0, "out_of_area": {}}
    data = {
        "office": "zollernalbkreis",
        "minute": minute.isoformat(),
        "instance": instance,
        **nothing,
        **counts,
    }
    return wire("demand.measured.v1", f"{data['office']}|{minute.isoformat()}|{instance}", sequence, data)


def a_plan(day: date, *, sequence: int = 1, office: str = "zollernalbkreis", **minutes: int) -> Wire:
    """Of so many minutes for each team, two thirds of them online."""
    teams = [{"team": team, "minutes": n, "online_minutes": n * 2 // 3} for team, n in minutes.items()]
    data = {"office": office, "day": day.isoformat(), "teams": teams}
    return wire("capacity.planned.v1", f"{office}|{day.isoformat()}", sequence, data)


def a_look(hour: datetime, *, office: str = "zollernalbkreis", **days: list[int | None]) -> Wire:
    """At the free times, by service."""
    services = [{"service": service, "team": "caseworkers", "days": found} for service, found in days.items()]
    data = {"office": office, "hour": hour.isoformat(), "services": services}
    return wire("free_times.measured.v1", f"{office}|{hour:%Y%m%dT%HZ}", 1, data, at=hour)


def office_life(seed: int, *, appointments: int = 40, office: str = "zollernalbkreis") -> list[Wire]:
    """Every event of `office` and of one elsewhere, in the order in which it happened to its subject."""
    offices = (office, f"{office}-elsewhere")
    chance = random.Random(seed)  # noqa: S311
    events: list[Wire] = []
    for _ in range(appointments):
        at = START + timedelta(minutes=chance.randrange(9 * 24 * 60))
        service, team = chance.choice(_SERVICES)
        events += an_appointment(
            str(UUID(int=chance.getrandbits(128))),
            *chance.choice(_LIVES),
            at=at,
            step_takes=timedelta(minutes=chance.choice((1, 50, 700))),
            starts_at=at.replace(minute=0) + timedelta(days=chance.randrange(4, 30)),
            office=chance.choice(offices),
            service=service,
            team=team,
            persons=chance.randrange(1, 5),
            municipalities=chance.sample(_MUNICIPALITIES, 2),
            channel=chance.choice(("web", "helper", "phone", "counter", "staff")),
            emergency=chance.random() < 0.1,
            **({"language": chance.choice(("de", "tr", "uk"))} if chance.random() < 0.7 else {}),
            waiting_minutes=chance.randrange(40),
            handling_minutes=chance.randrange(30),
        )
        events += _messages(chance, at, office)
    for minute in range(20):
        events += _demand(chance, START + timedelta(hours=11 * minute), office)
    for day in range(12):
        events += _supply(chance, START + timedelta(days=day), office)
    return events


def _supply(chance: random.Random, at: datetime, office: str) -> list[Wire]:
    plans = [
        a_plan(at.date(), sequence=n, office=office, service_point=300 * chance.randrange(4), caseworkers=1500)
        for n in range(1, chance.randrange(2, 4))
    ]
    days = [chance.choice((None, 0, 3, chance.randrange(40))) for _ in range(3)]
    return [*plans, a_look(at, office=office, commitment=days, eat_pickup=days[:1])]


def _messages(chance: random.Random, at: datetime, office: str) -> list[Wire]:
    id = str(UUID(int=chance.getrandbits(128)))
    channel = chance.choice(("email", "sms"))
    outcomes = chance.choice(_OUTCOMES)
    return [
        a_message(
            id,
            outcome,
            at=at + timedelta(hours=8 * n),
            sequence=n + 1,
            channel=channel,
            office=office,
            purpose=chance.choice(("confirmation", "reminder")),
            due_at=(at - timedelta(seconds=chance.choice((-5, 1.7, 40, 100_000)))).isoformat(),
        )
        for n, outcome in enumerate(outcomes)
    ]


_OUTCOMES = (
    ("sent",),
    ("sent", "delivered"),
    ("sent", "failed"),
    ("failed",),
    ("superseded",),
    ("expired",),
    ("failed", "undeliverable"),
)


def _demand(chance: random.Random, minute: datetime, office: str) -> list[Wire]:
    searches, taken, outside, events = 0, 0, Counter[str](), []
    instance = chance.choice(("one", "two"))
    for sequence in range(1, chance.randrange(2, 5)):
        searches += chance.randrange(5)
        taken += chance.randrange(2)
        outside[chance.choice(("08417079", "08417010"))] += 1
        events.append(
            a_minute(
                minute,
                sequence=sequence,
                instance=instance,
                office=office,
                searches=searches,
                searches_without_result=searches // 3,
                slot_taken=taken,
                out_of_area=dict(outside),
                proofs_asked=2 * taken,
                proofs_failed=taken,
                refused=3 * taken,
                many_holds=taken,
                quick_rebookings=taken,
            )
        )
    return events


def recount(events: Iterable[Wire], groups: Sequence[str] = GROUPS) -> dict[Place, Counts]:
    """Every figure by `groups`, from the newest event of each subject."""
    newest: dict[str, Wire] = {}
    for event in events:
        known = newest.get(event["subject"])
        if known is None or int(event["sequence"]) > int(known["sequence"]):
            newest[event["subject"]] = event
    counted = Recount()
    for event in newest.values():
        _count(event, counted)
    return counted.figures(*groups)


def _count(event: Wire, counted: Recount) -> None:
    kind, outcome, _ = event["type"].split(".")
    match kind:
        case "appointment":
            counted.appointment(event["data"])
        case "notification":
            counted.message(event["data"], outcome=outcome, at=event["time"])
        case "demand":
            counted.demand(event["data"])
        case "capacity":
            counted.capacity(event["data"])
        case "free_times":
            counted.free_times(event["data"])
