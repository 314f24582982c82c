"""What every command stands on: load, decide, write where nothing changed meanwhile; and what time has settled."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from services.booking.commands.invitations import Inviting
from services.booking.demand import DemandCounter
from services.booking.desks import Desks, Wanted, access_for
from services.booking.domain import appointment as appointments_domain
from services.booking.domain import waiting
from services.booking.domain.actors import SYSTEM
from services.booking.domain.appointment import Appointment, Change, WrongStatus
from services.booking.domain.names import same_name
from services.booking.domain.office import Member, Office, Responsibility
from services.booking.domain.visits import check_preconditions
from services.booking.memory import Memory
from services.booking.people import UNREADABLE, Erased, GivenContact, People, Person
from services.booking.storage import Appointments, ChangedMeanwhile, Giving, SlotTaken
from services.booking.tokens import Keys
from shared.contracts.offices import Service
from shared.mongo import DatabaseClock
from shared.phones import COUNTRIES
from shared.sealing import Unsealable

_TRIES = 5


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


class OnlinePaused(Exception):
    """The office takes no bookings online just now; `notice` says why, by language."""

    def __init__(self, notice: Mapping[str, str]) -> None:
        super().__init__()
        self.notice = notice


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
class Core:
    """The parts that commands work with, and the steps that they share."""

    offices: Mapping[str, Office]
    appointments: Appointments
    memory: Memory
    keys: Keys
    people: People
    clock: DatabaseClock
    demand: DemandCounter
    keep_request: timedelta
    inviting: Inviting
    # ISO codes of the countries that SMS go to; none where the office sends none.
    sms_countries: frozenset[str] = COUNTRIES
    turns: Turns = field(default_factory=Turns)
    desks: Desks = field(init=False)

    def __post_init__(self) -> None:
        self.desks = Desks(self.offices, self.memory)

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

    async def cancel(self, id: str) -> Appointment:
        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "cancelled":
                return None
            return appointment.cancel(now=now, release_at=self.cool_until(appointment, now))

        return await self.change(id, decide)

    async def insert(self, appointment: Appointment) -> None:
        """Settles whoever holds the cells only because nobody has looked since, and tries once more."""
        try:
            await self.appointments.insert(appointment)
        except SlotTaken:
            for owner in await self.appointments.owners(appointment.office, appointment.cells):
                await self.settle(owner)
            await self.appointments.insert(appointment)

    async def takers(self, office: str, cells: tuple[str, ...], *, but: str) -> list[Giving]:
        """Whose cooling cells may be taken at once, by staff and the waiting list. Raises SlotTaken."""
        wanted = frozenset(cells)
        owners = [owner for owner in await self.appointments.owners(office, cells) if owner.id != but]
        giving = [(owner, owner.give(wanted)) for owner in owners]
        if any(wanted & set(after.cells) for _, after in giving):
            raise SlotTaken
        return giving

    def gave(self, giving: Sequence[Giving]) -> None:
        for _, after in giving:
            self.memory.put(after)

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

    async def person_of(self, appointment: Appointment) -> Person:
        """For staff, at the counter and in the day's list; whoever was erased has no name any more."""
        try:
            return await self.people.open(appointment)
        except Erased:
            return Person("")
        except Unsealable:
            return UNREADABLE

    async def persons_of(self, appointments: Sequence[Appointment]) -> dict[str, Person]:
        """As `person_of`, for many at once."""
        found = await self.people.open_all(appointments)
        return {one.id: found.get(one.id, Person("")) for one in appointments}

    async def family_name_of(self, appointment: Appointment) -> str:
        """Where desks go by it; "" of who was erased. Raises Unsealable: no desk is better than a wrong one."""
        try:
            return (await self.people.open(appointment)).family_name
        except Erased:
            return ""

    async def wanted(self, appointment: Appointment, starts_at: datetime) -> Wanted:
        """The same visit at another time; its own cells count as free. Opens the name where desks go by it."""
        office = self.offices[appointment.office]
        by_name = office.by_surname(appointment.team)
        ids = {appointment.service, *appointment.further_services}
        services = [service for service in office.data.services if service.id in ids]
        return Wanted(
            office=office.id,
            team=appointment.team,
            family_name=await self.family_name_of(appointment) if by_name else "",
            starts_at=starts_at,
            minutes=(appointment.ends_at - appointment.starts_at) // timedelta(minutes=1),
            access=access_for(services),
            own=appointment.id,
        )

    async def services_for(self, office: Office, request: Asked) -> tuple[Service, ...]:
        """What a citizen may book now. Raises OnlinePaused, NotOpenForBooking, and what the rules refuse."""
        if office.data.online.paused:
            raise OnlinePaused(office.data.online.notice)
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

    def claims(self, services: tuple[str, ...], family_name: str, contact: GivenContact) -> tuple[str, ...]:
        """A keyed hash per service of who it is for: name and mail, or phone where there is no mail."""
        return self._claims(services, family_name, contact.email or contact.phone)

    def _claims(self, services: tuple[str, ...], family_name: str, address: str | None) -> tuple[str, ...]:
        person = self.keys.digest(f"{same_name(family_name)}|{address}")
        return tuple(f"{service}|{person}" for service in services)


Decide = Callable[[Appointment, datetime], Awaitable[Change | None]]
