"""What the office's own people are told by mail, and when: who comes today, and what does not fit any more."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from shared.contracts import ListedVisit

# Who begins to work later than that looks at the day itself.
OF_USE = timedelta(hours=4)
# Whoever closes plans anew right away: what is still in conflict then was overlooked.
SETTLED = timedelta(minutes=15)
_EXPECTED = frozenset({"confirmed", "checked_in", "called", "in_service"})


def day_to_tell(office: Office, *, now: datetime) -> date | None:
    """The office's local day, while its list is of use. None before that, after, and where no list is wanted."""
    at = office.data.day.list_at
    if not at:
        return None
    local = now.astimezone(office.zone)
    begins = datetime.combine(local.date(), time.fromisoformat(at), office.zone)
    return local.date() if begins <= local < begins + OF_USE else None


def listed(appointments: Iterable[Appointment]) -> tuple[ListedVisit, ...]:
    """Who has a time and is still awaited or here, by time."""
    expected = (one for one in appointments if one.status in _EXPECTED and one.lane)
    rows = (
        ListedVisit(
            starts_at=one.starts_at,
            code=one.code,
            service=one.service,
            team=one.team,
            lane=one.lane,
            persons=one.persons,
        )
        for one in expected
    )
    return tuple(sorted(rows, key=lambda row: (row.starts_at, row.team, row.lane, row.code)))


def has_settled(changed_at: datetime | None, *, now: datetime) -> bool:
    """Whether the office was left as it is for long enough to look for conflicts that stay."""
    return changed_at is None or now - changed_at >= SETTLED


def event_id(type: str, *, subject: str, sequence: int) -> str:
    """The same in every process, so that one told twice is one."""
    return str(uuid5(NAMESPACE_URL, f"{type}|{subject}|{sequence}"))
