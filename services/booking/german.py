"""German words and dates for paper, phone and the staff's pages; citizens' texts stand in catalogues."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

WEEKDAYS: Final = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
STATUSES: Final[Mapping[str, str]] = {
    "held": "vorgemerkt",
    "requested": "wartet auf Bestätigung",
    "waiting": "auf der Warteliste",
    "confirmed": "erwartet",
    "checked_in": "wartet",
    "called": "aufgerufen",
    "in_service": "am Platz",
    "completed": "erledigt",
    "no_show": "nicht erschienen",
    "cancelled": "abgesagt",
    "office_cancelled": "vom Amt abgesagt",
    "expired": "verfallen",
    "anonymised": "anonymisiert",
}
NEEDS: Final[Mapping[str, str]] = {
    "wheelchair": "Rollstuhl",
    "step_free": "stufenlos",
    "hearing": "Hören",
    "sign_language": "Gebärdensprache",
    "sight": "Sehen",
    "easy_language": "Leichte Sprache",
    "interpreter": "Sprachmittlung",
    "quiet": "ruhiger Platz",
    "seat": "Sitzplatz",
}


def day_of(local: date) -> str:
    """ "Montag, 30.11.2026"."""
    return f"{WEEKDAYS[local.weekday()]}, {local:%d.%m.%Y}"


def moment_of(local: datetime) -> str:
    """ "Montag, 30.11.2026, 08:30 Uhr"."""
    return f"{day_of(local)}, {local:%H:%M} Uhr"
