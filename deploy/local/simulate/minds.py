"""Between booking and visit: people cancel, move, bring one person more, wait for an earlier time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from deploy.local.simulate.citizens import Citizens
from services.booking.domain import waiting
from services.booking.domain.actors import CITIZEN, SYSTEM, Actor
from services.booking.domain.appointment import Appointment, Change, Offer
from services.booking.domain.cells import CELL
from services.booking.domain.conflicts import next_times
from services.booking.domain.hours import wall_moment
from shared.contracts.appointments import AppointmentEvent

_LONG_WAIT = timedelta(days=21)
_WANTS_EARLIER = 0.2
# (share, what they do); the longer ahead a visit lies, the more do something.
_MOVES, _RESIZES, _CORRECTS = 0.07, 0.02, 0.015
_TAKES_BACK = 0.06
_ACCEPTS, _DECLINES = 0.6, 0.2
_SHORTEST_OFFER = timedelta(hours=1)
_NEW_TIME = frozenset({"appointment.confirmed.v1", "appointment.rescheduled.v1", "appointment.restored.v1"})


@dataclass(slots=True)
class Minds:
    citizens: Citizens

    def hear(self, event: AppointmentEvent, appointment: Appointment) -> None:
        if event.type in _NEW_TIME:
            self._think_again(appointment)
        elif event.type == "appointment.offered.v1":
            self._answer_offer(appointment)

    def offer_all(self, now: datetime) -> None:
        """A round of the waiting list: to each, the longest first, the earliest time that suits."""
        books = self.citizens.books
        waiters = [a for a in books.open.values() if a.wish is not None and a.status in ("waiting", "confirmed")]
        for waiter in sorted(waiters, key=lambda a: (a.waiting_since or now, a.id)):
            self._offer(waiter, now)

    def _think_again(self, appointment: Appointment) -> None:
        agenda, random = self.citizens.agenda, self.citizens.random
        now, ahead = agenda.now, appointment.starts_at - agenda.now
        if ahead <= timedelta(hours=2) or self._is_bot(appointment):
            return
        starts_at, id = appointment.starts_at, appointment.id
        at = now + ahead * random.betavariate(1.2, 0.8)
        chance, cancels = random.random(), min(0.25, 0.02 + 0.004 * ahead.days)
        acts = (
            (cancels, self._cancel),
            (_MOVES, self._move),
            (_RESIZES, self._resize),
            (_CORRECTS, self._correct),
        )
        for share, act in acts:
            if chance < share:
                agenda.at(at, lambda later, act=act: act(id, starts_at, later))  # type: ignore[misc]
                return
            chance -= share
        if ahead > _LONG_WAIT and random.random() < _WANTS_EARLIER and appointment.wish is None:
            agenda.at(now + timedelta(hours=random.uniform(0.1, 30)), lambda later: self._wish(id, later))

    def _is_bot(self, appointment: Appointment) -> bool:
        resident = self.citizens.resident_of(appointment.id)
        return resident is None or resident.bot

    def _still(self, id: str, starts_at: datetime) -> Appointment | None:
        appointment = self.citizens.books.get(id)
        same = appointment and appointment.starts_at == starts_at and appointment.status == "confirmed"
        return appointment if same else None

    def _cancel(self, id: str, starts_at: datetime, now: datetime) -> None:
        if self._still(id, starts_at) is None:
            return
        citizens = self.citizens
        release_at = citizens.books.cool_until(now)
        by = CITIZEN if citizens.random.random() < 0.85 else Actor("staff", "simulated")
        citizens.try_to(id, lambda a: a.cancel(now=now, release_at=release_at, by=by))
        if citizens.random.random() < _TAKES_BACK:
            later = now + timedelta(minutes=citizens.random.uniform(1, 8))
            citizens.agenda.at(later, lambda then: self._restore(id, then))

    def _restore(self, id: str, now: datetime) -> None:
        self.citizens.try_to(id, lambda a: a.restore(now=now))

    def _move(self, id: str, starts_at: datetime, now: datetime) -> None:
        citizens = self.citizens
        need = citizens.need_of(id)
        if need is None or self._still(id, starts_at) is None:
            return
        times = [time for time in citizens.times(need, now) if time != starts_at]
        citizens.searches.count(now, searches=1, searches_without_result=0 if times else 1)
        if not times:
            return
        new = citizens.random.choice(times)
        if lanes := citizens.free_lanes(need, new, now):
            ends_at = new + timedelta(minutes=need.minutes)
            release_at = citizens.books.cool_until(now)
            citizens.try_to(
                id,
                lambda a: a.reschedule(
                    lane=lanes[0], starts_at=new, ends_at=ends_at, now=now, release_at=release_at
                ),
            )

    def _resize(self, id: str, starts_at: datetime, now: datetime) -> None:
        """One person fewer: that always fits."""
        appointment, need = self._still(id, starts_at), self.citizens.need_of(id)
        if appointment is None or need is None or appointment.persons < 2:
            return
        office, books = self.citizens.books.office, self.citizens.books
        places = appointment.municipalities[:-1]
        under_6 = min(appointment.children_under_6, len(places) - 1)
        minutes = office.minutes(*need.services, persons=len(places), children_under_6=under_6)
        ends_at = min(appointment.ends_at, starts_at + timedelta(minutes=minutes))
        release_at = books.cool_until(now)

        def resize(appointment: Appointment) -> Change:
            return appointment.resize(
                municipalities=places, children_under_6=under_6, ends_at=ends_at, now=now, release_at=release_at
            )

        self.citizens.try_to(id, resize)

    def _correct(self, id: str, starts_at: datetime, now: datetime) -> None:
        if appointment := self._still(id, starts_at):
            person, claims = appointment.person or b"", appointment.claims
            self.citizens.try_to(id, lambda a: a.correct(person=person, claims=claims, now=now))

    def _wish(self, id: str, now: datetime) -> None:
        appointment = self.citizens.books.get(id)
        if appointment is None or appointment.status != "confirmed" or appointment.starts_at <= now:
            return
        zone = self.citizens.books.office.zone
        last = appointment.starts_at.astimezone(zone).date() - timedelta(days=1)
        wish = self.citizens.wish(first=now.astimezone(zone).date() + timedelta(days=2), last=last)
        self.citizens.try_to(id, lambda a: waiting.join(a, wish, now=now))

    def _offer(self, waiter: Appointment, now: datetime) -> None:
        office, need = self.citizens.books.office, self.citizens.need_of(waiter.id)
        rules = office.data.waiting_list
        limits = waiting.OfferRules(most=rules.most_offers, lasts=timedelta(hours=rules.offer_hours))
        if need is None or not waiting.is_next(waiter, now=now, zone=office.zone, rules=limits):
            return
        assert waiter.wish is not None
        length = timedelta(minutes=need.minutes)
        first = wall_moment(waiter.wish.first, datetime.min.time(), office.zone)
        found = next_times(
            self.citizens.books.availability,
            waiter.team,
            length=length // CELL,
            after=first,
            now=now,
            ranges=self.citizens.ranges(need),
            access=need.access,
        )
        for starts_at, lanes in found:
            day = office.releases.working_days_before(
                starts_at.astimezone(office.zone).date(), rules.ahead_working_days
            )
            latest = wall_moment(day + timedelta(days=1), datetime.min.time(), office.zone)
            expires_at = min(now + limits.lasts, latest)
            offer = Offer(waiter.team, lanes[0], starts_at, starts_at + length, expires_at)
            if starts_at > waiter.starts_at:
                return
            if expires_at - now >= _SHORTEST_OFFER and waiting.suits(waiter, offer, zone=office.zone):
                self.citizens.try_to(waiter.id, partial(_offered, offer=offer, now=now))
                return

    def _answer_offer(self, appointment: Appointment) -> None:
        assert appointment.offer is not None
        id, agenda, random = appointment.id, self.citizens.agenda, self.citizens.random
        expires_at, chance = appointment.offer.expires_at, random.random()
        soon = agenda.now + (expires_at - agenda.now) * random.betavariate(1, 4)
        if chance < _ACCEPTS:
            agenda.at(soon, lambda now: self._accept(id, now))
        elif chance < _ACCEPTS + _DECLINES:
            agenda.at(soon, lambda now: self._end_offer(id, CITIZEN, now))
        agenda.at(expires_at, lambda now: self._end_offer(id, SYSTEM, now))

    def _accept(self, id: str, now: datetime) -> None:
        release_at = self.citizens.books.cool_until(now)
        self.citizens.try_to(id, lambda a: waiting.accept(a, now=now, release_at=release_at))

    def _end_offer(self, id: str, by: Actor, now: datetime) -> None:
        self.citizens.try_to(id, lambda a: waiting.end_offer(a, now=now, by=by))


def _offered(waiter: Appointment, *, offer: Offer, now: datetime) -> Change:
    return waiting.offer_time(waiter, offer, now=now)
