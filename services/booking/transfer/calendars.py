"""iCalendar (RFC 5545): one VEVENT per appointment.

What calendars have no word for stands in `X-AMTSTERMIN-…`. Files of other systems lack it: then the service is the
category, and name and mail are the attendee's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from icalendar import Calendar, Event, vCalAddress

from services.booking.transfer.rows import Fault, Read, Row

_OWN = ("service", "family_name", "given_name", "municipalities", "phone", "language", "lane")


@dataclass(frozen=True, slots=True)
class Defaults:
    """For what the file does not say."""

    service: str | None = None
    municipality: str | None = None


def read_calendar(data: bytes, *, defaults: Defaults) -> Read:
    read = Read()
    try:
        calendars = Calendar.from_ical(data, multiple=True)
        begins = [n for n, line in enumerate(data.splitlines(), 1) if line.strip().upper() == b"BEGIN:VEVENT"]
    except ValueError as error:
        read.faults.append(Fault(1, f"no iCalendar: {type(error).__name__}"))
        return read
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    if len(begins) != len(events) or not events:
        read.faults.append(Fault(1, "no iCalendar with events"))
        return read
    for line, event in zip(begins, events, strict=True):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            read.add(line, _values(event, defaults))
    return read


def _values(event: Any, defaults: Defaults) -> dict[str, Any]:
    own = {name: str(event.get(_property(name), "")) for name in _OWN}
    attendee = event.get("ATTENDEE")
    attendee = attendee[0] if isinstance(attendee, list) else attendee
    given, _, family = _common_name(attendee)
    return {
        **own,
        "key": str(event.get("UID", "")),
        "starts_at": _start(event),
        "service": own["service"] or _category(event) or defaults.service or "",
        "family_name": own["family_name"] or family,
        "given_name": own["given_name"] or given,
        "municipalities": own["municipalities"] or defaults.municipality or "",
        "email": _address(attendee),
    }


def _start(event: Any) -> str:
    start = event.decoded("DTSTART", None)
    # A whole day is no appointment; the row is refused with the field's name.
    return start.isoformat() if isinstance(start, datetime) else str(start and "")


def _category(event: Any) -> str:
    found = event.get("CATEGORIES")
    names = [] if found is None else list(getattr(found, "cats", ()))
    return str(names[0]) if names else ""


def _common_name(attendee: Any) -> tuple[str, str, str]:
    """Given name, nothing, family name: "Öztürk, Ayşe", or the last word of "Ayşe Öztürk"."""
    name = str(attendee.params.get("CN", "")) if attendee is not None else ""
    if "," in name:
        family, _, given = name.partition(",")
        return given.strip(), "", family.strip()
    return name.rpartition(" ")


def _address(attendee: Any) -> str:
    text = str(attendee or "")
    return text[7:] if text.lower().startswith("mailto:") else ""


def write_calendar(rows: Iterable[tuple[Row, datetime, datetime]], *, now: datetime) -> bytes:
    """Each with its start and end."""
    calendar = Calendar()
    calendar.add("prodid", "-//Amtstermin//DE")
    calendar.add("version", "2.0")
    for row, starts_at, ends_at in rows:
        calendar.add_component(_event(row, starts_at, ends_at, now))
    return bytes(calendar.to_ical())


def _event(row: Row, starts_at: datetime, ends_at: datetime, now: datetime) -> Event:
    event = Event()
    event.add("uid", row.key)
    event.add("dtstamp", now)
    event.add("dtstart", starts_at.astimezone(UTC))
    event.add("dtend", ends_at.astimezone(UTC))
    event.add("summary", row.family_name)
    event.add("categories", [row.service])
    values = row.model_dump() | {"municipalities": " ".join(row.municipalities)}
    for name in _OWN:
        if values[name]:
            event.add(_property(name), values[name])
    if row.email:
        attendee = vCalAddress(f"mailto:{row.email}")
        attendee.params["CN"] = f"{row.family_name}, {row.given_name or ''}".rstrip(", ")
        event.add("attendee", attendee, encode=False)
    return event


def _property(name: str) -> str:
    return f"X-AMTSTERMIN-{name.replace('_', '-').upper()}"


def is_calendar(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \r\n").upper().startswith(b"BEGIN:VCALENDAR")
