"""Closures and absences, planned and sudden, and what becomes of the appointments that they hit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from deploy.local.simulate.citizens import Citizens
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import Appointment
from services.booking.domain.cells import CELL
from services.booking.domain.conflicts import conflicts, next_times
from services.booking.domain.hours import Lane, wall_moment
from services.booking.domain.office import Office
from services.booking.domain.rules import Absence, Closure, OfficeData

_BY = Actor("staff", "simulated")
_TEAM_DAY = {"de": "Betriebsausflug", "en": "Staff outing"}
_OUTAGE = {"de": "Störung der Technik", "en": "Technical fault"}
_DAYS_PER_ILLNESS = 80
_MOST_TIMES, _PROPOSALS = 200, 3
_LATEST = timedelta(days=28)


@dataclass(slots=True)
class Closing:
    """`data` is the office without what happens here; `key` makes the minutes of release.

    `changed` is called whenever the rules are other ones.
    """

    citizens: Citizens
    data: OfficeData
    key: bytes
    changed: Callable[[], None]
    closures: list[Closure] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)

    def plan(self, first: date, last: date) -> None:
        """Enters what will happen between two days, and when it becomes known."""
        self._plan_vacancies(first)
        self._plan_closures(first, last)
        for lane in self._office.hours.lanes:
            self._plan_absences(lane, first, last)

    def whole(self) -> OfficeData:
        """The office with all that happened."""
        return with_rules(self.data, closures=self.closures, absences=self.absences)

    @property
    def _office(self) -> Office:
        return self.citizens.books.office

    def _plan_vacancies(self, first: date) -> None:
        """Offices begin with half their posts empty; some are filled after a while. Deputies serve meanwhile."""
        vacant = []
        for team in self._office.data.teams:
            lanes = [(team.id, lane.id) for lane in team.lanes if lane.channel == "web"]
            if self._office.by_surname(team.id):
                vacant += [_absence(lane, first, 90) for lane in lanes[1::3]]
                vacant += [_absence(lane, first, 365) for lane in lanes[2::3]]
            else:
                vacant += [_absence(lane, first, 45) for lane in lanes[2::3]]
        self._publish(self.citizens.agenda.now, absences=vacant, reason="absence")

    def _plan_closures(self, first: date, last: date) -> None:
        random = self.citizens.random
        day = first + timedelta(days=20 + random.randrange(40))
        while day < last:
            outing = next((d for d in self._open_days(day) if d < last), None)
            if outing is None:
                return
            known = wall_moment(outing - timedelta(days=21), time(11), self._office.zone)
            closure = Closure.model_validate(
                {"from": outing, "until": outing + timedelta(days=1), "reason": _TEAM_DAY}
            )
            self._at(known, closures=[closure], reason="closure")
            self._plan_outage(outing + timedelta(days=10 + random.randrange(20)), last)
            day += timedelta(days=60 + random.randrange(40))

    def _plan_outage(self, after: date, last: date) -> None:
        """From the middle of a morning on nothing works any more."""
        if (day := next((d for d in self._open_days(after) if d < last), None)) is None:
            return
        begins = datetime.combine(day, time(9, 5 * self.citizens.random.randrange(12)))
        until = datetime.combine(day + timedelta(days=1), time(0))
        closure = Closure.model_validate({"from": begins, "until": until, "reason": _OUTAGE})
        self._at(begins.replace(tzinfo=self._office.zone), closures=[closure], reason="close_now")

    def _plan_absences(self, lane: Lane, first: date, last: date) -> None:
        random, zone = self.citizens.random, self._office.zone
        leave = first + timedelta(days=random.randrange(max(1, (last - first).days)))
        known = wall_moment(leave - timedelta(days=49), time(9), zone)
        self._at(known, absences=[_absence(lane, leave, 10)], reason="absence")
        day = first + timedelta(days=int(random.expovariate(1 / _DAYS_PER_ILLNESS)))
        while day < last:
            length = 1 + min(9, int(random.expovariate(1 / 2)))
            self._at(wall_moment(day, time(7, 20), zone), absences=[_absence(lane, day, length)], reason="absence")
            day += timedelta(days=length + int(random.expovariate(1 / _DAYS_PER_ILLNESS)))

    def _open_days(self, day: date) -> Iterable[date]:
        return (d for n in range(60) if self._office.is_open(d := day + timedelta(days=n)))

    def _at(self, known: datetime, *, reason: str, **news: list[Any]) -> None:
        self.citizens.agenda.at(known, lambda now: self._publish(now, reason=reason, **news))

    def _publish(
        self,
        now: datetime,
        *,
        reason: str,
        closures: Iterable[Closure] = (),
        absences: Iterable[Absence] = (),
    ) -> None:
        self.closures += closures
        self.absences += absences
        books = self.citizens.books
        # What is over changes nothing any more, and each rule costs with every day that is looked at.
        today = now.astimezone(books.office.zone).date()
        data = with_rules(
            self.data,
            closures=[c for c in self.closures if _ends(c) >= today],
            absences=[a for a in self.absences if _ends(a) >= today],
        )
        books.follow(Office(data, key=self.key, version=books.office.version + 1))
        self.changed()
        for conflict in conflicts(books.office, books.open.values(), now=now):
            if appointment := books.get(conflict.id):
                self._replan(appointment, reason, now)

    def _replan(self, appointment: Appointment, reason: str, now: datetime) -> None:
        """As staff do it: the same time at another desk, else the next free time, else it is called off."""
        if appointment.starts_at <= now:
            return
        id, starts_at = appointment.id, appointment.starts_at
        times = self._times(appointment, now)
        same = [
            lane for start, lanes in times for lane in lanes if start == starts_at and lane != appointment.lane
        ]
        if same and self.citizens.try_to(id, lambda a: a.reassign(lane=same[0], now=now, by=_BY, reason=reason)):
            return
        later = [(start, lanes) for start, lanes in times if start > now + timedelta(hours=20)]
        if later and later[0][0] - starts_at < _LATEST and self._move(appointment, *later[0], reason, now):
            return
        proposals = tuple(start for start, _ in later[:_PROPOSALS])
        self.citizens.try_to(id, lambda a: a.office_cancel(now=now, by=_BY, reason=reason, proposals=proposals))
        self._look_again(id, now)

    def _times(self, appointment: Appointment, now: datetime) -> list[tuple[datetime, list[str]]]:
        need = self.citizens.need_of(appointment.id)
        found = next_times(
            self.citizens.books.availability,
            appointment.team,
            length=(appointment.ends_at - appointment.starts_at) // CELL,
            after=appointment.starts_at,
            now=now,
            ranges=self.citizens.ranges(need) if need else (),
        )
        return list(islice(found, _MOST_TIMES))

    def _move(
        self, appointment: Appointment, starts_at: datetime, lanes: list[str], reason: str, now: datetime
    ) -> bool:
        ends_at = starts_at + (appointment.ends_at - appointment.starts_at)
        moved = self.citizens.try_to(
            appointment.id,
            lambda a: a.reschedule(
                lane=lanes[0],
                starts_at=starts_at,
                ends_at=ends_at,
                now=now,
                release_at=now,
                by=_BY,
                reason=reason,
            ),
        )
        return moved is not None

    def _look_again(self, id: str, now: datetime) -> None:
        """Whoever was called off still needs it."""
        if need := self.citizens.need_of(id):
            pause = timedelta(hours=self.citizens.random.uniform(1, 30))
            self.citizens.agenda.at(now + pause, lambda later: self.citizens.look(need, later))


def with_rules(data: OfficeData, *, closures: Iterable[Closure], absences: Iterable[Absence]) -> OfficeData:
    """The office with these beside its own."""
    plain = data.model_dump(by_alias=True)
    plain["closures"] = [*plain["closures"], *(closure.model_dump(by_alias=True) for closure in closures)]
    plain["absences"] = [*plain["absences"], *(absence.model_dump(by_alias=True) for absence in absences)]
    return OfficeData.model_validate(plain)


def _ends(rule: Closure | Absence) -> date:
    until: date = rule.until
    return until.date() if isinstance(until, datetime) else until


def _absence(lane: Lane, first: date, days: int) -> Absence:
    until = first + timedelta(days=days)
    return Absence.model_validate({"team": lane[0], "lane": lane[1], "from": first, "until": until})
