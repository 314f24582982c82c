"""Made-up office life as events on the wire, and a plain recount of it that shares no code with reporting."""

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

Wire = dict[str, Any]
# (day, office, service, team, municipality, channel) as the API names it, None where nothing applies.
Place = tuple[str | None, ...]
Counts = dict[str, int | None]

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 19, 6, 0, tzinfo=UTC)  # the week in which summer time ends

_SERVICES = (("eat_pickup", "service_point"), ("commitment", "caseworkers"))
_MUNICIPALITIES = ("08417031", "08417002", "08417054")
DEMAND = (
    "searches",
    "searches_without_result",
    "slot_taken",
    "proofs_asked",
    "proofs_failed",
    "refused",
    "many_holds",
    "quick_rebookings",
)
_LIVES = (
    ("held",),
    ("held", "expired"),
    ("held", "requested", "confirmation_sent", "expired"),
    ("held", "requested", "confirmation_sent", "confirmed"),
    ("held", "requested", "confirmation_sent", "confirmed", "cancelled"),
    ("held", "requested", "confirmed", "confirmation_sent", "rescheduled"),
    ("held", "requested", "confirmation_sent", "confirmed", "rescheduled", "rescheduled", "cancelled"),
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
    events, done = [], []
    for sequence, step in enumerate(steps, 1):
        now = at + (sequence - 1) * step_takes
        done.append({"step": step, "at": now.isoformat()})
        if step == "rescheduled":
            starts_at += timedelta(days=1)
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
            "steps": list(done),
            **changed,
        }
        events.append(wire(f"appointment.{step}.v1", id, sequence, data, at=now))
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
        "sent_at": at.isoformat() if outcome == "sent" else None,
        **changed,
    }
    return wire(f"notification.{outcome}.v1", id, sequence, data, at=at)


def an_office(id: str, name: str) -> Wire:
    nothing: Wire = {"locations": [], "opening_hours": [], "teams": [], "services": []}
    data = {
        "id": id,
        "name": {"de": name, "en": f"{name} (en)"},
        "timezone": "Europe/Berlin",
        "sender": "Terminvergabe",
        "authorities": [],
        "municipalities": [],
        **nothing,
    }
    return wire("office.published.v1", id, 1, data)


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
            channel=chance.choice(("web", "staff")),
        )
        events += _messages(chance, at, office)
    for minute in range(20):
        events += _demand(chance, START + timedelta(hours=11 * minute), office)
    return events


def _messages(chance: random.Random, at: datetime, office: str) -> list[Wire]:
    id = str(UUID(int=chance.getrandbits(128)))
    channel = chance.choice(("email", "sms"))
    outcomes = chance.choice((["sent"], ["failed"], ["superseded"], ["expired"], ["failed", "undeliverable"]))
    return [
        a_message(id, outcome, at=at + timedelta(hours=8 * n), sequence=n + 1, channel=channel, office=office)
        for n, outcome in enumerate(outcomes)
    ]


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


def recount(events: Iterable[Wire]) -> dict[Place, Counts]:
    """Every figure of every place, from the newest event of each subject."""
    newest: dict[str, Wire] = {}
    for event in events:
        known = newest.get(event["subject"])
        if known is None or int(event["sequence"]) > int(known["sequence"]):
            newest[event["subject"]] = event
    counts: dict[Place, Counter[str]] = defaultdict(Counter)
    leads: dict[Place, list[int]] = defaultdict(list)
    for event in newest.values():
        if event["type"].startswith("appointment."):
            _recount_appointment(event["data"], counts, leads)
        elif event["type"].startswith("notification."):
            _recount_message(event, counts)
        else:
            _recount_demand(event["data"], counts)
    return {place: _figures(c, leads[place]) for place, c in counts.items() if +c}


def _recount_appointment(data: Wire, counts: dict[Place, Counter[str]], leads: dict[Place, list[int]]) -> None:
    def place(at: str) -> Place:
        return (
            _day(at),
            data["office"],
            data["service"],
            data["team"],
            data["municipalities"][0],
            data["channel"],
        )

    for step in data["steps"]:
        if step["step"] != "confirmation_sent":
            counts[place(step["at"])][step["step"]] += 1
    steps = {step["step"]: step["at"] for step in data["steps"]}
    if "confirmed" not in steps:
        return
    booked = place(steps["confirmed"])
    counts[booked]["persons"] += data["persons"]
    counts[booked]["persons_under_6"] += data["children_under_6"]
    visit = datetime.fromisoformat(data["starts_at"]).astimezone(BERLIN).toordinal()
    leads[booked].append(visit - datetime.fromisoformat(steps["confirmed"]).astimezone(BERLIN).toordinal())
    if "cancelled" not in steps and "expired" not in steps:
        counts[place(data["starts_at"])]["booked_minutes"] += 25


def _recount_message(event: Wire, counts: dict[Place, Counter[str]]) -> None:
    data = event["data"]
    at = data["sent_at"] or event["time"]
    outcome = data["status"]
    counts[(_day(at), data["office"], None, None, None, data["channel"])][f"messages_{outcome}"] += 1


def _recount_demand(data: Wire, counts: dict[Place, Counter[str]]) -> None:
    day = _day(data["minute"])
    for name in DEMAND:
        counts[(day, data["office"], None, None, None, None)][name] += data.get(name, 0)
    for municipality, n in data["out_of_area"].items():
        counts[(day, data["office"], None, None, municipality, None)]["out_of_area"] += n


def _figures(counts: Counter[str], leads: Sequence[int]) -> Counts:
    figures: Counts = {name: n for name, n in counts.items() if n}
    if leads:
        ordered = sorted(leads)
        figures["lead_days_median"] = ordered[math.ceil(len(ordered) * 0.5) - 1]
        figures["lead_days_p90"] = ordered[math.ceil(len(ordered) * 9 / 10) - 1]
    return figures


def _day(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(BERLIN).strftime("%Y-%m-%d")
