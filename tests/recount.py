"""A plain recount of the figures, written from docs/figures.md: it shares no code with any service.

Whatever counts comes in as it was told or is stored: mappings, with times as ISO text or as datetimes.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

GROUPS = ("day", "office", "service", "team", "municipality", "channel", "language", "hour", "purpose")
# Counts of a minute of searches that are figures of the same name.
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
MEDIANS = ("next_free_days", "lead_days", "waiting_minutes", "handling_minutes", "message_seconds")
# What is shared out, and of what; in percent with one digit.
SHARES = {
    "nothing_free_share": ("free_time_looks_in_vain", "free_time_looks"),
    "booked_share": ("booked_minutes", "planned_minutes"),
    "used_share": ("used_minutes", "planned_minutes"),
    "confirmed_within_60_share": ("confirmed_within_60", "asked_to_confirm"),
    "online_share": ("booked_online", "confirmed"),
    "phone_share": ("booked_by_phone", "confirmed"),
    "counter_share": ("booked_at_counter", "confirmed"),
    "emergency_share": ("emergencies", "confirmed"),
    "group_share": ("groups", "confirmed"),
    "within_14_days_share": ("within_14_days", "confirmed"),
    "late_cancellation_share": ("cancelled_late", "cancelled_48h cancelled_24h cancelled_late"),
    "no_show_rate": ("no_shows", "kept no_shows"),
    "waiting_list_accepted_share": (
        "waiting_list_accepted",
        "waiting_list_accepted waiting_list_declined waiting_list_unanswered",
    ),
    "searches_without_result_share": ("searches_without_result", "searches"),
    "messages_failed_share": (
        "messages_failed messages_undeliverable",
        "messages_sent messages_failed messages_undeliverable",
    ),
}
_STEPS = {
    "held": "held",
    "requested": "requested",
    "confirmed": "confirmed",
    "rescheduled": "rescheduled",
    "cancelled": "cancelled",
    "expired": "expired",
    "joined_waiting_list": "waiting_list_joined",
    "offered": "waiting_list_offers",
}
_BOOKED = {"web": "online", "helper": "online", "phone": "by_phone", "counter": "at_counter"}

# May be 0 and yet tell something, or be null.
WORKED_OUT = {
    *(f"{name}_{which}" for name in MEDIANS for which in ("median", "p90")),
    *SHARES,
    "persons_per_appointment",
}

Place = tuple[str | None, ...]
Values = dict[str, float]
# (step, when, by whom) in order.
Happened = Sequence[tuple[str, datetime, str]]


@dataclass
class _Course:
    """What the steps come to; `today` is the last one of the day itself."""

    booked_at: datetime | None = None
    over: tuple[str, datetime, str] | None = None
    today: str = ""
    arrived_at: datetime | None = None
    started_at: datetime | None = None


class Recount:
    """Counts by day, office and everything else that tells figures apart; `None` where that does not apply."""

    def __init__(self, *, zone: str = "Europe/Berlin") -> None:
        self._zone = ZoneInfo(zone)
        self.sums: dict[Place, Counter[str]] = defaultdict(Counter)
        self.values: dict[Place, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))

    def appointment(self, told: Mapping[str, Any]) -> None:
        """A state as events carry it."""
        happened = [(s["step"], _moment(s["at"]), s.get("by", "citizen")) for s in told["steps"]]
        for step, at, by in happened:
            if step in _STEPS:
                self._count(told, at, _STEPS[step])
            if step == "offer_ended":
                self._count(told, at, "waiting_list_unanswered" if by == "system" else "waiting_list_declined")
        for at in told.get("accepted_at", ()):
            self._count(told, _moment(at), "waiting_list_accepted")
        self._proof(told, happened)
        self._visit(told, happened)

    def _proof(self, told: Mapping[str, Any], happened: Happened) -> None:
        asked = [at for step, at, _ in happened if step == "requested"]
        proven = [at for step, at, _ in happened if step in ("confirmed", "joined_waiting_list")]
        if asked:
            self._count(told, asked[0], "asked_to_confirm")
        if asked and proven and proven[0] <= asked[0] + timedelta(hours=1):
            self._count(told, asked[0], "confirmed_within_60")

    def _visit(self, told: Mapping[str, Any], happened: Happened) -> None:
        course, visit = _course_of(happened), _moment(told["starts_at"])
        if course.booked_at is not None:
            self._booking(told, course.booked_at, visit)
        if course.booked_at is not None and course.over is not None:
            self._cancellation(told, visit, *course.over)
        if course.booked_at is not None and course.over is None:
            self._count(told, visit, "due")
            self._count(told, visit, "booked_minutes", _minutes(visit, _moment(told["ends_at"])))
            if course.today:
                self._count(told, visit, "no_shows" if course.today == "no_show" else "kept")
        if course.arrived_at is not None:
            self._being_there(told, course.arrived_at)
            if course.booked_at is None and course.over is None:
                self._count(told, visit, "walk_ins")
        if course.arrived_at is not None and course.today == "completed":
            self._being_served(told, course.started_at, visit)

    def _booking(self, told: Mapping[str, Any], booked_at: datetime, visit: datetime) -> None:
        days = max(0, (self._day(visit) - self._day(booked_at)).days)
        place = self._place_of(told, booked_at)
        self.values[place]["lead_days"].append(days)
        counts = self.sums[place]
        counts["persons"] += told["persons"]
        counts["persons_under_6"] += told["children_under_6"]
        counts["groups"] += told["persons"] >= 2
        counts["within_14_days"] += days <= 14
        counts["emergencies"] += told.get("emergency", False)
        if told["channel"] in _BOOKED:
            counts["booked_" + _BOOKED[told["channel"]]] += 1

    def _cancellation(self, told: Mapping[str, Any], visit: datetime, step: str, at: datetime, by: str) -> None:
        hours = (visit - at) / timedelta(hours=1)
        when = "48h" if hours >= 48 else "24h" if hours >= 24 else "late" if hours > 0 else "after"
        if step == "office_cancelled":
            self._count(told, at, "cancelled_by_office")
            self._count(told, at, f"office_cancelled_{when}")
        if step == "cancelled":
            self._count(told, at, "cancelled_by_citizen" if by == "citizen" else "cancelled_by_staff")
            self._count(told, at, "cancelled_" + ("late" if when == "after" else when))

    def _being_there(self, told: Mapping[str, Any], at: datetime) -> None:
        place = self._hour_of(told, at)
        self.sums[place]["arrivals"] += 1
        if told.get("waiting_minutes") is not None:
            self.values[place]["waiting_minutes"].append(told["waiting_minutes"])

    def _being_served(self, told: Mapping[str, Any], started: datetime | None, visit: datetime) -> None:
        self._count(told, visit, "served")
        if started is not None and told.get("handling_minutes") is not None:
            self.values[self._hour_of(told, started)]["handling_minutes"].append(told["handling_minutes"])
            self._count(told, visit, "used_minutes", told["handling_minutes"])

    def message(self, told: Mapping[str, Any], *, outcome: str, at: str | datetime) -> None:
        """A delivery's state; `outcome` and `at` are those of its newest event."""
        where = {name: told[name] for name in ("office", "channel", "purpose")}
        if outcome not in ("sent", "delivered"):
            self.sums[self._place(_moment(at), **where)][f"messages_{outcome}"] += 1
            return
        sent_at = _moment(told.get("sent_at") or at)
        place = self._place(sent_at, **where)
        self.sums[place]["messages_sent"] += 1
        if told.get("due_at") is not None:
            seconds = math.floor((sent_at - _moment(told["due_at"])).total_seconds())
            self.values[place]["message_seconds"].append(sorted((0, seconds, 86_400))[1])
        if outcome == "delivered":
            arrived = _moment(told.get("delivered_at") or sent_at)
            self.sums[self._place(arrived, **where)]["messages_delivered"] += 1

    def demand(self, told: Mapping[str, Any]) -> None:
        minute, office = _moment(told["minute"]), told["office"]
        for name in DEMAND:
            self.sums[self._place(minute, office=office)][name] += told.get(name, 0)
        for municipality, times in told["out_of_area"].items():
            self.sums[self._place(minute, office=office, municipality=municipality)]["out_of_area"] += times

    def capacity(self, told: Mapping[str, Any]) -> None:
        for team in told["teams"]:
            counts = self.sums[_keyed(day=str(told["day"]), office=told["office"], team=team["team"])]
            counts["planned_minutes"] += team["minutes"]
            counts["planned_online_minutes"] += team["online_minutes"]

    def free_times(self, told: Mapping[str, Any]) -> None:
        for service in told["services"]:
            place = self._place(
                _moment(told["hour"]), office=told["office"], service=service["service"], team=service["team"]
            )
            self.values[place]["next_free_days"] += [days for days in service["days"] if days is not None]
            self.sums[place]["free_time_looks"] += len(service["days"])
            self.sums[place]["free_time_looks_in_vain"] += service["days"].count(None)

    def figures(self, *groups: str) -> dict[Place, Values]:
        """By `groups` in their order, without what is zero and what has no value."""
        sums: dict[Place, Counter[str]] = defaultdict(Counter)
        values: dict[Place, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        kept = [GROUPS.index(group) for group in groups]
        for place, counts in self.sums.items():
            sums[tuple(place[n] for n in kept)].update(counts)
        for place, lists in self.values.items():
            for name, occurred in lists.items():
                values[tuple(place[n] for n in kept)][name] += occurred
        found = {place: worked_out(sums[place], values[place]) for place in sums.keys() | values.keys()}
        return {place: figures for place, figures in found.items() if figures}

    def _count(self, told: Mapping[str, Any], at: datetime, figure: str, amount: int = 1) -> None:
        self.sums[self._place_of(told, at)][figure] += amount

    def _place_of(self, told: Mapping[str, Any], at: datetime) -> Place:
        where = {name: told[name] for name in ("office", "service", "team", "channel")}
        lead = next(iter(told["municipalities"]), None)
        return self._place(at, municipality=lead, language=told.get("language"), **where)

    def _hour_of(self, told: Mapping[str, Any], at: datetime) -> Place:
        where = {name: told[name] for name in ("office", "service", "team")}
        return self._place(at, hour=f"{at.astimezone(self._zone):%H}", **where)

    def _place(self, at: datetime, **where: str | None) -> Place:
        return _keyed(day=self._day(at).isoformat(), **where)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()


def tells(name: str, value: float | None) -> bool:
    """Whether a reported value is more than nothing."""
    return value is not None and (value != 0 or name in WORKED_OUT)


def _course_of(happened: Happened) -> _Course:
    course = _Course()
    for step, at, by in happened:
        if step == "confirmed" and course.booked_at is None:
            course.booked_at = at
        elif step in ("cancelled", "office_cancelled", "expired"):
            course.over = (step, at, by)
        elif step == "restored":
            course.over = None
        elif step in ("checked_in", "called", "in_service", "completed", "no_show"):
            course.today = step
        if step == "checked_in":
            course.arrived_at = at
        if step == "in_service":
            course.started_at = at
    return course


def nearest_rank(values: Iterable[int], percent: int) -> int:
    """The smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    return next(v for n, v in enumerate(ordered, 1) if n * 100 >= percent * len(ordered))


def worked_out(sums: Counter[str], values: Mapping[str, list[int]]) -> Values:
    found: Values = {name: n for name, n in sums.items() if n}
    for name in MEDIANS:
        if values[name]:
            found[f"{name}_median"] = nearest_rank(values[name], 50)
            found[f"{name}_p90"] = nearest_rank(values[name], 90)
    for name, (above, below) in SHARES.items():
        if whole := sum(sums[part] for part in below.split()):
            found[name] = _rounded(sum(sums[part] for part in above.split()) * 100, whole, "0.1")
    if sums["confirmed"]:
        found["persons_per_appointment"] = _rounded(sums["persons"], sums["confirmed"], "0.01")
    return found


def _rounded(above: int, below: int, digit: str) -> float:
    return float((Decimal(above) / Decimal(below)).quantize(Decimal(digit), ROUND_HALF_UP))


def _keyed(**where: str | None) -> Place:
    return tuple(where.get(group) or None for group in GROUPS)


def _minutes(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds()) // 60


def _moment(at: str | datetime) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at
