"""What an office has decided: who is responsible, how long a visit takes, when a desk is open."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays
from pydantic import Field

from services.booking.domain.cells import CELL, cell_at
from shared.contracts import offices
from shared.contracts.event import Data

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class BookingRules(Data):
    """Days and minutes; `cooling_minutes` is the range of the random time before a freed time returns."""

    horizon_days: int = Field(ge=1, le=366)
    earliest_working_days: int = Field(ge=0, le=30)
    grid_minutes: int = Field(ge=5, le=60, multiple_of=5)
    hold_minutes: int = Field(ge=1, le=60)
    confirm_minutes: int = Field(ge=1, le=24 * 60)
    cooling_minutes: tuple[int, int]


class Holidays(Data):
    country: str
    subdivision: str | None = None


class Closure(Data):
    """Closed from the first day until the day before `until`."""

    from_: date = Field(alias="from")
    until: date
    reason: offices.Text


class OfficeData(offices.Office):
    """An office as its file describes it: what all may know, and the rules of booking."""

    booking: BookingRules
    holidays: Holidays
    closures: tuple[Closure, ...] = ()


class UnknownService(Exception):
    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class UnknownMunicipality(Exception):
    def __init__(self, ags: str) -> None:
        super().__init__(ags)
        self.ags = ags


class TooManyPersons(Exception):
    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


StartFault = Literal["in-the-past", "too-early", "beyond-horizon", "off-grid", "outside-hours"]


class UnbookableStart(Exception):
    """No desk could ever be booked at this time; `reason` says why."""

    def __init__(self, reason: StartFault) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Member:
    """One person who comes along, by municipality (AGS)."""

    municipality: str
    under_6: bool = False


@dataclass(frozen=True, slots=True)
class Responsibility:
    municipality: offices.Municipality
    authority: offices.Authority

    @property
    def here(self) -> bool:
        return self.authority.own


class Office:
    """One office and its rules. Local times are of its own time zone."""

    def __init__(self, data: OfficeData) -> None:
        self.data = data
        self.id = data.id
        self.zone = ZoneInfo(data.timezone)
        self._services = {service.id: service for service in data.services}
        self._municipalities = {place.ags: place for place in data.municipalities}
        self._authorities = {authority.id: authority for authority in data.authorities}
        self._web_lanes = {
            team.id: tuple(lane.id for lane in team.lanes if lane.channel == "web") for team in data.teams
        }
        self._hours: dict[date, tuple[tuple[time, time], ...]] = {}

    def service(self, id: str) -> offices.Service:
        if id not in self._services:
            raise UnknownService(id)
        return self._services[id]

    def web_lanes(self, team: str) -> tuple[str, ...]:
        """The desks of `team` that anybody may book online."""
        return self._web_lanes[team]

    def responsibility(self, ags: str) -> Responsibility:
        """By municipality, never by postal code: those of neighbouring districts are interspersed."""
        if ags not in self._municipalities:
            raise UnknownMunicipality(ags)
        municipality = self._municipalities[ags]
        return Responsibility(municipality, self._authorities[municipality.authority])

    def minutes(self, service: offices.Service, *, persons: int, children_under_6: int) -> int:
        """Desk minutes for one visit, in whole cells.

        Each further person counts `further`, children under 6 give no fingerprints (AufenthG § 78 V) and
        count `under_6`; the lead person always counts `first`.
        """
        if not 1 <= persons <= service.max_persons:
            raise TooManyPersons(service.max_persons)
        children = min(children_under_6, persons - 1)
        others = persons - 1 - children
        total = service.minutes.first + others * service.minutes.further + children * service.minutes.under_6
        cell = int(CELL.total_seconds()) // 60
        return -(-total // cell) * cell

    def is_open(self, day: date) -> bool:
        return bool(self._hours_on(day))

    def open_spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """When desks are open on a local `day`, as aware local times."""
        zone = self.zone
        return tuple(
            (datetime.combine(day, start, zone), datetime.combine(day, end, zone))
            for start, end in self._hours_on(day)
        )

    def first_bookable_day(self, now: datetime) -> date:
        """Today's date plus so many opening days as the office needs to prepare."""
        day = now.astimezone(self.zone).date()
        left = self.data.booking.earliest_working_days
        while left:
            day += timedelta(days=1)
            left -= self.is_open(day)
        return day

    def last_bookable_day(self, now: datetime) -> date:
        return now.astimezone(self.zone).date() + timedelta(days=self.data.booking.horizon_days)

    def check_start(self, starts_at: datetime, *, minutes: int, now: datetime) -> None:
        """Raises UnbookableStart where `[starts_at, +minutes)` is not offered at all."""
        local = starts_at.astimezone(self.zone)
        if starts_at <= now:
            raise UnbookableStart("in-the-past")
        if local.date() < self.first_bookable_day(now):
            raise UnbookableStart("too-early")
        if local.date() > self.last_bookable_day(now):
            raise UnbookableStart("beyond-horizon")
        if local.second or local.microsecond or local.minute % self.data.booking.grid_minutes:
            raise UnbookableStart("off-grid")
        ends_at = starts_at + timedelta(minutes=minutes)
        if not any(start <= starts_at and ends_at <= end for start, end in self.open_spans(local.date())):
            raise UnbookableStart("outside-hours")

    def bookable_bits(self, *, base: int, now: datetime) -> int:
        """Open cells from the first to the last bookable day; bit i is cell `base + i`."""
        bits = 0
        day = self.first_bookable_day(now)
        while day <= self.last_bookable_day(now):
            for start, end in self.open_spans(day):
                first, length = cell_at(start) - base, cell_at(end) - cell_at(start)
                bits |= ((1 << length) - 1) << first
            day += timedelta(days=1)
        return bits

    def _hours_on(self, day: date) -> tuple[tuple[time, time], ...]:
        if day not in self._hours:
            self._hours[day] = self._read_hours(day)
        return self._hours[day]

    def _read_hours(self, day: date) -> tuple[tuple[time, time], ...]:
        if day in _public_holidays(self.data.holidays):
            return ()
        if any(closure.from_ <= day < closure.until for closure in self.data.closures):
            return ()
        rules = (rule for rule in self.data.opening_hours if _applies(rule, day))
        return tuple(sorted((time.fromisoformat(r.from_), time.fromisoformat(r.until)) for r in rules))


def _applies(rule: offices.OpeningHours, day: date) -> bool:
    if WEEKDAYS[day.weekday()] not in rule.weekdays:
        return False
    if rule.valid_from and day < rule.valid_from:
        return False
    return rule.valid_until is None or day < rule.valid_until


@lru_cache(maxsize=100)
def _public_holidays(rule: Holidays) -> holidays.HolidayBase:
    return holidays.country_holidays(rule.country, subdiv=rule.subdivision)
