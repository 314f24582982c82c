"""What is planned: a day desk by desk, or a week in numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.booking.domain.appointment import OPEN, Appointment
from services.booking.domain.cells import CELL, start_of
from services.booking.domain.office import Office
from services.booking.people import Person
from services.booking.web.staff.faults import NotReadable
from services.booking.web.staff.listed import services_of
from services.booking.web.staff.rendering import StaffPage
from services.booking.web.staff.work import Here, Work, at_work

_SHOWN = OPEN | {"completed", "no_show"}
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
Day = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True, slots=True)
class Entry:
    appointment: Appointment
    name: str | None
    services: str


@dataclass(frozen=True, slots=True)
class Desk:
    """One column: what is booked there, in order, and when it is open."""

    lane: str
    name: str
    entries: tuple[Entry, ...]
    open: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True)
class DesksDay:
    """One desk on one day of the week: how many visits, and minutes of those that are open."""

    day: date
    visits: int
    booked: int
    open: int


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Looking = Annotated[Here, at_work(work, "see_day")]  # noqa: N806 (a type)

    @routes.get("/staff/plan")
    async def show(
        here: Looking,
        day: Day = "",
        team: Annotated[str, Query(max_length=60)] = "",
    ) -> Response:
        there, chosen = _day(day, work, here.office), _team(here, team)
        found = await _found(work, here.office, chosen, there, days=1)
        persons = await work.booking.persons_of(found) if here.may("see_person") else {}
        if persons:
            await work.record(here.somebody, "day.seen", here.office.id)
        desks = list(_desks(here.office, chosen, there, found, persons))
        return work.page(here, "plan.html", day=there, team=chosen, desks=desks, steps=_steps(there))

    @routes.get("/staff/plan/week")
    async def week(
        here: Looking,
        day: Day = "",
        team: Annotated[str, Query(max_length=60)] = "",
    ) -> Response:
        there, chosen = _day(day, work, here.office), _team(here, team)
        monday = there - timedelta(days=there.weekday())
        found = await _found(work, here.office, chosen, monday, days=7)
        days = [monday + timedelta(days=n) for n in range(7)]
        days = [one for one in days if here.office.is_open(one) or any(_on(here.office, a, one) for a in found)]
        lanes = {lane: _week(here.office, chosen, lane, days, found) for lane in here.office.lanes(chosen)}
        steps = {"before": monday - timedelta(days=7), "after": monday + timedelta(days=7)}
        return work.page(here, "week.html", monday=monday, team=chosen, days=days, lanes=lanes, steps=steps)

    return routes


def _team(here: Here, chosen: str) -> str:
    teams = [team.id for team in here.office.data.teams]
    return chosen if chosen in teams else here.team or teams[0]


def day_of(text: str) -> date:
    """Raises NotReadable, also for the ends of the calendar, which have no day before or after."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise NotReadable(f"{text}: Diesen Tag gibt es nicht. Bitte schreiben Sie ihn als 2026-12-24.")
    return day


def _day(text: str, work: Work, office: Office) -> date:
    return day_of(text) if text else work.booking.clock.now().astimezone(office.zone).date()


def _steps(day: date) -> dict[str, date]:
    return {"before": day - timedelta(days=1), "after": day + timedelta(days=1)}


async def _found(work: Work, office: Office, team: str, first: date, *, days: int) -> list[Appointment]:
    start, end = (datetime.combine(first + timedelta(days=n), time(), office.zone) for n in (0, days))
    found = await work.booking.appointments.between(office.id, start, end)
    return [one for one in found if one.team == team and one.status in _SHOWN and one.lane]


def _on(office: Office, appointment: Appointment, day: date) -> bool:
    return appointment.starts_at.astimezone(office.zone).date() == day


def _desks(
    office: Office, team: str, day: date, found: list[Appointment], persons: Mapping[str, Person]
) -> Iterator[Desk]:
    for lane in office.lanes(team):
        entries = tuple(
            Entry(one, persons[one.id].family_name if one.id in persons else None, services_of(one, office))
            for one in found
            if one.lane == lane
        )
        yield Desk(lane, office.lane_name(lane), entries, tuple(_open(office, (team, lane), day)))


def _open(office: Office, lane: tuple[str, str], day: date) -> Iterator[tuple[datetime, datetime]]:
    """When a desk is open on a day, as local times."""
    cells = office.hours.cells(lane, day)
    bits, place, since = cells.any, 0, None
    while bits or since is not None:
        if bits & 1 and since is None:
            since = place
        if not bits & 1 and since is not None:
            yield _local(office, cells.first + since), _local(office, cells.first + place)
            since = None
        bits, place = bits >> 1, place + 1


def _local(office: Office, cell: int) -> datetime:
    return start_of(cell).astimezone(office.zone)


def _week(office: Office, team: str, lane: str, days: list[date], found: list[Appointment]) -> list[DesksDay]:
    return [_desks_day(office, team, lane, day, found) for day in days]


def _desks_day(office: Office, team: str, lane: str, day: date, found: list[Appointment]) -> DesksDay:
    there = [one for one in found if one.lane == lane and _on(office, one, day)]
    minutes = CELL // timedelta(minutes=1)
    return DesksDay(
        day=day,
        visits=len(there),
        booked=sum((one.ends_at - one.starts_at) // timedelta(minutes=1) for one in there),
        open=office.hours.cells((team, lane), day).any.bit_count() * minutes,
    )
