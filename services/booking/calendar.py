"""The calendar entry that a citizen downloads: same UID as the one in the mails, neutral title."""

from datetime import datetime

from icalendar import Calendar, Event

from services.booking.domain.appointment import OPEN, Appointment
from services.booking.domain.office import Office


def calendar_entry(appointment: Appointment, office: Office, *, now: datetime) -> bytes:
    """RFC 5545. SEQUENCE is the version, so it never falls."""
    event = Event()
    event.add("uid", f"{appointment.id}@amtstermin")
    event.add("sequence", appointment.version)
    event.add("dtstamp", now)
    event.add("dtstart", appointment.starts_at)
    event.add("dtend", appointment.ends_at)
    event.add("summary", f"Termin {appointment.code}")
    event.add("location", address_on(office, appointment.starts_at))
    event.add("status", "CONFIRMED" if appointment.status in OPEN else "CANCELLED")
    calendar = Calendar()
    calendar.add("prodid", "-//Amtstermin//DE")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def address_on(office: Office, moment: datetime) -> str:
    """The office may move: the address holds on the day of the visit."""
    day = moment.astimezone(office.zone).date()
    for location in office.data.locations:
        if location.valid_from <= day and (location.valid_until is None or day < location.valid_until):
            return f"{location.street}, {location.postal_code} {location.city}"
    return ""
