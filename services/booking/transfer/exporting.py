"""An office's appointments as rows that an import reads; it refuses those of whom nothing can be read."""

from collections.abc import AsyncIterator
from datetime import datetime

from services.booking.commands import Booking
from services.booking.domain.appointment import Appointment
from services.booking.people import Person
from services.booking.transfer.rows import Row

# Those that a person is, or was, expected for.
_STATUSES = frozenset({"confirmed", "checked_in", "called", "in_service", "completed", "no_show"})


async def exported(
    booking: Booking, office: str, start: datetime, end: datetime
) -> AsyncIterator[tuple[Row, Appointment]]:
    """Those that begin in `[start, end)`, by start, whose person is not erased; UNREADABLE whom no key opens."""
    found = [
        appointment
        for appointment in await booking.appointments.between(office, start, end)
        if appointment.status in _STATUSES and appointment.person and appointment.lane
    ]
    persons = await booking.people.open_all(found)
    for appointment in found:
        if person := persons.get(appointment.id):
            yield _row(appointment, person, booking), appointment


def _row(appointment: Appointment, person: Person, booking: Booking) -> Row:
    local = appointment.starts_at.astimezone(booking.offices[appointment.office].zone)
    return Row(
        key=appointment.id,
        starts_at=local.isoformat(),
        service=appointment.service,
        family_name=person.family_name,
        municipalities=appointment.municipalities,
        given_name=person.given_name,
        email=person.email,
        phone=person.phone,
        language=appointment.contact.language if appointment.contact else "de",
        lane=appointment.lane,
    )
