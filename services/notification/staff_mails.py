"""What the office's own people get by mail: lists of appointments, in German and without names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from services.notification.catalogues import FALLBACK
from services.notification.domain import Channel, Delivery, Drop, Status, Wait, delivery_id, stored
from services.notification.purposes import Purpose
from services.notification.saying import long_date
from services.notification.wording import accent_of
from shared.contracts import ConflictList, DayList, ListedVisit, Office, OfficeConflictsFound, OfficeDayPlanned

StaffEvent = OfficeDayPlanned | OfficeConflictsFound
# What comes later than that is not how things stand any more.
_USEFUL = timedelta(hours=4)

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


def useful_until(event: StaffEvent) -> datetime:
    """From when on its mails are not sent any more, and the list is forgotten."""
    return event.time + _USEFUL


def staff_message(event: StaffEvent, *, to: str) -> Delivery:
    """The mail to one of the office's addresses; the same one however often the event comes.

    It knows no appointment: the event's id stands in its place. The address is in none of its fields.
    """
    purpose = Purpose.DAY_LIST if isinstance(event, OfficeDayPlanned) else Purpose.CONFLICTS
    caused_by = _cause(event.id, to)
    return Delivery(
        id=delivery_id(caused_by, purpose, Channel.EMAIL),
        caused_by=caused_by,
        appointment=event.id,
        office=event.data.office,
        purpose=purpose,
        channel=Channel.EMAIL,
        language=FALLBACK,
        state_sequence=0,
        contact_sequence=None,
        starts_at=None,
        created_at=stored(event.time),
        due_at=stored(event.time),
        not_after=stored(useful_until(event)),
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
    )


def decide_staff(
    delivery: Delivery,
    *,
    listed: DayList | ConflictList | None,
    addresses: Iterable[str],
    office: Office | None,
    now: datetime,
) -> SendStaff | Wait | Drop:
    """Whether it goes out at `now`, to whichever of the office's present `addresses` it was planned for."""
    if now >= delivery.not_after:
        return Drop(Status.EXPIRED, "too late")
    to = next((one for one in addresses if _cause(delivery.appointment, one) == delivery.caused_by), None)
    if to is None:
        return Drop(Status.NOT_WANTED, "this address is not named any more")
    if listed is None:
        return Wait("list")
    if office is None:
        return Wait("office")
    day = listed.day if isinstance(listed, DayList) else listed.as_of.astimezone(ZoneInfo(office.timezone)).date()
    rows = tuple(map(_read, listed.visits))
    return SendStaff(to=to, office=office, day=day, as_of=listed.as_of, rows=rows, url=listed.url)


def _cause(event_id: str, to: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{event_id}|{to}"))


def _read(visit: ListedVisit) -> Row:
    return Row(**visit.model_dump())


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
        "accent": accent_of(facts.office),
    }


def _row(purpose: Purpose, row: Row, office: Office, zone: ZoneInfo) -> tuple[str, ...]:
    local = row.starts_at.astimezone(zone)
    service = next((s.name.get(FALLBACK, s.id) for s in office.services if s.id == row.service), row.service)
    team = next((t.name.get(FALLBACK, t.id) for t in office.teams if t.id == row.team), row.team)
    shared = (row.code, service, f"{team}, {row.lane}")
    if purpose is Purpose.DAY_LIST:
        return (f"{local:%H:%M}", *shared, str(row.persons))
    return (f"{local:%d.%m.%Y %H:%M}", *shared, _REASONS.get(row.reason, row.reason))
