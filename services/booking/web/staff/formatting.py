"""How times, days and counts stand on the pages. Moments are shown in the office's time zone."""

from datetime import date, datetime, time, timedelta
from typing import Any

from services.booking.domain.office import Office
from services.booking.web.staff import words


def wall(moment: datetime, office: Office) -> str:
    """ "08:30"."""
    return words.time_of(moment.astimezone(office.zone))


def day(moment: datetime, office: Office) -> str:
    """ "Montag, 30.11.2026"."""
    return words.day_of(moment.astimezone(office.zone))


def moment(value: datetime, office: Office) -> str:
    """ "Mo 30.11.2026, 08:30"."""
    local = value.astimezone(office.zone)
    return f"{words.SHORT_WEEKDAYS[local.weekday()]} {local:%d.%m.%Y}, {local:%H:%M}"


def iso(value: datetime, office: Office) -> str:
    """For `<time datetime>` and form fields: with offset, and the same time read back."""
    return value.astimezone(office.zone).isoformat()


def german_date(value: date) -> str:
    return f"{value:%d.%m.%Y}"


def span(closure: Any) -> str:
    """Of days or local times, half open as they are stored, as people say it: the last day belongs to it."""
    first, until = closure.from_, closure.until
    if isinstance(first, datetime) or isinstance(until, datetime):
        return f"{_local(first)} bis {_local(until)}"
    last = until - timedelta(days=1)
    return f"{first:%d.%m.%Y}" if last <= first else f"{first:%d.%m.%Y} bis {last:%d.%m.%Y}"


def _local(value: date) -> str:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return f"{moment:%d.%m.%Y, %H:%M}"
