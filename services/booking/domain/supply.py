"""What an office has to offer: desk minutes of a day, and how far ahead the next free time is."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from services.booking.domain.availability import Availability
from services.booking.domain.cells import CELL, start_of
from services.booking.domain.masks import Ranges
from services.booking.domain.office import Office
from services.booking.domain.release import Access, channels_for
from services.booking.domain.visits import Group, minutes_of
from shared.contracts import Capacity, FreeService, PlannedTeam
from shared.contracts.offices import Service

_CELL_MINUTES = int(CELL.total_seconds()) // 60
_ONLINE = frozenset((*channels_for("web"), *channels_for("emergency")))


def capacity(office: Office, day: date) -> Capacity:
    """The plan of a local day; teams without open desks are left out."""
    teams = (_planned(office, team.id, day) for team in office.data.teams)
    return Capacity(office=office.id, day=day, teams=tuple(team for team in teams if team.minutes))


def planned_days(office: Office, *, now: datetime) -> Iterator[date]:
    """Today and as far ahead as citizens can book."""
    day = now.astimezone(office.zone).date()
    while day <= office.last_bookable_day(now):
        yield day
        day += timedelta(days=1)


def free_services(availability: Availability, *, now: datetime) -> tuple[FreeService, ...]:
    """Of each service that anybody can book online, for one person."""
    services = availability.office.data.services
    return tuple(_free(availability, service, now) for service in services if service.mode == "open")


def _planned(office: Office, team: str, day: date) -> PlannedTeam:
    every, online = 0, 0
    for lane in office.lanes(team):
        cells = office.hours.cells((team, lane), day)
        every += cells.any.bit_count()
        online += sum(bits.bit_count() for channel, bits in cells.by_channel.items() if channel in _ONLINE)
    return PlannedTeam(team=team, minutes=every * _CELL_MINUTES, online_minutes=online * _CELL_MINUTES)


def _free(availability: Availability, service: Service, now: datetime) -> FreeService:
    access: Access = "emergency" if service.emergency else "web"
    length = minutes_of([service], Group(persons=1)) // _CELL_MINUTES
    today = now.astimezone(availability.office.zone).date()
    found = []
    for ranges in _ways(availability.office, service.team):
        starts = availability.starts(service.team, length=length, now=now, access=access, ranges=ranges)
        found.append(None if not starts else (_first_day(availability, starts) - today).days)
    return FreeService(service=service.id, team=service.team, days=tuple(sorted(found, key=_last_if_none)))


def _first_day(availability: Availability, starts: int) -> date:
    first = availability.base + (starts & -starts).bit_length() - 1
    return start_of(first).astimezone(availability.office.zone).date()


def _ways(office: Office, team: str) -> Iterable[Ranges]:
    """The different sets of rules that a family name can lead to; one without rules where any desk serves."""
    if not office.by_surname(team):
        return [()]
    firsts = (rule.from_ for rule in office.data.surname_ranges if rule.team == team)
    return dict.fromkeys(ranges for name in firsts if (ranges := office.ranges(team, name)))


def _last_if_none(days: int | None) -> tuple[bool, int]:
    return days is None, days or 0
