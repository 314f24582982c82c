"""When people are written to: reminders by the office's wall time, and nobody's phone rings at night."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.contracts import Office
from shared.contracts.offices import Messages

# What counts until an office is known.
_USUAL_ZONE = "Europe/Berlin"
# What the quiet hours push forward goes out so long before they begin, so that a backlog does not run into them.
_BEFORE_QUIET = timedelta(hours=1)


def zone_of(office: Office | None) -> ZoneInfo:
    return ZoneInfo(office.timezone if office else _USUAL_ZONE)


def is_at_hand(starts_at: datetime, *, now: datetime, office: Office | None) -> bool:
    """Whether a visit is on this day or the next one, by the office's calendar."""
    zone = zone_of(office)
    return (starts_at.astimezone(zone).date() - now.astimezone(zone).date()).days <= 1


def reminder_due(starts_at: datetime, *, office: Office | None) -> datetime | None:
    """When to remind of a visit: so many hours of wall time before it, earlier where that is a quiet hour.

    The clock on the wall counts, so that a visit at 10:30 is reminded of at 10:30, also across a change of the
    clock; a time that the clock skips stands for the one an hour later. None where the office sends none.
    """
    rules, zone = _rules(office), zone_of(office)
    if not rules.reminder_hours:
        return None
    wall = starts_at.astimezone(zone).replace(tzinfo=None) - timedelta(hours=rules.reminder_hours)
    began = _quiet_since(wall, rules)
    if began is not None:
        wall = began - _BEFORE_QUIET
    return wall.replace(tzinfo=zone).astimezone(starts_at.tzinfo)


def quiet_until(now: datetime, *, office: Office | None) -> datetime | None:
    """The end of the quiet hours that `now` is in; None outside of them."""
    rules, zone = _rules(office), zone_of(office)
    wall = now.astimezone(zone).replace(tzinfo=None)
    began = _quiet_since(wall, rules)
    if began is None:
        return None
    end = datetime.combine(began.date(), _until(rules))
    end += timedelta(days=end <= began)
    return end.replace(tzinfo=zone).astimezone(now.tzinfo)


def _quiet_since(wall: datetime, rules: Messages) -> datetime | None:
    """When the quiet hours around `wall` began; None where there are none then."""
    start, end = time.fromisoformat(rules.quiet_from), _until(rules)
    today = datetime.combine(wall.date(), start)
    if start <= end:
        return today if start <= wall.time() < end else None
    if wall.time() >= start:
        return today
    return today - timedelta(days=1) if wall.time() < end else None


def _until(rules: Messages) -> time:
    return time.fromisoformat(rules.quiet_until)


def _rules(office: Office | None) -> Messages:
    return office.messages if office else Messages()
