"""How times, days and counts stand on the pages. Moments are shown in the office's time zone."""

from datetime import date, datetime
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
    """Of days or local times, half open as they are stored, as people say it."""
    return f"{_local(closure.from_)} bis {_until(closure.until)}"


def _local(value: date) -> str:
    return f"{value:%d.%m.%Y, %H:%M}" if isinstance(value, datetime) else f"{value:%d.%m.%Y}"


def _until(value: date) -> str:
    """A day that no longer belongs to it."""
    return _local(value) if isinstance(value, datetime) else f"vor {value:%d.%m.%Y}"
