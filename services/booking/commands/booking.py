"""What citizens can have done with their own appointment: all of the way, and the changes after it."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.booking.commands.confirming import BookedAlready, Confirming
from services.booking.commands.consenting import Consenting
from services.booking.commands.core import Decide
from services.booking.commands.holding import Holding
from services.booking.domain.actors import CITIZEN, Actor
from services.booking.domain.appointment import Appointment, Change
from services.booking.domain.names import is_small_correction
from services.booking.domain.office import Member
from services.booking.people import Person
from services.booking.storage import AlreadyBooked, ChangedMeanwhile, SlotTaken


class NameChanged(Exception):
    """More than a small correction: staff do that, so that no appointment changes hands."""


class Booking(Holding, Confirming, Consenting):
    """The commands on appointments. Errors are the domain's and storage's, and those of this package."""

    __slots__ = ()

    async def reschedule(self, id: str, starts_at: datetime) -> Appointment:
        """Moves to the new time or leaves everything as it is. Raises SlotTaken."""
        appointment = await self.appointments.get(id)
        office = self.offices[appointment.office]
        length = appointment.ends_at - appointment.starts_at
        if starts_at == appointment.starts_at and appointment.status == "confirmed":
            return appointment
        wanted = await self.wanted(appointment, starts_at)
        self.desks.check_start(wanted, now=self.clock.now())
        async with self.turns.of((office.id, appointment.team, starts_at)):
            for lane in self.desks.candidates(wanted, now=self.clock.now(), first=appointment.lane):
                try:
                    return await self.change(id, self._move(lane, starts_at, starts_at + length))
                except SlotTaken:
                    continue
        self.demand.slot_taken(office.id)
        raise SlotTaken

    def _move(self, lane: str, starts_at: datetime, ends_at: datetime) -> Decide:
        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "confirmed" and appointment.starts_at == starts_at:
                return None
            return appointment.reschedule(
                lane=lane,
                starts_at=starts_at,
                ends_at=ends_at,
                now=now,
                release_at=self.cool_until(appointment, now),
            )

        return decide

    async def extend(self, id: str) -> Appointment:
        """As long again from now, for whoever needs more time to look and write; once, and asking again changes
        nothing. Raises Expired, WrongStatus."""
        appointment, now = await self.appointments.get(id), self.clock.now()
        appointment.require_held(now)
        if appointment.extended:
            return appointment
        longer = timedelta(minutes=self.offices[appointment.office].data.booking.hold_minutes)
        await self.appointments.extend(id, now=now, until=min(now + longer, appointment.starts_at))
        after = await self.appointments.get(id)
        after.require_held(now)
        return after

    async def restore(self, id: str) -> Appointment:
        """Takes a cancellation back while its time cools. Raises NothingToRestore, BookedAlready."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            return None if appointment.status == "confirmed" else appointment.restore(now=now)

        try:
            return await self.change(id, decide)
        except AlreadyBooked as error:
            appointment = await self.appointments.get(id)
            existing = await self.appointments.active(appointment.office, error.active)
            raise (BookedAlready(existing) if existing else ChangedMeanwhile()) from None

    async def resize(self, id: str, members: tuple[Member, ...], *, by: Actor = CITIZEN) -> Appointment:
        """Somebody joins or leaves. Raises SlotTaken where the next cells are not free: then moving is the way."""
        appointment = await self.appointments.get(id)
        office = self.offices[appointment.office]
        self.require_here(office, members)
        minutes = self.minutes(office, office.services(appointment.services), members)
        ends_at = appointment.starts_at + timedelta(minutes=minutes)
        if ends_at > appointment.ends_at:
            appointment.require("confirmed")
            # Whoever has a time may lengthen it where the desk is open, whatever is still offered to others.
            there = await self.wanted(appointment, appointment.starts_at)
            longer = replace(there, minutes=minutes, lane=appointment.lane, access="staff")
            self.desks.check_start(longer, now=self.clock.now())
            self.desks.check_open(longer, now=self.clock.now())

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            wanted, children = tuple(m.municipality for m in members), sum(m.under_6 for m in members)
            as_it_is = (appointment.municipalities, appointment.children_under_6, appointment.ends_at)
            if as_it_is == (wanted, children, ends_at):
                return None
            return appointment.resize(
                municipalities=wanted,
                children_under_6=children,
                ends_at=ends_at,
                now=now,
                release_at=self.cool_until(appointment, now),
                by=by,
            )

        return await self.change(id, decide)

    async def correct_name(
        self, id: str, family_name: str, *, given_name: str | None = None, by: Actor = CITIZEN
    ) -> Appointment:
        """Citizens put small things right, against the name as it was first; staff any. Raises NameChanged."""
        before = await self.appointments.get(id)
        known = await self.people.open(before)
        first = known.first_name or known.family_name
        if by.kind == "citizen" and not is_small_correction(first, family_name):
            raise NameChanged
        person = replace(known, family_name=family_name, first_name=first if by.kind == "citizen" else None)
        if given_name is not None:
            person = replace(person, given_name=given_name)
        sealed = await self.people.seal(id, person)
        claims = self._claims_anew(before, person)

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if person == known:
                return None
            return appointment.correct(person=sealed, claims=claims, now=now, by=by)

        return await self.change(id, decide)

    def _claims_anew(self, appointment: Appointment, person: Person) -> tuple[str, ...]:
        if not appointment.claims:
            return ()
        claims = self._claims(appointment.services, person.family_name, person.email or person.phone)
        own = f"#{appointment.id}"
        return tuple(f"{claim}{own}" for claim in claims) if appointment.claims[0].endswith(own) else claims
