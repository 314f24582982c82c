"""Hold a time: the first of the two steps that only a citizen takes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.booking.commands.core import Core
from services.booking.desks import Wanted, access_for
from services.booking.domain import appointment as appointments_domain
from services.booking.domain.appointment import Appointment, Party
from services.booking.domain.office import Member
from services.booking.people import Person
from services.booking.storage import AlreadyHeld, SlotTaken
from shared.contracts.offices import Service


class KeyReused(Exception):
    """The Idempotency-Key came before with another request."""


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


class Holding(Core):
    """`hold` and what it needs. A request that is repeated gets the first answer."""

    __slots__ = ()

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
            emergency=service.emergency,
        )

    async def _take_any_lane(self, id: str, request: HoldRequest, wanted: Wanted, make: "Make") -> Held:
        lanes = self.desks.candidates(wanted, now=self.clock.now())
        # Not before a desk is free: who finds none leaves no key behind.
        whom = Person(request.family_name, access_needs=request.access_needs)
        person = await self.people.seal_first(id, whom) if lanes else b""
        for lane in lanes:
            appointment = make(lane, person)
            try:
                await self.insert(appointment)
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
        # The last desk may have gone to this very request, sent twice at the same moment. Where memory refuses, it
        # knows whose the desks are; where the index did, memory may not have heard yet.
        if lanes or self.memory.availability(request.office).knows(id):
            answered = await self._first_answer(id, request)
            if answered:
                return answered
        self.demand.slot_taken(request.office)
        raise SlotTaken


Make = Callable[[str, bytes], Appointment]
