"""What an office has decided: who is responsible, who serves whom, how long a visit takes, when it is bookable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from services.booking.domain import visits
from services.booking.domain.hours import Hours, Lane
from services.booking.domain.release import Access, Releases
from services.booking.domain.rules import OfficeData
from services.booking.domain.surnames import SurnameRange, fold, is_valid
from services.booking.domain.visits import Group
from shared.contracts import offices


class UnknownService(Exception):
    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class UnknownMunicipality(Exception):
    """No municipality of the office's district."""

    def __init__(self, ags: str) -> None:
        super().__init__(ags)
        self.ags = ags


class UnknownTeam(Exception):
    """The office has no such team, or not any more."""

    def __init__(self, team: str) -> None:
        super().__init__(team)
        self.team = team


class UnknownLane(Exception):
    """No such desk; `team` is None where it could be any team's."""

    def __init__(self, lane: str, team: str | None = None) -> None:
        super().__init__(lane)
        self.lane = lane
        self.team = team


StartFault = Literal[
    "in-the-past", "too-early", "beyond-horizon", "off-grid", "outside-hours", "desk-closed", "not-released"
]  # fmt: skip


class UnbookableStart(Exception):
    """No desk can be booked at this time, taken or not; `reason` says why."""

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
    """One office and its rules. Local times are of its own time zone.

    `key` makes the minutes at which cells are released; without one they must be released at once.
    """

    def __init__(self, data: OfficeData, *, key: bytes = b"", version: int = 0) -> None:
        self.data = data
        self.id = data.id
        self.version = version
        self.zone = ZoneInfo(data.timezone)
        self.hours = Hours(data)
        self.releases = Releases(data.id, rules=data.booking, hours=self.hours, zone=self.zone, key=key)
        self._services = {service.id: service for service in data.services}
        self._municipalities = {place.ags: place for place in data.municipalities}
        self._authorities = {authority.id: authority for authority in data.authorities}
        self._teams = {team.id: team for team in data.teams}
        self._deputies: dict[Lane, tuple[str, ...]] = {
            (team.id, lane.id): lane.deputies for team in data.teams for lane in team.lanes
        }

    @property
    def training(self) -> bool:
        return offices.is_training(self.id)

    def service(self, id: str) -> offices.Service:
        if id not in self._services:
            raise UnknownService(id)
        return self._services[id]

    def has_service(self, id: str) -> bool:
        """False for one that was taken out since."""
        return id in self._services

    def services(self, ids: Sequence[str]) -> tuple[offices.Service, ...]:
        """Those of one visit; raises UnknownService, CombinationNotAllowed."""
        found = tuple(map(self.service, ids))
        visits.check_combination(found)
        return found

    def team(self, id: str) -> offices.Team:
        """Raises UnknownTeam."""
        if id not in self._teams:
            raise UnknownTeam(id)
        return self._teams[id]

    def lanes(self, team: str) -> tuple[str, ...]:
        return tuple(lane.id for lane in self.team(team).lanes)

    def check_lane(self, lane: str, *, team: str | None = None) -> None:
        """Raises UnknownLane where neither `team`, nor without one any team, has this desk."""
        teams = self._teams if team is None else (team,)
        if not any(lane in self.lanes(id) for id in teams):
            raise UnknownLane(lane, team)

    def lane_name(self, lane: str, language: str = "de") -> str:
        """As it stands at the door; its id where nobody has named it, or where it is no more."""
        found = (one.name for team in self.data.teams for one in team.lanes if one.id == lane)
        name = next(found, {})
        return name.get(language) or name.get("de") or lane

    def web_lanes(self, team: str) -> tuple[str, ...]:
        """The desks of `team` whose times anybody may book online, where no quota says otherwise."""
        return tuple(lane.id for lane in self.team(team).lanes if lane.channel == "web")

    def deputies(self, lane: Lane) -> tuple[str, ...]:
        """In the order in which they are asked."""
        return self._deputies[lane]

    def by_surname(self, team: str) -> bool:
        return self.team(team).routing == "surname"

    def ranges(self, team: str, family_name: str) -> tuple[SurnameRange, ...]:
        """The rules that hold the name, of whatever validity; none for a team where any lane serves."""
        if not self.by_surname(team):
            return ()
        folded = fold(family_name, self.data.collation)
        return tuple(r for r in self.data.surname_ranges if r.team == team and r.holds(folded))

    def range_on(self, day: date, ranges: Sequence[SurnameRange]) -> SurnameRange | None:
        """The one of `ranges` that holds on the day."""
        return next((r for r in ranges if is_valid(r.valid_from, r.valid_until, day)), None)

    def responsibility(self, ags: str) -> Responsibility:
        """By municipality, never by postal code: those of neighbouring districts are interspersed."""
        if ags not in self._municipalities:
            raise UnknownMunicipality(ags)
        municipality = self._municipalities[ags]
        return Responsibility(municipality, self._authorities[municipality.authority])

    def minutes(self, *services: offices.Service, persons: int, children_under_6: int) -> int:
        """Desk minutes for one visit; raises TooManyPersons."""
        return visits.minutes_of(services, Group(persons, children_under_6))

    def is_open(self, day: date) -> bool:
        return bool(self.hours.office_cells(day))

    def open_spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """When the office is open on a local `day`, as aware local times."""
        return self.hours.spans(day)

    def first_bookable_day(self, now: datetime) -> date:
        """Today's date plus so many opening days as the office needs to prepare."""
        day = now.astimezone(self.zone).date()
        left, latest = self.data.booking.earliest_working_days, self.last_bookable_day(now)
        while left and day <= latest:
            day += timedelta(days=1)
            left -= self.is_open(day)
        return day

    def last_bookable_day(self, now: datetime) -> date:
        return now.astimezone(self.zone).date() + timedelta(days=self.data.booking.horizon_days)

    def last_day_for_staff(self, now: datetime) -> date:
        return now.astimezone(self.zone).date() + timedelta(days=self.data.booking.staff_horizon_days)

    def days(self, access: Access, *, now: datetime) -> tuple[date, date]:
        """First and last day on which a visit can be."""
        today = now.astimezone(self.zone).date()
        if access == "staff":
            return today, self.last_day_for_staff(now)
        first = self.first_bookable_day(now) if access == "web" else today
        return first, self.last_bookable_day(now)

    def check_moment(self, starts_at: datetime, *, access: Access, now: datetime) -> None:
        """Raises UnbookableStart where no visit can begin, whatever the desks are open."""
        local = starts_at.astimezone(self.zone)
        first, last = self.days(access, now=now)
        if starts_at <= now:
            raise UnbookableStart("in-the-past")
        if local.date() < first:
            raise UnbookableStart("too-early")
        if local.date() > last:
            raise UnbookableStart("beyond-horizon")
        grid = 5 if access == "staff" else self.data.booking.grid_minutes
        if local.second or local.microsecond or local.minute % grid:
            raise UnbookableStart("off-grid")
