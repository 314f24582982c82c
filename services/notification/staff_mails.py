"""What the office's own people get by mail: lists of appointments, in German and without names."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.notification.catalogues import FALLBACK
from services.notification.purposes import Purpose
from services.notification.saying import long_date
from shared.contracts import Office

_COLUMNS = {
    Purpose.DAY_LIST: ("Uhrzeit", "Terminnummer", "Anliegen", "Platz", "Personen"),
    Purpose.CONFLICTS: ("Tag und Uhrzeit", "Terminnummer", "Anliegen", "Platz", "Grund"),
}
_REASONS = {
    "closed": "geschlossen",
    "desk-absent": "Platz nicht besetzt",
    "no-such-desk": "Platz gibt es nicht mehr",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One appointment: `service`, `team` and `lane` by their ids; `reason` is what a conflict is."""

    starts_at: datetime
    code: str
    service: str
    team: str
    lane: str
    persons: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendStaff:
    """A list of `day` as it was at `as_of`; `url` leads whoever signs in to it."""

    to: str
    office: Office
    day: date
    as_of: datetime
    rows: tuple[Row, ...]
    url: str = ""

    @property
    def languages(self) -> tuple[str | None, ...]:
        return (FALLBACK,)


def told(purpose: Purpose, facts: SendStaff) -> dict[str, object]:
    """What the template says."""
    zone = ZoneInfo(facts.office.timezone)
    return {
        "lang": FALLBACK,
        "dir": "ltr",
        "day": long_date(facts.day, FALLBACK),
        "as_of": f"{facts.as_of.astimezone(zone):%d.%m.%Y, %H:%M} Uhr",
        "columns": _COLUMNS[purpose],
        "rows": [_row(purpose, row, facts.office, zone) for row in facts.rows],
        "url": facts.url,
    }


def _row(purpose: Purpose, row: Row, office: Office, zone: ZoneInfo) -> tuple[str, ...]:
    local = row.starts_at.astimezone(zone)
    service = next((s.name.get(FALLBACK, s.id) for s in office.services if s.id == row.service), row.service)
    team = next((t.name.get(FALLBACK, t.id) for t in office.teams if t.id == row.team), row.team)
    shared = (row.code, service, f"{team}, {row.lane}")
    if purpose is Purpose.DAY_LIST:
        return (f"{local:%H:%M}", *shared, str(row.persons))
    return (f"{local:%d.%m.%Y %H:%M}", *shared, _REASONS.get(row.reason, row.reason))
