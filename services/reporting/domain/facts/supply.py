"""What an office's plan of a day, and a look at its free times, add to the figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from services.reporting.domain.facts.places import Entry, key_of, local_day


class Planned(NamedTuple):
    """Desk minutes of one team on one day."""

    team: str
    minutes: int
    online_minutes: int


class Found(NamedTuple):
    """The next free time of one service: (days ahead, how often), and how often there was none."""

    service: str
    team: str
    days: tuple[tuple[int, int], ...]
    in_vain: int


@dataclass(frozen=True, slots=True)
class CapacityFact:
    """One local day of the office, an ISO date, as it was planned last."""

    office: str
    day: str
    teams: tuple[Planned, ...]

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        """The office's own calendar decides, whatever the zone of the report."""
        day = date.fromisoformat(self.day)
        for planned in self.teams:
            key = key_of(self.office, day, team=planned.team)
            if planned.minutes:
                yield Entry(key, "planned_minutes", planned.minutes)
            if planned.online_minutes:
                yield Entry(key, "planned_online_minutes", planned.online_minutes)


@dataclass(frozen=True, slots=True)
class FreeTimesFact:
    """What was free at one hour."""

    office: str
    hour: datetime
    services: tuple[Found, ...]

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        day = local_day(self.hour, zone)
        for found in self.services:
            key = key_of(self.office, day, found.service, found.team)
            for days, times in found.days:
                yield Entry(key, "next_free_days", days, times)
            if looks := found.in_vain + sum(times for _, times in found.days):
                yield Entry(key, "free_time_looks", looks)
            if found.in_vain:
                yield Entry(key, "free_time_looks_in_vain", found.in_vain)
