"""What an HTTP status means for a message, and the pause that a gateway asks for."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from services.notification.channels import PermanentFailure, TemporaryFailure, Unavailable

_LEAST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(hours=1)

# What says nothing about this one message: our token, our account, our address of the gateway, its load.
_OUR_MATTER = frozenset({401, 402, 403, 404, 405, 407, 429, 503})
# Refused for the moment: too slow, or the same message is under way already.
_FOR_NOW = frozenset({408, 409, 425})


def failure_of(status: int, *, retry_after: timedelta | None) -> TemporaryFailure | PermanentFailure | None:
    """What an HTTP status means for the message, None where it is taken over."""
    error = f"HTTP {status}"
    if 200 <= status < 300:
        return None
    if status in _OUR_MATTER or status < 400:
        return Unavailable(error, retry_after=retry_after)
    if status in _FOR_NOW or status >= 500:
        return TemporaryFailure(error, retry_after=retry_after)
    return PermanentFailure(error)


def pause_asked(value: str | None, *, now: datetime) -> timedelta | None:
    """The pause that a Retry-After header asks for, in seconds or as a date, between a second and an hour.

    None where there is none that can be read.
    """
    try:
        pause = timedelta(seconds=int(value)) if value and value.isdecimal() else _until(value or "", now)
    except ValueError:
        return None
    except OverflowError:
        return _LONGEST_PAUSE
    return min(max(pause, _LEAST_PAUSE), _LONGEST_PAUSE)


def _until(date: str, now: datetime) -> timedelta:
    """Raises ValueError where `date` is none."""
    moment = parsedate_to_datetime(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
