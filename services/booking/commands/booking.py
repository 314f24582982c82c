"""What citizens can have done: hold, request, confirm, reschedule, cancel."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

from services.booking.commands.invitations import Inviting
from services.booking.demand import DemandCounter
from services.booking.desks import Desks, Wanted, access_for
from services.booking.domain import appointment as appointments_domain
from services.booking.domain import waiting
from services.booking.domain.actors import CITIZEN, SYSTEM, Actor
from services.booking.domain.appointment import Appointment, Change, Party, WrongStatus
from services.booking.domain.names import is_small_correction, same_name
from services.booking.domain.office import Member, Office, Responsibility
from services.booking.domain.visits import check_preconditions
from services.booking.memory import Memory
from services.booking.people import Erased, GivenContact, People, Person
from services.booking.storage import AlreadyBooked, AlreadyHeld, Appointments, ChangedMeanwhile, Giving, SlotTaken
from services.booking.tokens import Keys
from shared.contracts import LinkRequested
from shared.contracts.offices import Service
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import DatabaseClock

_TRIES = 5
_CODE_TRIES = 5
_LINK_EVERY = timedelta(minutes=5)
_MOST_LINKS = 5

R = TypeVar("R")
# What the citizen answers where the person has an appointment already.
Instead = Literal["keep", "move", "another_person"]


class OutsideJurisdiction(Exception):
    """Some members live where another authority is responsible."""

    def __init__(self, elsewhere: list[Responsibility]) -> None:
        super().__init__()
        self.elsewhere = elsewhere


class NotOpenForBooking(Exception):
    """The service is by invitation or without appointment."""

    def __init__(self, mode: str) -> None:
        super().__init__(mode)
        self.mode = mode


class KeyReused(Exception):
    """The Idempotency-Key came before with another request."""


class WrongSecret(Exception):
    pass


class BookedAlready(Exception):
    """The person has an active appointment for this service: keep, move, or is it for another person?"""

    def __init__(self, existing: Appointment) -> None:
        super().__init__()
        self.existing = existing


class NameChanged(Exception):
    """More than a small correction: staff do that, so that no appointment changes hands."""


class CodeUsedUp(Exception):
    """Too many wrong codes; the link in the mail still works."""


class Asked(Protocol):
    """What somebody wants to come for, and who comes."""

    @property
    def services(self) -> tuple[str, ...]: ...
    @property
    def family_name(self) -> str: ...
    @property
    def members(self) -> tuple[Member, ...]: ...
    @property
    def preconditions(self) -> Mapping[str, bool]: ...
    @property
    def invitation(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class HoldRequest:
    office: str
    service: str
    starts_at: datetime
    family_name: str = field(repr=False)
    members: tuple[Member, ...]
    further_services: tuple[str, ...] = ()
    # Answers to the services' questions, by their ids.
    preconditions: Mapping[str, bool] = field(default_factory=dict)
    invitation: str | None = None
    access_needs: tuple[str, ...] = ()
    channel: str = "web"

    @property
    def services(self) -> tuple[str, ...]:
        return (self.service, *self.further_services)

    @property
    def text(self) -> str:
        """Equal for equal requests."""
        members = [(m.municipality, m.under_6) for m in self.members]
        wanted = [self.office, self.service, self.starts_at.timestamp(), self.family_name, members]
        return json.dumps([*wanted, self.further_services, self.invitation, self.access_needs])


@dataclass(frozen=True, slots=True)
class Held:
    """The first answer to a hold; `first` repeats it even when the appointment has gone on."""

    appointment: Appointment
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


@dataclass(slots=True)
class Turns:
    """One at a time per key: many clients who want one time then cost the database few tries.

    Fairness and speed only. Whether a time is free is decided by the unique index.
    """

    _locks: dict[object, tuple[asyncio.Lock, int]] = field(default_factory=dict)

    @asynccontextmanager
    async def of(self, key: object) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[key]
            if waiting == 1:
                del self._locks[key]
            else:
                self._locks[key] = lock, waiting - 1


@dataclass(slots=True)
class Booking:
    """The commands on appointments. Errors are the domain's and storage's, and those above."""

    offices: Mapping[str, Office]
    appointments: Appointments
    memory: Memory
    keys: Keys
    people: People
    clock: DatabaseClock
    demand: DemandCounter
    keep_request: timedelta
    inviting: Inviting
    turns: Turns = field(default_factory=Turns)
    desks: Desks = field(init=False)

    def __post_init__(self) -> None:
        self.desks = Desks(self.offices, self.memory)

    async def hold(self, request: HoldRequest, *, idempotency_key: str) -> Held:
        """Takes the time on any free desk until the hold ends, or raises SlotTaken."""
        office = self.offices[request.office]
        services = await self.services_for(office, request)
        now = self.clock.now()
        id = self.keys.appointment_id(idempotency_key)
        availability = self.memory.availability(office.id)
        if availability.knows(id) or not self.memory.fresh:
            answered = await self._first_answer(id, request)
            if answered:
                return answered
        minutes = self.minutes(office, services, request.members)
        wanted = Wanted(
            office=office.id,
            team=services[0].team,
            family_name=request.family_name,
            starts_at=request.starts_at,
            minutes=minutes,
            access=access_for(services),
        )
        self.desks.check_start(wanted, now=now)
        make = self._maker(id, request, services[0], minutes=minutes, hold=office.data.booking.hold_minutes)
        async with self.turns.of((office.id, wanted.team, wanted.starts_at)):
            return await self._take_any_lane(id, request, wanted, make)

    async def request(self, id: str, given: GivenContact) -> Appointment:
        """Stores how to reach the person; the message that asks to confirm goes out."""
        contact = self.people.details(given)

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "requested" and appointment.contact == contact:
                return None
            known = await self.people.open(appointment)
            return appointment.request(
                contact,
                person=await self.people.seal(id, known.reached_by(given)),
                now=now,
                keep_until=now + self.keep_request,
                claims=self.claims(appointment.services, known.family_name, given),
            )

        return await self._change_recent(id, decide) or await self.change(id, decide)

    async def confirm(self, id: str, secret: str, *, instead: Instead | None = None) -> Appointment:
        """By the message's secret or its six digits; confirming twice changes nothing.

        Raises BookedAlready where the person has an active appointment for the same service; `instead` is the
        answer to that, from the one whose address is proven by the secret.
        """
        by_code = len(secret) == 6 and secret.isdigit()

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if not by_code and not self._opens(appointment, secret):
                raise WrongSecret
            if appointment.status in ("confirmed", "waiting"):
                return None
            return appointment.confirm(now=now, another_person=instead == "another_person")

        if by_code:
            await self._count_code(await self.appointments.get(id), secret)
        try:
            if instead is None and not by_code and (done := await self._change_recent(id, decide)):
                return done
            return await self.change(id, decide)
        except AlreadyBooked as error:
            return await self._settle_double(id, error.active, instead)

    async def _settle_double(self, id: str, claims: tuple[str, ...], instead: Instead | None) -> Appointment:
        new = await self.appointments.get(id)
        existing = await self.appointments.active(new.office, claims)
        if existing is None:
            raise ChangedMeanwhile
        if instead == "keep":
            await self.cancel(id)
            return existing
        if instead != "move":
            raise BookedAlready(existing)
        now = self.clock.now()
        cancelled = existing.cancel(now=now, release_at=self.cool_until(existing, now))
        done = await self.appointments.together([cancelled, new.confirm(now=now)])
        for appointment in done:
            self.memory.put(appointment)
        return done[1]

    def claims(self, services: tuple[str, ...], family_name: str, contact: GivenContact) -> tuple[str, ...]:
        """A keyed hash per service of who it is for: name and mail, or phone where there is no mail."""
        return self._claims(services, family_name, contact.email or contact.phone)

    def _claims(self, services: tuple[str, ...], family_name: str, address: str | None) -> tuple[str, ...]:
        person = self.keys.digest(f"{same_name(family_name)}|{address}")
        return tuple(f"{service}|{person}" for service in services)

    async def message_settled(self, id: str, *, caused_by: str) -> None:
        """The message that asks to confirm was handed over, or cannot be: the time to confirm runs from now.

        Only the message of the newest contact counts (`caused_by` is its event). Repeats change nothing.
        """

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if not appointment.awaits_message or appointment.requested_by != caused_by:
                return None
            minutes = self.offices[appointment.office].data.booking.confirm_minutes
            return appointment.confirmation_sent(now=now, expires_at=now + timedelta(minutes=minutes))

        await self.change(id, decide)

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

    async def cancel(self, id: str) -> Appointment:
        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "cancelled":
                return None
            return appointment.cancel(now=now, release_at=self.cool_until(appointment, now))

        return await self.change(id, decide)

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
            # Whoever has a time may lengthen it where the desk is open, whatever is still offered to others.
            there = await self.wanted(appointment, appointment.starts_at)
            longer = replace(there, minutes=minutes, lane=appointment.lane, access="staff")
            self.desks.check_start(longer, now=self.clock.now())

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

    async def send_links(self, email: str) -> None:
        """Tells each confirmed appointment's link again, to the stored address only."""
        now = self.clock.now()
        digest = self.people.email_digest(email)
        for id in await self.appointments.ids_by_email(digest, now=now, most=_MOST_LINKS):
            # Erased a moment ago: there is nobody to tell.
            with suppress(Erased):
                await self.appointments.send_link(id, LinkRequested, now=now, not_since=now - _LINK_EVERY)

    async def person_of(self, appointment: Appointment) -> Person:
        """For staff, at the counter and in the day's list; whoever was erased has no name any more."""
        try:
            return await self.people.open(appointment)
        except Erased:
            return Person("")

    async def settle(self, appointment: Appointment) -> None:
        """Ends what ran out and gives back what has cooled; guarded, so anybody may call it."""
        now = self.clock.now()
        change = self._run_out(appointment, now)
        if change is None:
            released = appointment.release(now=now)
            if released.cells != appointment.cells and await self.appointments.release(appointment, released):
                self.memory.put(released)
            return
        try:
            self.memory.put(await self.appointments.apply(change))
        except ChangedMeanwhile:
            return

    def _run_out(self, appointment: Appointment, now: datetime) -> Change | None:
        try:
            since = appointment.expires_at or now
            return appointment.expire(now=now, release_at=self.cool_until(appointment, since))
        except (WrongStatus, appointments_domain.Expired):
            pass
        try:
            return waiting.end_offer(appointment, now=now, by=SYSTEM)
        except waiting.NoOffer:
            return None

    def cool_until(self, appointment: Appointment, since: datetime) -> datetime:
        """A random time, so that nobody can free a time at one moment and re-book it at the next."""
        shortest, longest = self.offices[appointment.office].data.booking.cooling_minutes
        return since + timedelta(seconds=random.SystemRandom().uniform(shortest * 60, longest * 60))

    async def services_for(self, office: Office, request: Asked) -> tuple[Service, ...]:
        services = office.services(request.services)
        for service in services:
            if service.mode == "invitation" and request.invitation:
                await self._check_invitation(request.invitation, office, service, request.family_name)
            elif service.mode != "open":
                raise NotOpenForBooking(service.mode)
        check_preconditions(services, request.preconditions)
        self.require_here(office, request.members)
        return services

    async def _check_invitation(self, token: str, office: Office, service: Service, family_name: str) -> None:
        await self.inviting.check(token, office=office.id, service=service.id, family_name=family_name)

    def minutes(self, office: Office, services: Sequence[Service], members: Sequence[Member]) -> int:
        """Raises TooManyPersons."""
        children = sum(member.under_6 for member in members)
        return office.minutes(*services, persons=len(members), children_under_6=children)

    def require_here(self, office: Office, members: tuple[Member, ...]) -> None:
        responsibilities = [office.responsibility(m.municipality) for m in members]
        elsewhere = [r for r in responsibilities if not r.here]
        if elsewhere:
            self.demand.out_of_area(office.id, [r.municipality.ags for r in elsewhere])
            raise OutsideJurisdiction(elsewhere)

    async def _first_answer(self, id: str, request: HoldRequest) -> Held | None:
        known = await self.appointments.first_answer(id)
        if known is None:
            return None
        appointment, first = known
        if appointment.request_digest != self.keys.digest(request.text):
            raise KeyReused
        return Held(appointment, first["starts_at"], first["ends_at"], first["expires_at"])

    def _maker(self, id: str, request: HoldRequest, service: Service, *, minutes: int, hold: int) -> "Make":
        def make(lane: str, person: bytes) -> Appointment:
            now = self.clock.now()
            return appointments_domain.hold(
                self._party(id, request, service, person),
                lane=lane,
                starts_at=request.starts_at,
                ends_at=request.starts_at + timedelta(minutes=minutes),
                now=now,
                expires_at=now + timedelta(minutes=hold),
            )

        return make

    def _party(self, id: str, request: HoldRequest, service: Service, person: bytes) -> Party:
        return Party(
            id=id,
            office=request.office,
            code=self.keys.booking_code(id),
            service=service.id,
            further_services=request.further_services,
            team=service.team,
            municipalities=tuple(m.municipality for m in request.members),
            children_under_6=sum(m.under_6 for m in request.members),
            person=person,
            request_digest=self.keys.digest(request.text),
            channel=request.channel,
            invitation=request.invitation.partition(".")[0] if request.invitation else None,
        )

    async def _take_any_lane(self, id: str, request: HoldRequest, wanted: Wanted, make: "Make") -> Held:
        lanes = self.desks.candidates(wanted, now=self.clock.now())
        # Not before a desk is free: who finds none leaves no key behind.
        whom = Person(request.family_name, access_needs=request.access_needs)
        person = await self.people.seal_first(id, whom) if lanes else b""
        for lane in lanes:
            appointment = make(lane, person)
            try:
                await self._insert(appointment)
            except SlotTaken:
                continue
            except AlreadyHeld:
                answered = await self._first_answer(id, request)
                assert answered is not None
                return answered
            self.memory.put(appointment)
            if self.memory.freed_just_now(appointment):
                self.demand.quick_rebooking(appointment.office)
            assert appointment.expires_at is not None
            return Held(appointment, appointment.starts_at, appointment.ends_at, appointment.expires_at)
        # The last desk may have gone to this very request, sent twice at the same moment.
        if answered := await self._first_answer(id, request):
            return answered
        self.demand.slot_taken(request.office)
        raise SlotTaken

    async def _insert(self, appointment: Appointment) -> None:
        """Settles whoever holds the cells only because nobody has looked since, and tries once more."""
        try:
            await self.appointments.insert(appointment)
        except SlotTaken:
            for owner in await self.appointments.owners(appointment.cells):
                await self.settle(owner)
            await self.appointments.insert(appointment)

    async def wanted(self, appointment: Appointment, starts_at: datetime) -> Wanted:
        """The same visit at another time; its own cells count as free. Opens the name where desks go by it."""
        office = self.offices[appointment.office]
        by_name = office.by_surname(appointment.team)
        ids = {appointment.service, *appointment.further_services}
        services = [service for service in office.data.services if service.id in ids]
        return Wanted(
            office=office.id,
            team=appointment.team,
            family_name=(await self.person_of(appointment)).family_name if by_name else "",
            starts_at=starts_at,
            minutes=(appointment.ends_at - appointment.starts_at) // timedelta(minutes=1),
            access=access_for(services),
            own=appointment.id,
        )

    def _move(self, lane: str, starts_at: datetime, ends_at: datetime) -> "Decide":
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

    async def takers(self, cells: tuple[str, ...], *, but: str) -> list[Giving]:
        """Whose cooling cells may be taken at once, by staff and the waiting list. Raises SlotTaken."""
        wanted = frozenset(cells)
        owners = [owner for owner in await self.appointments.owners(cells) if owner.id != but]
        giving = [(owner, owner.give(wanted)) for owner in owners]
        if any(wanted & set(after.cells) for _, after in giving):
            raise SlotTaken
        return giving

    def gave(self, giving: Sequence[Giving]) -> None:
        for _, after in giving:
            self.memory.put(after)

    async def change(self, id: str, decide: "Decide") -> Appointment:
        """Load, decide, write where nothing changed meanwhile; again where it did."""
        for _ in range(_TRIES):
            appointment = await self.appointments.get(id)
            change = await decide(appointment, self.clock.now())
            if change is None:
                return appointment
            try:
                after = await self.appointments.apply(change)
            except ChangedMeanwhile:
                continue
            if after.cells != appointment.cells:
                self.memory.put(after)
            return after
        raise ChangedMeanwhile

    async def _change_recent(self, id: str, decide: "Decide") -> Appointment | None:
        """Changes the state that this process wrote last, without reading it; None where that does not go.

        The write is guarded, and what refuses a state that may be old is for the stored one to say. Only for
        changes that leave the cells alone: cooled ones are released without a new version.
        """
        appointment = self.appointments.recent.take(id)
        if appointment is None:
            return None
        try:
            change = await decide(appointment, self.clock.now())
            return await self.appointments.apply(change) if change else None
        except (ChangedMeanwhile, WrongSecret, *appointments_domain.REFUSALS):
            return None

    def _opens(self, appointment: Appointment, secret: str) -> bool:
        generation = appointment.contact_sequence
        return generation is not None and self.keys.verifies(secret, "confirm", appointment.id, generation)

    async def _count_code(self, appointment: Appointment, code: str) -> None:
        """Lets the right code pass; wrong ones use up the tries of this message."""
        generation = appointment.contact_sequence
        if generation is None:
            raise WrongSecret
        counted = await self.appointments.try_code(appointment.id, contact_sequence=generation, most=_CODE_TRIES)
        if not counted:
            raise CodeUsedUp
        if not self.keys.verifies_code(code, appointment.id, generation):
            raise WrongSecret
        crash_point(CrashPoint.BOOKING_AFTER_CODE_TRY)
        await self.appointments.forget_try(appointment.id, contact_sequence=generation)


Make = Callable[[str, bytes], Appointment]
Decide = Callable[[Appointment, datetime], Awaitable[Change | None]]
