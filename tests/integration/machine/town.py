"""One small office: its data as a file would give them, and when each of its desks is open."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
CELL = timedelta(minutes=5)
# A Monday; the clock changes on the Sunday after it.
START = datetime(2031, 3, 24, 6, 0, tzinfo=UTC)
HOLIDAYS = {date(2031, 4, 11), date(2031, 4, 14), date(2031, 5, 1), date(2031, 5, 22), date(2031, 6, 2)}
HERE, ELSEWHERE = "08417002", "08417079"
ID = "zollernalbkreis"
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")

COUNTER, ROOMS = "service_point", "caseworkers"
LANES = {"counter_1": COUNTER, "counter_2": COUNTER, "counter_3": COUNTER, "room_1": ROOMS, "room_2": ROOMS}
CHANNELS = {"counter_1": "web", "counter_2": "web", "counter_3": "staff", "room_1": "web", "room_2": "web"}
DEPUTIES = {"room_1": "room_2", "room_2": "room_1"}
# service: team, minutes of the first person, of each further one, of a child under 6
SERVICES = {"pickup": (COUNTER, 10, 5, 5), "permit": (ROOMS, 15, 10, 0)}
MOST_PERSONS = 3

HORIZON, STAFF_HORIZON, WISH_HORIZON = 4, 6, 8
GRID = 10
HOLD, CONFIRM, KEEP = timedelta(minutes=10), timedelta(minutes=60), timedelta(hours=24)
COOLING = (timedelta(minutes=10), timedelta(minutes=40))
BACK_BEFORE_START = timedelta(hours=24)
OFFER, SHORTEST_OFFER, MOST_OFFERS = timedelta(hours=24), timedelta(hours=1), 3
LATE_AFTER, CALLS, MOST_CONTACTS = timedelta(minutes=15), 2, 3
ERASED_AFTER = {
    "hold": timedelta(hours=1),
    "unconfirmed": timedelta(hours=24),
    "cancelled": timedelta(days=1),
    "visit": timedelta(days=7),
}


def _hours(from_: str, until: str, **narrow: str) -> dict[str, Any]:
    return {"weekdays": list(WORKDAYS), "from": from_, "until": until, **narrow}


HOURS: tuple[list[dict[str, Any]], ...] = (
    [
        _hours("08:00", "09:30"),
        _hours("08:20", "10:00", team=COUNTER, lane="counter_2"),
        _hours("08:00", "09:00", team=ROOMS),
    ],
    [_hours("08:00", "09:10"), _hours("08:00", "08:30", team=COUNTER, lane="counter_1")],
    [_hours("08:30", "10:00"), _hours("08:00", "09:20", team=COUNTER)],
)
QUOTA = {"team": COUNTER, "lane": "counter_1", "from": "08:00", "until": "08:20", "channel": "kept"}


def office() -> dict[str, Any]:
    """As its file would have it."""
    return {
        "id": ID,
        "timezone": ZONE.key,
        "name": {"de": "Amt"},
        "sender": "Amt",
        "locations": [{"valid_from": date(2020, 1, 1), "street": "Weg 1", "postal_code": "1", "city": "Ort"}],
        "authorities": [
            {"id": "own", "name": "Amt", "own": True},
            {"id": "other", "name": "Nebenan", "own": False},
        ],
        "municipalities": [
            {"ags": HERE, "name": "Hier", "authority": "own"},
            {"ags": ELSEWHERE, "name": "Dort", "authority": "other"},
        ],
        "opening_hours": HOURS[0],
        "holidays": {"country": "DE", "subdivision": "BW"},
        "quotas": [QUOTA],
        "teams": [
            {"id": COUNTER, "name": {"de": "Schalter"}, "lanes": _lanes(COUNTER)},
            {"id": ROOMS, "name": {"de": "Zimmer"}, "routing": "surname", "lanes": _lanes(ROOMS)},
        ],
        "surname_ranges": [
            {"team": ROOMS, "from": "A", "to": "K", "lanes": ["room_1"]},
            {"team": ROOMS, "from": "L", "to": "Z", "lanes": ["room_2"]},
        ],
        "services": [
            {
                "id": id,
                "team": team,
                "mode": "open",
                "name": {"de": id},
                "minutes": {"first": first, "further": further, "under_6": child},
                "max_persons": MOST_PERSONS,
            }
            for id, (team, first, further, child) in SERVICES.items()
        ],
        "booking": {
            "horizon_days": HORIZON,
            "staff_horizon_days": STAFF_HORIZON,
            "earliest_working_days": 1,
            "kept_working_days": 2,
            "release": "at_once",
            "grid_minutes": GRID,
            "hold_minutes": 10,
            "confirm_minutes": 60,
            "cooling_minutes": [10, 40],
        },
        "day": {"late_after_minutes": 15, "late": "append", "calls": CALLS},
        "waiting_list": {
            "most_offers": MOST_OFFERS,
            "offer_hours": 24,
            "ahead_working_days": 1,
            "horizon_days": WISH_HORIZON,
        },
    }


def _lanes(team: str) -> list[dict[str, Any]]:
    return [
        {"id": lane, "channel": CHANNELS[lane], "deputies": [DEPUTIES[lane]] if lane in DEPUTIES else []}
        for lane, of in LANES.items()
        if of == team
    ]


def local_day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), ZONE).astimezone(UTC)


def minutes(service: str, places: tuple[str, ...], kids: int) -> int:
    """In whole cells; the first person is never a child."""
    _, first, further, child = SERVICES[service]
    kids = min(kids, len(places) - 1)
    total = first + (len(places) - 1 - kids) * further + kids * child
    return -(-total // 5) * 5


@dataclass
class Closed:
    """A closure, or an absence, from one local time to another; `lane` None is the whole office."""

    start: datetime
    end: datetime
    lane: str | None

    def touches(self, cell: datetime) -> bool:
        return self.start < cell + CELL and cell < self.end


@dataclass
class Opening:
    hours: list[dict[str, Any]] = field(default_factory=lambda: HOURS[0])
    closures: list[Closed] = field(default_factory=list)
    absences: list[Closed] = field(default_factory=list)
    _known: dict[tuple[str | None, date], dict[datetime, str]] = field(default_factory=dict)

    def change(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)
        self._known = {}

    def cells(self, lane: str | None, day: date) -> dict[datetime, str]:
        """Open cells (their starts, UTC) and for whom each is; of the office itself where `lane` is None."""
        if (lane, day) not in self._known:
            self._known[lane, day] = {} if day in HOLIDAYS else self._read(lane, day)
        return self._known[lane, day]

    def _read(self, lane: str | None, day: date) -> dict[datetime, str]:
        team = LANES[lane] if lane else None
        rules = [h for h in self.hours if lane and h.get("lane") == lane]
        rules = rules or [h for h in self.hours if team and h.get("team") == team and "lane" not in h]
        rules = rules or [h for h in self.hours if "team" not in h]
        found: dict[datetime, str] = {}
        for rule in rules:
            if WORKDAYS[day.weekday() : day.weekday() + 1] and WORKDAYS[day.weekday()] in rule["weekdays"]:
                found |= dict.fromkeys(_between(day, rule["from"], rule["until"]), CHANNELS.get(lane or "", "web"))
        shut = [c for c in self.closures if c.lane in (None, lane)] + [a for a in self.absences if a.lane == lane]
        kept = set(_between(day, QUOTA["from"], QUOTA["until"])) if lane == QUOTA["lane"] else set()
        return {
            cell: "kept" if cell in kept else channel
            for cell, channel in found.items()
            if not any(s.touches(cell) for s in shut)
        }

    def away(self, lane: str, cell: datetime) -> bool:
        return any(a.lane == lane and a.touches(cell) for a in self.absences)

    def opening_days_before(self, day: date, count: int) -> date:
        earliest = day - timedelta(days=366)
        while count and day > earliest:
            day -= timedelta(days=1)
            count -= bool(self.cells(None, day))
        return day

    def first_day(self, now: datetime) -> date:
        """The first that citizens can book: one opening day after today."""
        today = day = local_day(now)
        while day <= today + timedelta(days=HORIZON):
            day += timedelta(days=1)
            if self.cells(None, day):
                break
        return day

    def may_book(self, lane: str, cell: datetime, *, staff: bool, now: datetime) -> bool:
        """Whether the cell may be booked now, taken or not."""
        day, today = local_day(cell), local_day(now)
        channel = self.cells(lane, day).get(cell)
        if staff:
            return channel is not None and today <= day <= today + timedelta(days=STAFF_HORIZON)
        if not self.first_day(now) <= day <= today + timedelta(days=HORIZON):
            return False
        return channel == "web" or (channel == "kept" and self.opening_days_before(day, 2) <= today)


def _between(day: date, from_: str, until: str) -> list[datetime]:
    start, end = (datetime.combine(day, time.fromisoformat(text), ZONE).astimezone(UTC) for text in (from_, until))
    return [start + i * CELL for i in range((end - start) // CELL)]
