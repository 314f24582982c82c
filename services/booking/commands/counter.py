"""What staff do for callers and at the counter: book, move, cancel, another desk, the group, the next visit."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.booking.commands.booking import Booking
from services.booking.commands.core import Decide
from services.booking.commands.holding import KeyReused
from services.booking.desks import Wanted
from services.booking.domain import appointment as appointments_domain
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import Appointment, Change, Party
from services.booking.domain.office import Member, UnbookableStart
from services.booking.people import GivenContact, Person
from services.booking.reaching import by_staff
from services.booking.storage import AlreadyHeld, Giving, SlotTaken
from shared.contracts import AppointmentConfirmed
from shared.contracts.offices import Service


@dataclass(frozen=True, slots=True)
class CounterRequest:
    """A booking for somebody on the phone or at the counter; `contact` is None for whoever has none.

    `lane` is the desk that staff chose; without one the office's rules find it.
    """

    office: str
    service: str
    starts_at: datetime
    family_name: str = field(repr=False)
    members: tuple[Member, ...]
    channel: str = "phone"
    contact: GivenContact | None = field(default=None, repr=False)
    further_services: tuple[str, ...] = ()
    lane: str | None = None
    access_needs: tuple[str, ...] = ()
    another_person: bool = False

    @property
    def services(self) -> tuple[str, ...]:
        return (self.service, *self.further_services)

    @property
    def text(self) -> str:
        members = [(m.municipality, m.under_6) for m in self.members]
        wanted = [self.office, self.services, self.starts_at.timestamp(), self.family_name, members, self.lane]
        return json.dumps(["counter", *wanted])


@dataclass(slots=True)
class Counter:
    """Confirmed at once. Staff may take every open cell from now on, and times that still cool."""

    booking: Booking

    async def book(self, request: CounterRequest, *, idempotency_key: str, by: Actor) -> Appointment:
        """The same key again answers with the same booking.

        Raises SlotTaken, AlreadyBooked, UnbookableStart, SmsNotPossible.
        """
        booking, office = self.booking, self.booking.offices[request.office]
        if request.contact:
            request = replace(request, contact=by_staff(request.contact, countries=booking.sms_countries))
        wanted = self.wanted(request)
        id = booking.keys.appointment_id(f"counter|{idempotency_key}")
        if known := await self._known(id, request):
            return known
        now = booking.clock.now()
        booking.desks.check_start(wanted, now=now)
        party = await self._party(id, request, service=office.service(request.service))
        for lane in booking.desks.open_lanes(wanted, now=now):
            booked = appointments_domain.book(
                party,
                lane=lane,
                starts_at=wanted.starts_at,
                ends_at=wanted.starts_at + timedelta(minutes=wanted.minutes),
                now=now,
                by=by,
                contact=booking.people.details(request.contact) if request.contact else None,
            )
            try:
                await self._insert(booked, by=by)
            except SlotTaken:
                continue
            except AlreadyHeld:
                break
            booking.memory.put(booked)
            return booked
        if known := await self._known(id, request):
            return known
        raise SlotTaken

    def wanted(self, request: CounterRequest) -> Wanted:
        """Raises UnknownService, UnknownMunicipality, OutsideJurisdiction, TooManyPersons."""
        booking, office = self.booking, self.booking.offices[request.office]
        services = office.services(request.services)
        booking.require_here(office, request.members)
        return Wanted(
            office=office.id,
            team=services[0].team,
            family_name=request.family_name,
            starts_at=request.starts_at,
            minutes=booking.minutes(office, services, request.members),
            access="staff",
            lane=request.lane,
        )

    async def move(
        self, id: str, starts_at: datetime, *, by: Actor, lane: str | None = None, reason: str | None = None
    ) -> Appointment:
        """To another time, at the desk that the rules find or that staff chose; the old time is free at once."""
        appointment = await self.booking.appointments.get(id)
        wanted = replace(await self.booking.wanted(appointment, starts_at), access="staff", lane=lane)
        now = self.booking.clock.now()
        self.booking.desks.check_start(wanted, now=now)
        for desk in self.booking.desks.open_lanes(wanted, now=now, first=appointment.lane):
            try:
                return await self._apply(id, _moved(desk, starts_at, by=by, reason=reason))
            except SlotTaken:
                continue
        raise SlotTaken

    async def assign(self, id: str, lane: str, *, by: Actor, reason: str | None = None) -> Appointment:
        """Another desk at the same time. Raises SlotTaken, UnbookableStart where that desk is not open then."""
        appointment = await self.booking.appointments.get(id)
        wanted = replace(await self.booking.wanted(appointment, appointment.starts_at), access="staff", lane=lane)
        self.booking.desks.check_open(wanted, now=self.booking.clock.now())

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.lane == lane:
                return None
            return appointment.reassign(lane=lane, now=now, by=by, reason=reason)

        return await self._apply(id, decide)

    async def cancel(self, id: str, *, by: Actor) -> Appointment:
        """As the citizen asks; the time is free at once."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "cancelled":
                return None
            return appointment.cancel(now=now, release_at=now, by=by)

        return await self.booking.change(id, decide)

    async def office_cancel(self, id: str, *, by: Actor, reason: str) -> Appointment:
        """Because the office cannot keep it."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "office_cancelled":
                return None
            return appointment.office_cancel(now=now, by=by, reason=reason)

        return await self.booking.change(id, decide)

    async def resize(self, id: str, members: tuple[Member, ...], *, by: Actor, overrun: bool) -> Appointment:
        """With `overrun` a group that grows keeps its time even where the next cells are not free, or closed."""
        try:
            return await self.booking.resize(id, members, by=by)
        except (SlotTaken, UnbookableStart):
            if not overrun:
                raise

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            return appointment.resize(
                municipalities=tuple(m.municipality for m in members),
                children_under_6=sum(m.under_6 for m in members),
                ends_at=appointment.ends_at,
                now=now,
                release_at=now,
                by=by,
            )

        return await self.booking.change(id, decide)

    async def follow_up(
        self,
        id: str,
        starts_at: datetime,
        *,
        service: str | None,
        lane: str | None,
        idempotency_key: str,
        by: Actor,
    ) -> Appointment:
        """The next visit of the same people, without typing them again."""
        before = await self.booking.appointments.get(id)
        person = await self.booking.people.open(before)
        request = CounterRequest(
            office=before.office,
            service=service or before.service,
            further_services=() if service else before.further_services,
            starts_at=starts_at,
            family_name=person.family_name,
            members=_members(before),
            channel="counter",
            contact=_contact(before, person),
            lane=lane,
            access_needs=person.access_needs,
            # They sit here; whoever still has this visit open is not a second person.
            another_person=True,
        )
        return await self.book(request, idempotency_key=f"follow-up|{id}|{idempotency_key}", by=by)

    async def review_done(self, id: str, *, by: Actor) -> Appointment:
        """Staff have looked at it."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            return appointment.reviewed(now=now, by=by) if appointment.review else None

        return await self.booking.change(id, decide)

    async def _known(self, id: str, request: CounterRequest) -> Appointment | None:
        known = await self.booking.appointments.first_answer(id)
        if known is None:
            return None
        if known[0].request_digest != self.booking.keys.digest(request.text):
            raise KeyReused
        return known[0]

    async def _party(self, id: str, request: CounterRequest, *, service: Service) -> Party:
        booking = self.booking
        person = Person(request.family_name, access_needs=request.access_needs)
        if request.contact:
            person = person.reached_by(request.contact)
        return Party(
            id=id,
            office=request.office,
            code=booking.keys.booking_code(id),
            service=request.service,
            further_services=request.further_services,
            team=service.team,
            municipalities=tuple(m.municipality for m in request.members),
            children_under_6=sum(m.under_6 for m in request.members),
            person=await booking.people.seal_first(id, person),
            request_digest=booking.keys.digest(request.text),
            channel=request.channel,
            emergency=service.emergency,
            claims=self._claims(id, request),
        )

    def _claims(self, id: str, request: CounterRequest) -> tuple[str, ...]:
        if request.contact is None:
            return ()
        claims = self.booking.claims(request.services, request.family_name, request.contact)
        return tuple(f"{claim}#{id}" for claim in claims) if request.another_person else claims

    async def _insert(self, booked: Appointment, *, by: Actor) -> None:
        giving = await self._settled_takers(booked.office, booked.cells, but=booked.id)
        await self.booking.appointments.insert(booked, AppointmentConfirmed, by=by, giving=giving)
        self.booking.gave(giving)

    async def _apply(self, id: str, decide: Decide) -> Appointment:
        """As `Booking.change`, and takes cells that still cool."""
        try:
            return await self.booking.change(id, decide)
        except SlotTaken:
            appointment = await self.booking.appointments.get(id)
        change = await decide(appointment, self.booking.clock.now())
        if change is None:
            return appointment
        giving = await self._settled_takers(appointment.office, change.after.cells, but=id)
        if not giving:
            return await self.booking.change(id, decide)
        after = (await self.booking.appointments.together([change], giving=giving))[0]
        self.booking.gave(giving)
        self.booking.memory.put(after)
        return after

    async def _settled_takers(self, office: str, cells: tuple[str, ...], *, but: str) -> list[Giving]:
        for owner in await self.booking.appointments.owners(office, cells):
            if owner.id != but:
                await self.booking.settle(owner)
        return await self.booking.takers(office, cells, but=but)


def _moved(lane: str, starts_at: datetime, *, by: Actor, reason: str | None) -> Decide:
    async def decide(appointment: Appointment, now: datetime) -> Change | None:
        if (appointment.lane, appointment.starts_at) == (lane, starts_at):
            return None
        length = appointment.ends_at - appointment.starts_at
        return appointment.reschedule(
            lane=lane,
            starts_at=starts_at,
            ends_at=starts_at + length,
            now=now,
            release_at=now,
            by=by,
            reason=reason,
        )

    return decide


def _members(appointment: Appointment) -> tuple[Member, ...]:
    """Who of them is under 6 is not remembered, only how many: it is the last ones who are."""
    grown = appointment.persons - appointment.children_under_6
    return tuple(Member(ags, under_6=i >= grown) for i, ags in enumerate(appointment.municipalities))


def _contact(appointment: Appointment, person: Person) -> GivenContact | None:
    if appointment.contact is None or not (person.email or person.phone):
        return None
    return GivenContact(
        email=person.email,
        language=appointment.contact.language,
        given_name=person.given_name,
        phone=person.phone,
        sms_consent=appointment.contact.sms_consent,
    )
