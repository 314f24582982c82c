"""An office to practise on: made from the real one, filled with invented people, and emptied again."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice, takewhile
from random import Random
from uuid import uuid4

from services.booking.commands.booking import Booking
from services.booking.commands.counter import CounterRequest
from services.booking.commands.day import Day, TicketRequest
from services.booking.commands.planning import Planning
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import Appointment, Change
from services.booking.domain.cells import CELL
from services.booking.domain.conflicts import next_times
from services.booking.domain.day import undo
from services.booking.domain.hours import wall_moment
from services.booking.domain.invented import Invented, somebody
from services.booking.domain.office import Office, UnbookableStart
from services.booking.domain.rules import OfficeData
from services.booking.erasing import Erasing
from services.booking.people import GivenContact
from services.booking.storage import AlreadyBooked, SlotTaken
from shared.contracts.offices import Service, training_of

# For each desk on each of two days; so many are there already, with a time and without.
_VISITS_PER_DESK = 4
_EARLY, _WITHOUT_TIME = 3, 3


class NotTraining(Exception):
    """A real office: nobody is invented there, and nothing is emptied."""


@dataclass(slots=True)
class Training:
    """Everything goes by the commands that staff use, so what is practised is what happens."""

    booking: Booking
    planning: Planning
    day: Day
    erasing: Erasing
    random: Random = field(default_factory=Random)

    def of(self, office: Office) -> Office | None:
        """Where its people practise; None before the first time."""
        return self.booking.offices.get(training_of(office.id))

    async def begin(self, office: Office, *, by: Actor) -> int:
        """Makes the training office, or makes it again as the real one is now. Raises ChangedMeanwhile."""
        known = self.of(office)
        data = as_training(office.data)
        return await self.planning.save(data, by=by, expected_version=known.version if known else None)

    async def fill(self, office: Office, *, by: Actor) -> int:
        """The rest of today, and the next day that is open; how many came. Raises NotTraining, NotLoaded."""
        _require_training(office)
        booked = [one for day in self._days(office) for one in await self._visits(office, day, by=by)]
        start, end = self.day.span(office)
        today = sorted((one for one in booked if start <= one.starts_at < end), key=lambda one: one.starts_at)
        for one in today[:_EARLY]:
            await self.day.check_in(one.id, by=by)
        return len(booked) + len([await self._ticket(office, by=by) for _ in range(_WITHOUT_TIME)])

    async def empty(self, office: Office, *, by: Actor) -> int:
        """Calls everything off and erases who it was for; how many went. Raises NotTraining."""
        _require_training(office)
        left = await self.booking.appointments.not_anonymised(office.id)
        for appointment in left:
            await self._forget(appointment, office, by=by)
        return len(left)

    async def _forget(self, appointment: Appointment, office: Office, *, by: Actor) -> None:
        """Through the states that there are: what is going on is taken back, what lies ahead is called off."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.is_over(now):
                return None
            if appointment.status in ("called", "in_service", "completed", "no_show"):
                return undo(appointment, now=now, day=self.day.span(office), by=by)
            return appointment.office_cancel(now=now, by=by, reason="other")

        while not appointment.is_over(self.booking.clock.now()):
            appointment = await self.booking.change(appointment.id, decide)
        await self.erasing.forget(appointment)

    def _days(self, office: Office) -> Iterator[date]:
        """Today where it is open, and the next open day."""
        now = self.booking.clock.now()
        day = now.astimezone(office.zone).date()
        if office.is_open(day):
            yield day
        last = office.last_day_for_staff(now)
        ahead = (day + timedelta(days=number) for number in range(1, (last - day).days + 1))
        yield from islice((one for one in ahead if office.is_open(one)), 1)

    async def _visits(self, office: Office, day: date, *, by: Actor) -> list[Appointment]:
        desks = sum(len(team.lanes) for team in office.data.teams)
        found = [await self._visit(office, day, by=by) for _ in range(_VISITS_PER_DESK * desks)]
        return [one for one in found if one]

    async def _visit(self, office: Office, day: date, *, by: Actor) -> Appointment | None:
        """None where this one finds no time: the day fills up."""
        service = self.random.choice(_bookable(office))
        whom = self._somebody(office, service)
        starts = self._starts(office, service, whom, day)
        if not starts:
            return None
        request = CounterRequest(
            office=office.id,
            service=service.id,
            starts_at=self.random.choice(starts),
            family_name=whom.family_name,
            members=whom.members,
            channel=self.random.choice(("phone", "counter")),
            contact=_contact(whom),
            access_needs=whom.needs,
        )
        with suppress(SlotTaken, UnbookableStart, AlreadyBooked):
            return await self.planning.counter.book(request, idempotency_key=str(uuid4()), by=by)
        return None

    async def _ticket(self, office: Office, *, by: Actor) -> Appointment:
        service = self.random.choice(_bookable(office))
        whom = self._somebody(office, service)
        request = TicketRequest(office.id, service.id, whom.family_name, whom.members, whom.needs)
        return await self.day.ticket(request, idempotency_key=str(uuid4()), by=by)

    def _somebody(self, office: Office, service: Service) -> Invented:
        homes = [one.ags for one in office.data.municipalities if office.responsibility(one.ags).here]
        return somebody(self.random, homes=homes, most=service.max_persons)

    def _starts(self, office: Office, service: Service, whom: Invented, day: date) -> list[datetime]:
        """Free times of the day for this visit, as staff may give them."""
        now, minutes = self.booking.clock.now(), self.booking.minutes(office, (service,), whom.members)
        found = next_times(
            self.booking.memory.availability(office.id),
            service.team,
            length=-(-timedelta(minutes=minutes) // CELL),
            after=max(now, wall_moment(day, time(0), office.zone)),
            now=now,
            ranges=office.ranges(service.team, whom.family_name),
        )
        end = wall_moment(day + timedelta(days=1), time(0), office.zone)
        return [starts_at for starts_at, lanes in takewhile(lambda one: one[0] < end, found) if lanes]


def as_training(data: OfficeData) -> OfficeData:
    """The same rules under a name that says what it is; without what opens the real one to helpers."""
    names = {lang: f"{name} (Übung)" for lang, name in data.name.items()}
    changed = {"id": training_of(data.id), "name": names, "sender": f"{data.sender} (Übung)"}
    closed: dict[str, object] = {"helpers": (), "public_figures": False}
    return OfficeData.model_validate({**data.model_dump(by_alias=True), **changed, **closed})


def _require_training(office: Office) -> None:
    if not office.training:
        raise NotTraining


def _bookable(office: Office) -> list[Service]:
    return [one for one in office.data.services if one.mode != "walk_in" and not one.emergency]


def _contact(whom: Invented) -> GivenContact | None:
    if not whom.email and not whom.phone:
        return None
    return GivenContact(email=whom.email, language=whom.language, given_name=whom.given_name, phone=whom.phone)
