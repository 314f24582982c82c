"""The day itself: who comes, how late, who is called when, how long it takes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from deploy.local.simulate.books import NOBODY
from deploy.local.simulate.citizens import Citizens, Need
from services.booking.domain import appointment as appointments
from services.booking.domain import day
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import REFUSALS, Appointment, Change, Party
from services.booking.domain.hours import Lane, wall_moment
from services.booking.domain.office import Office
from shared.contracts import AppointmentCheckedIn
from shared.contracts.appointments import AppointmentEvent

_NEW_TIME = frozenset({"appointment.confirmed.v1", "appointment.rescheduled.v1", "appointment.restored.v1"})
_REFUSALS = (*REFUSALS, day.NotThisDay, day.TooLate, day.CalledByAnother, day.CallsMissing, day.NothingToUndo)
# Every day that lies between costs some; at most four in ten stay away.
_NO_SHOW, _NO_SHOW_PER_DAY, _MOST_NO_SHOW = 0.05, 0.0035, 0.4
_BOT_NO_SHOW = 0.7
_DOES_NOT_HEAR = 0.04
_CLICKS_TOO_EARLY = 0.008
_AT_MOST_BEFORE = timedelta(minutes=10)


@dataclass(slots=True)
class Counter:
    """Each desk serves one person after the other, whoever is first in the queue of the day."""

    citizens: Citizens
    # Who is there and waits, and which desks serve just now.
    _here: dict[str, None] = field(default_factory=dict)
    _busy: set[Lane] = field(default_factory=set)
    # When somebody who came early may be called.
    _looks: set[tuple[datetime, str]] = field(default_factory=set)
    _tickets: int = 0

    def hear(self, event: AppointmentEvent, appointment: Appointment) -> None:
        if event.type in _NEW_TIME:
            self._expect(appointment)
        elif event.type == "appointment.checked_in.v1":
            self._here[appointment.id] = None
            self._serve(appointment.team)
        elif appointment.status != "checked_in":
            self._here.pop(appointment.id, None)

    def walk_in(self, need: Need, now: datetime) -> None:
        """A ticket for whoever simply comes."""
        self._tickets += 1
        id = self.citizens.books.new_id()
        members = need.resident.members
        party = Party(
            id=id,
            office=self._office.id,
            code=id[:8].upper(),
            service=need.services[0].id,
            team=need.team,
            municipalities=tuple(m.municipality for m in members),
            children_under_6=sum(m.under_6 for m in members),
            person=NOBODY,
            request_digest="",
            channel="counter",
        )
        ends_at = now + timedelta(minutes=need.minutes)
        there = appointments.walk_in(
            party, ticket=f"T{self._tickets}", ends_at=ends_at, now=now, by=Actor("staff", "simulated")
        )
        self.citizens.books.begin(there, AppointmentCheckedIn, by=Actor("staff", "simulated"))

    @property
    def _office(self) -> Office:
        return self.citizens.books.office

    def _expect(self, appointment: Appointment) -> None:
        """They come, early or late, or not at all; and when nobody came staff say so."""
        random, agenda = self.citizens.random, self.citizens.agenda
        id, starts_at = appointment.id, appointment.starts_at
        rules = self._rules
        if random.random() >= self._stays_away(appointment):
            arrives = starts_at + timedelta(minutes=random.gauss(-8, 8))
            agenda.at(arrives, lambda now: self._arrive(id, starts_at, now))
        closed = starts_at + rules.late_after + timedelta(minutes=1 + random.expovariate(1 / 6))
        agenda.at(closed, lambda now: self._miss(id, starts_at, now))

    def _stays_away(self, appointment: Appointment) -> float:
        resident = self.citizens.resident_of(appointment.id)
        if resident and resident.bot:
            return _BOT_NO_SHOW
        days = (appointment.starts_at - self.citizens.agenda.now).days
        return min(_MOST_NO_SHOW, _NO_SHOW + _NO_SHOW_PER_DAY * days)

    def _arrive(self, id: str, starts_at: datetime, now: datetime) -> None:
        if self._is_for(id, starts_at):
            self._try(id, lambda a: day.check_in(a, at=now, now=now, day=self._day(now), rules=self._rules))

    def _miss(self, id: str, starts_at: datetime, now: datetime) -> None:
        if self._is_for(id, starts_at):
            by = Actor("staff", "simulated")
            self._try(id, lambda a: day.no_show(a, at=now, now=now, day=self._day(now), rules=self._rules, by=by))

    def _is_for(self, id: str, starts_at: datetime) -> bool:
        appointment = self.citizens.books.get(id)
        return appointment is not None and appointment.starts_at == starts_at

    def _serve(self, team: str) -> None:
        """Every free desk of the team calls whoever is next for it."""
        now = self.citizens.agenda.now
        for lane in self._office.lanes(team):
            if (team, lane) in self._busy:
                continue
            if waits := self._next((team, lane), now):
                self._busy.add((team, lane))
                self._call(waits.id, (team, lane), now)

    def _next(self, lane: Lane, now: datetime) -> Appointment | None:
        here = [a for id in self._here if (a := self.citizens.books.get(id)) and a.status == "checked_in"]
        mine = [a for a in here if a.team == lane[0] and self._may_serve(a, lane[1])]
        if not mine:
            return None
        first = min(mine, key=lambda a: (a.queue_at or a.starts_at, a.id))
        early = (first.queue_at or now) - now - _AT_MOST_BEFORE
        if early > timedelta(0):
            self._look_at(now + early, lane[0])
            return None
        return first

    def _look_at(self, moment: datetime, team: str) -> None:
        if (moment, team) not in self._looks:
            self._looks.add((moment, team))
            self.citizens.agenda.at(moment, lambda now: self._look(now, team))

    def _look(self, moment: datetime, team: str) -> None:
        self._looks.discard((moment, team))
        self._serve(team)

    def _may_serve(self, appointment: Appointment, lane: str) -> bool:
        return not appointment.lane or not self._office.by_surname(appointment.team) or appointment.lane == lane

    def _call(self, id: str, lane: Lane, now: datetime) -> None:
        by = Actor("staff", f"simulated-{lane[1]}")
        called = self._try(id, lambda a: day.call(a, at=now, now=now, day=self._day(now), by=by, lane=lane[1]))
        if called is None:
            self._here.pop(id, None)
            self._done(lane)
            return
        agenda, random = self.citizens.agenda, self.citizens.random
        if random.random() < _DOES_NOT_HEAR:
            agenda.at(now + timedelta(minutes=2), lambda later: self._call_again(id, lane, called.calls, later))
        else:
            walk = timedelta(seconds=25 + random.expovariate(1 / 30))
            agenda.at(now + walk, lambda later: self._start(id, lane, later))

    def _call_again(self, id: str, lane: Lane, calls: int, now: datetime) -> None:
        by = Actor("staff", f"simulated-{lane[1]}")
        if calls < self._rules.calls:
            self._call(id, lane, now)
            return
        self._try(id, lambda a: day.no_show(a, at=now, now=now, day=self._day(now), rules=self._rules, by=by))
        self._done(lane)

    def _start(self, id: str, lane: Lane, now: datetime) -> None:
        by = Actor("staff", f"simulated-{lane[1]}")
        started = self._try(id, lambda a: day.start(a, at=now, now=now, day=self._day(now), by=by))
        if started is None:
            self._done(lane)
            return
        planned = (started.ends_at - started.starts_at) / timedelta(minutes=1)
        minutes = max(3.0, planned * self.citizens.random.lognormvariate(-0.12, 0.35))
        self.citizens.agenda.at(now + timedelta(minutes=minutes), lambda later: self._complete(id, lane, later))

    def _complete(self, id: str, lane: Lane, now: datetime) -> None:
        by = Actor("staff", f"simulated-{lane[1]}")
        self._try(id, lambda a: day.complete(a, at=now, now=now, day=self._day(now), by=by))
        if self.citizens.random.random() < _CLICKS_TOO_EARLY:
            self._try(id, lambda a: day.undo(a, now=now, day=self._day(now), by=by))
            self.citizens.agenda.at(now + timedelta(minutes=3), lambda later: self._complete(id, lane, later))
            return
        self._done(lane)

    def _done(self, lane: Lane) -> None:
        self._busy.discard(lane)
        self._serve(lane[0])

    def _try(self, id: str, change: Callable[[Appointment], Change]) -> Appointment | None:
        appointment = self.citizens.books.get(id)
        if appointment is None:
            return None
        try:
            return self.citizens.books.apply(change(appointment))
        except _REFUSALS:
            return None

    @property
    def _rules(self) -> day.DayRules:
        rules = self._office.data.day
        return day.DayRules(timedelta(minutes=rules.late_after_minutes), rules.late, rules.calls)

    def _day(self, now: datetime) -> day.Span:
        today = now.astimezone(self._office.zone).date()
        return self._midnight(today), self._midnight(today + timedelta(days=1))

    def _midnight(self, day: date) -> datetime:
        return wall_moment(day, time(0), self._office.zone)
