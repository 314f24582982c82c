"""The office's day: who is here, who is called, who is served. For staff; check-in also for citizens."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from services.booking.commands.booking import Booking
from services.booking.commands.holding import KeyReused
from services.booking.domain import appointment as appointments_domain
from services.booking.domain import day as domain
from services.booking.domain.actors import CITIZEN, Actor
from services.booking.domain.appointment import Appointment, Change, Party
from services.booking.domain.day import LateRule, Span
from services.booking.domain.office import Member, Office
from services.booking.people import Person
from services.booking.storage import DayBook, NotFound
from shared.contracts import AppointmentCheckedIn


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """Somebody at the counter without an appointment."""

    office: str
    service: str
    family_name: str = field(repr=False)
    members: tuple[Member, ...]
    access_needs: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Equal for equal requests."""
        members = [(m.municipality, m.under_6) for m in self.members]
        return json.dumps(["ticket", self.office, self.service, self.family_name, members, self.access_needs])


@dataclass(slots=True)
class Day:
    """Commands of the day itself. `at` is when it happened, where it is entered later (a day without network)."""

    booking: Booking
    book: DayBook

    def span(self, office: Office) -> Span:
        """The office's present local day."""
        today = self.booking.clock.now().astimezone(office.zone).date()
        start = datetime.combine(today, time(), office.zone)
        return start, datetime.combine(today + timedelta(days=1), time(), office.zone)

    async def check_in(
        self, id: str, *, by: Actor = CITIZEN, at: datetime | None = None, late: LateRule | None = None
    ) -> Appointment:
        """Twice changes nothing: the citizen's phone and the counter may both do it."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "checked_in":
                return None
            office = self.booking.offices[appointment.office]
            return domain.check_in(
                appointment, at=at or now, now=now, day=self.span(office), rules=_rules(office), late=late, by=by
            )

        return await self.booking.change(id, decide)

    async def check_in_by_code(self, office: Office, code: str) -> Appointment:
        """At the door, by today's appointment of this code. Raises NotFound, and what `check_in` raises."""
        start, end = self.span(office)
        found = [a for a in await self.booking.appointments.by_code(office.id, code) if start <= a.starts_at < end]
        if not found:
            raise NotFound
        return await self.check_in(found[0].id)

    async def call(self, id: str, *, by: Actor, lane: str, at: datetime | None = None) -> Appointment:
        """Raises CalledByAnother where a colleague was quicker, UnknownLane."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            office = self.booking.offices[appointment.office]
            # Of whatever team: who helps out may call to the own desk.
            office.check_lane(lane)
            day = self.span(office)
            paused = await self.book.pauses(appointment.office, appointment.team, day=day)
            return domain.call(appointment, at=at or now, now=now, day=day, by=by, lane=lane, paused=paused)

        return await self.booking.change(id, decide)

    async def start(self, id: str, *, by: Actor, at: datetime | None = None) -> Appointment:
        return await self._simply(id, "in_service", domain.start, by=by, at=at)

    async def complete(self, id: str, *, by: Actor, at: datetime | None = None) -> Appointment:
        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "completed":
                return None
            day = self.span(self.booking.offices[appointment.office])
            paused = await self.book.pauses(appointment.office, appointment.team, day=day)
            return domain.complete(appointment, at=at or now, now=now, day=day, by=by, paused=paused)

        return await self.booking.change(id, decide)

    async def no_show(self, id: str, *, by: Actor, at: datetime | None = None) -> Appointment:
        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "no_show":
                return None
            office = self.booking.offices[appointment.office]
            return domain.no_show(
                appointment, at=at or now, now=now, day=self.span(office), rules=_rules(office), by=by
            )

        return await self.booking.change(id, decide)

    async def undo(self, id: str, *, by: Actor, version: int) -> Appointment:
        """Takes back the last action of today, where the appointment is still as the person saw it."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.version != version:
                raise domain.NothingToUndo
            return domain.undo(
                appointment, now=now, day=self.span(self.booking.offices[appointment.office]), by=by
            )

        return await self.booking.change(id, decide)

    async def list(self, office: Office) -> list[Appointment]:
        """Today's, as they are to be served: who waits by place in the queue, then who is still to come."""
        start, end = self.span(office)
        found = await self.booking.appointments.between(office.id, start, end)
        expected = [a for a in found if a.status not in ("held", "requested", "waiting", "expired")]
        return sorted(expected, key=lambda a: (a.queue_at or a.starts_at, a.starts_at, a.id))

    async def ticket(self, request: TicketRequest, *, idempotency_key: str, by: Actor) -> Appointment:
        """A walk-in's place in today's queue. The same key again gives the same ticket. Raises KeyReused."""
        office = self.booking.offices[request.office]
        id = self.booking.keys.appointment_id(f"ticket|{idempotency_key}")
        known = await self.booking.appointments.first_answer(id)
        if known:
            if known[0].request_digest != self.booking.keys.digest(request.text):
                raise KeyReused
            return known[0]
        service = office.service(request.service)
        minutes = office.minutes(
            service, persons=len(request.members), children_under_6=sum(m.under_6 for m in request.members)
        )
        now = self.booking.clock.now()
        number = await self.book.next_ticket(office.id, day=self.span(office))
        whom = Person(request.family_name, access_needs=request.access_needs)
        there = appointments_domain.walk_in(
            self._party(id, request, team=service.team, person=await self.booking.people.seal_first(id, whom)),
            ticket=f"W{number:03d}",
            ends_at=now + timedelta(minutes=minutes),
            now=now,
            by=by,
        )
        await self.booking.appointments.insert(there, AppointmentCheckedIn, by=by)
        return there

    def _party(self, id: str, request: TicketRequest, *, team: str, person: bytes) -> Party:
        return Party(
            id=id,
            office=request.office,
            code=self.booking.keys.booking_code(id),
            service=request.service,
            team=team,
            municipalities=tuple(m.municipality for m in request.members),
            children_under_6=sum(m.under_6 for m in request.members),
            person=person,
            request_digest=self.booking.keys.digest(request.text),
            channel="counter",
        )

    async def pause(self, office: Office, team: str, *, by: Actor) -> None:
        """Raises UnknownTeam, PauseRunning."""
        office.team(team)
        await self.book.pause(office.id, team, now=self.booking.clock.now(), day=self.span(office), by=by.id or "")

    async def resume(self, office: Office, team: str) -> None:
        """Raises UnknownTeam, NoPause."""
        office.team(team)
        await self.book.resume(office.id, team, now=self.booking.clock.now())

    async def _simply(
        self,
        id: str,
        status: appointments_domain.Status,
        act: Callable[..., Change],
        *,
        by: Actor,
        at: datetime | None,
    ) -> Appointment:
        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == status and appointment.called_by == by.id:
                return None
            day = self.span(self.booking.offices[appointment.office])
            return act(appointment, at=at or now, now=now, day=day, by=by)

        return await self.booking.change(id, decide)


def _rules(office: Office) -> domain.DayRules:
    rules = office.data.day
    return domain.DayRules(
        late_after=timedelta(minutes=rules.late_after_minutes), late=rules.late, calls=rules.calls
    )
