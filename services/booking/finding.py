"""Appointments by the name of their person: opened in memory, day by day, and never written to an index."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.booking.commands import Booking
from services.booking.domain.appointment import Appointment
from services.booking.domain.names import same_name
from services.booking.domain.office import Office
from services.booking.people import Person

# Before today: whoever was here yesterday phones about it today.
_BACK = timedelta(days=7)
_MOST_FOUND = 30


@dataclass(frozen=True, slots=True)
class Found:
    appointment: Appointment
    person: Person


async def by_name(booking: Booking, office: Office, name: str, *, days: int = 60) -> list[Found]:
    """Whoever's name has words that begin as those of `name` do, from a week ago to `days` ahead; in order."""
    wanted = same_name(name).split()
    found: list[Found] = []
    async for one in _days(booking, office, days=days):
        persons = await booking.persons_of(one)
        for appointment in one:
            person = persons[appointment.id]
            if wanted and _fits(wanted, f"{person.family_name} {person.given_name or ''}"):
                found.append(Found(appointment, person))
        if len(found) >= _MOST_FOUND:
            break
    return found[:_MOST_FOUND]


async def _days(booking: Booking, office: Office, *, days: int) -> AsyncIterator[list[Appointment]]:
    """One local day after the other, so that others are answered in between."""
    today = booking.clock.now().astimezone(office.zone).date()
    day = today - _BACK
    while day <= today + timedelta(days=days):
        if office.is_open(day) or day <= today:
            found = await booking.appointments.between(office.id, *_span(day, office))
            if found:
                yield found
        day += timedelta(days=1)


def _span(day: date, office: Office) -> tuple[datetime, datetime]:
    start, end = (datetime.combine(day + timedelta(days=more), time(), office.zone) for more in (0, 1))
    return start, end


def _fits(wanted: list[str], name: str) -> bool:
    words = same_name(name).split()
    return all(any(word.startswith(beginning) for word in words) for beginning in wanted)
