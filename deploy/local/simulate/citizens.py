"""Those who need the office: they look for a time, hold it, confirm it or do not, and change their minds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from random import Random

from deploy.local.simulate.agenda import Agenda
from deploy.local.simulate.books import NOBODY, Books
from deploy.local.simulate.demand import Searches
from deploy.local.simulate.residents import Resident
from services.booking.domain import appointment as appointments
from services.booking.domain import waiting
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import REFUSALS, Appointment, Change, ContactDetails, Party, Wish
from services.booking.domain.cells import CELL, set_bits, start_of
from services.booking.domain.masks import Ranges
from services.booking.domain.office import UnbookableStart
from services.booking.domain.release import Access
from services.booking.domain.visits import TooManyPersons
from shared.contracts import AppointmentConfirmed
from shared.contracts.offices import Service

_MOST_SEEN = 60
_MOST_TRIES = 6
_NEVER_TYPES_ON = 0.08
_NEVER_CONFIRMS = 0.06
_ANOTHER_PERSON = 0.4
_WITHOUT_MAIL = 0.04
# Of whoever finds nothing twice, so many wait; of whoever waits long for a visit, so many want an earlier one.
_JOINS_LIST = 0.5
_WANTS_EARLIER = 0.2
_LONG_WAIT = timedelta(days=21)
_STAFF = Actor("staff", "simulated")


@dataclass(frozen=True, slots=True)
class Need:
    """What a resident needs, and how often they have looked."""

    resident: Resident
    services: tuple[Service, ...]
    minutes: int
    access: Access
    tries: int = 0

    @property
    def team(self) -> str:
        return self.services[0].team

    @property
    def length(self) -> int:
        return timedelta(minutes=self.minutes) // CELL


@dataclass(slots=True)
class Citizens:
    books: Books
    agenda: Agenda
    random: Random
    searches: Searches
    _of: dict[str, Need] = field(default_factory=dict)

    def need(self, resident: Resident, service: Service) -> Need | None:
        """None where so many persons do not fit into one visit: they come in smaller groups."""
        office = self.books.office
        members = resident.members[: service.max_persons]
        resident = replace(resident, members=members)
        under_6 = sum(m.under_6 for m in members)
        try:
            minutes = office.minutes(service, persons=len(members), children_under_6=under_6)
        except TooManyPersons:
            return None
        return Need(resident, (service,), minutes, "emergency" if service.emergency else "web")

    def resident_of(self, id: str) -> Resident | None:
        need = self._of.get(id)
        return need.resident if need else None

    def need_of(self, id: str) -> Need | None:
        return self._of.get(id)

    def forget(self, id: str) -> None:
        self._of.pop(id, None)

    def look(self, need: Need, now: datetime) -> None:
        """One evening at the phone: a few searches, then a time or none."""
        elsewhere = [m.municipality for m in need.resident.members if not self._is_here(m.municipality)]
        if elsewhere:
            self.searches.count(now, places=set(elsewhere))
            return
        times = self.times(need, now)
        looked = 1 + int(self.random.expovariate(1 / 2))
        self.searches.count(now, searches=looked, searches_without_result=0 if times else looked)
        if not times or not self._suits(need, times, now):
            self._come_back(need, now)
            return
        # Until a time is chosen and the name typed, somebody else may have it.
        starts_at = self._chosen(times, now)
        choosing = timedelta(seconds=8 + int(self.random.expovariate(1 / 40)))
        self.agenda.at(now + choosing, lambda later: self.take(need, starts_at, later))

    def times(self, need: Need, now: datetime) -> list[datetime]:
        """The first free times, as the page shows them."""
        starts = self.books.availability.starts(
            need.team, length=need.length, now=now, access=need.access, ranges=self.ranges(need)
        )
        base = self.books.availability.base
        return [start_of(base + bit) for bit in islice(set_bits(starts), _MOST_SEEN)]

    def ranges(self, need: Need) -> Ranges:
        return self.books.office.ranges(need.team, need.resident.family_name)

    def take(self, need: Need, starts_at: datetime, now: datetime) -> Appointment | None:
        """None where somebody else was quicker."""
        if not (lanes := self.free_lanes(need, starts_at, now)):
            self.searches.count(now, slot_taken=1)
            self._come_back(need, now)
            return None
        rules = self.books.office.data.booking
        held = appointments.hold(
            self._party(need),
            lane=lanes[0] if self.ranges(need) else self.random.choice(lanes),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=need.minutes),
            now=now,
            expires_at=now + timedelta(minutes=rules.hold_minutes),
        )
        self._of[held.id] = need
        self.books.begin(held)
        if self.books.freed.recently(self.books.office.id, self.books.availability.held(held.id), now=now):
            self.searches.count(now, quick_rebookings=1)
        if self.random.random() >= (0.5 if need.resident.bot else _NEVER_TYPES_ON):
            typing = timedelta(seconds=30 + int(self.random.expovariate(1 / 90)))
            self.agenda.at(now + typing, lambda later: self._request(held.id, later))
        return held

    def free_lanes(self, need: Need, starts_at: datetime, now: datetime) -> list[str]:
        availability, ranges = self.books.availability, self.ranges(need)
        try:
            availability.check_start(
                need.team, starts_at=starts_at, length=need.length, now=now, access=need.access, ranges=ranges
            )
        except UnbookableStart:
            return []
        return availability.free_lanes(
            need.team, starts_at=starts_at, length=need.length, now=now, access=need.access, ranges=ranges
        )

    def message_settled(self, id: str, sequence: int, now: datetime) -> None:
        """From here the time to confirm runs."""
        appointment = self.books.get(id)
        if appointment is None or not appointment.awaits_message or appointment.contact_sequence != sequence:
            return
        minutes = self.books.office.data.booking.confirm_minutes
        self.books.apply(appointment.confirmation_sent(now=now, expires_at=now + timedelta(minutes=minutes)))
        if self.random.random() >= _NEVER_CONFIRMS:
            reading = timedelta(seconds=20 + int(self.random.lognormvariate(5.2, 1.1)))
            self.agenda.at(now + reading, lambda later: self._confirm(id, later))

    def try_to(self, id: str, change: Callable[[Appointment], Change]) -> Appointment | None:
        """What the rules refuse does not happen."""
        appointment = self.books.get(id)
        if appointment is None:
            return None
        try:
            return self.books.apply(change(appointment))
        except (*REFUSALS, waiting.NoOffer, waiting.NotWaiting):
            return None

    def by_phone(self, need: Need, now: datetime) -> None:
        """Staff look and book while the person waits on the line; one in eight cannot be written to."""
        by_staff = replace(need, access="staff")
        times = [time for time in self.times(by_staff, now) if self.free_lanes(by_staff, time, now)]
        if not times:
            return
        starts_at = self._chosen(times, now)
        lanes = self.free_lanes(by_staff, starts_at, now)
        contact = self._contact(need.resident) if self.random.random() < 0.88 else None
        booked = appointments.book(
            replace(self._party(need, channel="phone"), claims=self._claims(need)),
            lane=lanes[0],
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=need.minutes),
            now=now,
            by=_STAFF,
            contact=contact,
        )
        if any(claim in self.books.active for claim in booked.claims):
            return
        self._of[booked.id] = need
        self.books.begin(booked, AppointmentConfirmed, by=_STAFF)

    def _party(self, need: Need, *, channel: str = "web") -> Party:
        id = self.books.new_id()
        first, *further = need.services
        members = need.resident.members
        return Party(
            id=id,
            office=self.books.office.id,
            code=id[:8].upper(),
            service=first.id,
            further_services=tuple(service.id for service in further),
            team=first.team,
            municipalities=tuple(m.municipality for m in members),
            children_under_6=sum(m.under_6 for m in members),
            person=NOBODY,
            request_digest="",
            channel=channel,
            emergency=first.emergency,
            invitation=id if first.mode == "invitation" else None,
        )

    def _request(self, id: str, now: datetime) -> None:
        need = self._of[id]
        keep = now + timedelta(hours=24)
        contact = self._contact(need.resident)
        self.try_to(
            id,
            lambda a: a.request(contact, person=NOBODY, now=now, keep_until=keep, claims=self._claims(need)),
        )

    def _confirm(self, id: str, now: datetime) -> None:
        appointment = self.books.get(id)
        if appointment is None:
            return
        again = [claim for claim in appointment.claims if claim in self.books.active]
        if again and self.random.random() >= _ANOTHER_PERSON:
            self.try_to(id, lambda a: a.cancel(now=now, release_at=self.books.cool_until(now)))
            return
        self.try_to(id, lambda a: a.confirm(now=now, another_person=bool(again)))

    def _claims(self, need: Need) -> tuple[str, ...]:
        return tuple(f"{service.id}|{need.resident.number}" for service in need.services)

    def _contact(self, resident: Resident) -> ContactDetails:
        without = self.random.random() < _WITHOUT_MAIL
        sms = resident.sms or without
        return ContactDetails(resident.language, sms_consent=sms, has_email=not without, has_phone=sms)

    def _suits(self, need: Need, times: Sequence[datetime], now: datetime) -> bool:
        """Who finds only far times mostly takes one all the same."""
        return need.tries >= 2 or times[0] - now < _LONG_WAIT or self.random.random() < 0.7

    def _chosen(self, times: Sequence[datetime], now: datetime) -> datetime:
        """Mostly one of the first; some want a day that suits them."""
        if self.random.random() < 0.2:
            return self.random.choice(times)
        return times[min(int(self.random.expovariate(1 / 4)), len(times) - 1)]

    def _come_back(self, need: Need, now: datetime) -> None:
        if need.resident.bot:
            return
        need = replace(need, tries=need.tries + 1)
        if need.tries == 2 and self.random.random() < _JOINS_LIST and not need.services[0].emergency:
            self._wait(need, now)
        elif need.tries < _MOST_TRIES:
            pause = timedelta(hours=4 + self.random.expovariate(1 / 20))
            self.agenda.at(now + pause, lambda later: self.look(need, later))

    def _wait(self, need: Need, now: datetime) -> None:
        office = self.books.office
        today = now.astimezone(office.zone).date()
        wish = self.wish(first=today + timedelta(days=3), last=today + timedelta(days=60))
        until = datetime.combine(wish.last + timedelta(days=1), datetime.min.time(), office.zone)
        expires_at = now + timedelta(minutes=office.data.booking.hold_minutes)
        entry = appointments.wish_for(self._party(need), wish, until=until, now=now, expires_at=expires_at)
        self._of[entry.id] = need
        self.books.begin(entry)
        self.agenda.at(now + timedelta(seconds=90), lambda later: self._request(entry.id, later))

    def wish(self, *, first: date, last: date) -> Wish:
        part = self.random.choices(("any", "morning", "afternoon"), (8, 1, 1))[0]
        return Wish(first, last, day_part=part)  # type: ignore[arg-type]

    def _is_here(self, municipality: str) -> bool:
        return self.books.office.responsibility(municipality).here
