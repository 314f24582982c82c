"""What is printed: the slip for a booking made at the counter or on the phone, and the day's list.

The text comes as data and is never read as markup, so no name can do more than stand there.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.german import NEEDS, STATUSES, day_of, moment_of

_HERE = Path(__file__).parent
_COLUMNS = ("Zeit", "Code", "Name", "Anliegen", "Pers.", "Platz", "Hinweis", "da um", "Beginn", "Ende")


@dataclass(frozen=True, slots=True)
class Listed:
    """An appointment in the day's list, and what is sealed of its person."""

    appointment: Appointment
    name: str
    access_needs: tuple[str, ...] = ()


async def slip(appointment: Appointment, office: Office, *, name: str) -> bytes:
    """One page as PDF, in German."""
    return await asyncio.to_thread(_compile, "slip.typ", slip_text(appointment, office, name=name))


async def day_list(listed: Sequence[Listed], office: Office, *, now: datetime) -> bytes:
    """A4 across as PDF; `now` stands on each page."""
    return await asyncio.to_thread(_compile, "day_list.typ", _day_list(listed, office, now))


def _compile(template: str, data: Mapping[str, Any]) -> bytes:
    # Here, not above: most processes never print, and the compiler costs 20 MiB.
    import typst

    made = typst.compile(str(_HERE / template), sys_inputs={"data": json.dumps(data)}, format="pdf")
    assert isinstance(made, bytes)
    return made


def slip_text(appointment: Appointment, office: Office, *, name: str) -> dict[str, Any]:
    """What stands on the slip, on paper and on the page that the browser prints."""
    local = appointment.starts_at.astimezone(office.zone)
    services = [office.service(id) for id in appointment.services]
    place = _location(office, local)
    persons = "eine Person" if appointment.persons == 1 else f"{appointment.persons} Personen"
    return {
        "language": "de",
        "title": "Ihr Termin" if appointment.ticket is None else f"Wartenummer {appointment.ticket}",
        "office": office.data.name["de"],
        "when": moment_of(local),
        "place": place[0],
        "access": place[1],
        "rows": [
            ["Code", appointment.code],
            ["Name", name],
            ["Anliegen", " und ".join(service.name["de"] for service in services)],
            ["Für", persons],
            *([["Telefon", office.data.phone]] if office.data.phone else []),
        ],
        "bring": "Bitte bringen Sie mit:",
        "documents": list(dict.fromkeys(d for s in services for d in s.documents.get("de", ()))),
        "notes": [
            "Absagen oder verschieben: bitte anrufen und den Code nennen.",
            "Die Terminbuchung ersetzt keinen Antrag.",
        ],
    }


def _location(office: Office, local: datetime) -> tuple[str, str]:
    """The office may move: the address holds on the day of the visit."""
    for place in office.data.locations:
        if place.valid_from <= local.date() and (place.valid_until is None or local.date() < place.valid_until):
            return f"{place.street}, {place.postal_code} {place.city}", place.access.get("de", "")
    return "", ""


def _day_list(listed: Sequence[Listed], office: Office, now: datetime) -> dict[str, Any]:
    local = now.astimezone(office.zone)
    return {
        "title": f"Tagesliste {day_of(local)} · {office.data.name['de']}",
        "made": f"Stand {local:%d.%m.%Y, %H:%M} Uhr. Enthält personenbezogene Daten: nach dem Tag vernichten.",
        "columns": list(_COLUMNS),
        "rows": [_row(entry, office) for entry in listed],
        "empty": "Heute ist kein Termin vereinbart.",
    }


def _row(entry: Listed, office: Office) -> list[str]:
    appointment = entry.appointment
    notes = [STATUSES[appointment.status], *(NEEDS.get(need, need) for need in entry.access_needs)]
    return [
        appointment.ticket or f"{appointment.starts_at.astimezone(office.zone):%H:%M}",
        appointment.code,
        entry.name,
        ", ".join(office.service(id).name["de"] for id in appointment.services),
        str(appointment.persons),
        appointment.called_to or appointment.lane,
        ", ".join(note for note in notes if note),
        *(_step_time(appointment, step, office) for step in ("checked_in", "in_service", "completed")),
    ]


def _step_time(appointment: Appointment, step: str, office: Office) -> str:
    at = next((s.at for s in reversed(appointment.steps) if s.step == step), None)
    return f"{at.astimezone(office.zone):%H:%M}" if at else ""
