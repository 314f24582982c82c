"""The appointment as a calendar entry (iCalendar, iTIP): sent, changed and withdrawn by mail."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import icalendar
from icalendar.parser import Contentline

Method = Literal["REQUEST", "CANCEL"]

_MINUTE = timedelta(minutes=1)
_LONGEST_LINE = 75
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# As far back as rules are looked at.
_FIRST_YEAR = 1970
_LOCAL = "%Y%m%dT%H%M%S"
_END = b"END:VEVENT\r\nEND:VCALENDAR\r\n"
_PRODUCT = "-//Amtstermin//Notification//DE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`uid` stays for the appointment's life and `sequence` never falls, so calendars replace the entry."""

    method: Method
    uid: str
    sequence: int
    stamp: datetime
    starts_at: datetime
    ends_at: datetime
    timezone: str
    summary: str
    location: str
    organizer: str
    organizer_name: str
    attendee: str


def uid(appointment: str) -> str:
    """Also booking's, in the entry that a citizen downloads; free of any setting, which might change."""
    return f"{appointment}@amtstermin"


def calendar(entry: Entry) -> bytes:
    """What most entries share is written by the library and kept; it takes 1 ms for a whole one."""
    zone = ZoneInfo(entry.timezone)
    starts_at, ends_at = entry.starts_at.astimezone(zone), entry.ends_at.astimezone(zone)
    own = (
        f"UID:{entry.uid}",
        f"SEQUENCE:{entry.sequence}",
        f"DTSTAMP:{entry.stamp.astimezone(UTC):{_LOCAL}}Z",
        f"DTSTART;TZID={entry.timezone}:{starts_at:{_LOCAL}}",
        f"DTEND;TZID={entry.timezone}:{ends_at:{_LOCAL}}",
        # Nobody at the office reads an answer: the entry counts as accepted.
        f"ATTENDEE;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:{entry.attendee}",
    )
    lines = b"".join(_folded(" ".join(line.split())) + b"\r\n" for line in own)
    shared = _shared(
        entry.method,
        entry.timezone,
        starts_at.year,
        entry.summary,
        entry.location,
        entry.organizer,
        entry.organizer_name,
    )
    return shared + lines + _END


def _folded(line: str) -> bytes:
    raw = line.encode()
    return raw if len(raw) <= _LONGEST_LINE else bytes(Contentline(line).to_ical())  # type: ignore[no-untyped-call]


@lru_cache(maxsize=256)
def _shared(
    method: Method, timezone: str, year: int, summary: str, location: str, organizer: str, organizer_name: str
) -> bytes:
    event = icalendar.Event()
    event.add("summary", summary)
    event.add("location", location)
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("class", "PRIVATE")
    person = icalendar.vCalAddress(f"mailto:{organizer}")
    person.params["CN"] = icalendar.vText(organizer_name)
    event.add("organizer", person)
    result = icalendar.Calendar()
    result.add("prodid", _PRODUCT)
    result.add("version", "2.0")
    result.add("method", method)
    result.add_component(_timezone(timezone, year))
    result.add_component(event)
    return bytes(result.to_ical()).removesuffix(_END)


class _Change(NamedTuple):
    """A change of the clock as each year has it: on the `nth` (-1: last) `weekday` of `month`, by the old time."""

    month: int
    nth: int
    weekday: int
    at: time
    before: timedelta
    after: timedelta
    dst: bool
    name: str


@lru_cache(maxsize=64)
def _timezone(name: str, year: int) -> icalendar.Timezone:
    """The zone's rules as far back as those of `year` have held, and for ever: programs keep what came first.

    Where a zone has no rule that holds every year, the changes around `year`. The library's own generator begins
    summer time an hour late (it writes the local time after the change).
    """
    zone = ZoneInfo(name)
    result = icalendar.Timezone()
    result.add("tzid", name)
    rules = _rules(zone, year)
    if rules and all(_rules(zone, later) == rules for later in range(year + 1, year + 4)):
        changed = (y for y in range(year, _FIRST_YEAR, -1) if _rules(zone, y - 1) != rules)
        first = next(changed, _FIRST_YEAR)
        for change, rule in zip(_changes_of(zone, first), rules, strict=True):
            part = _observance(zone, change)
            by_day = f"{rule.nth}{_WEEKDAYS[rule.weekday]}"
            part.add("rrule", {"freq": "yearly", "bymonth": rule.month, "byday": by_day})
            result.add_component(part)
        return result
    begin = datetime(year - 1, 12, 1, tzinfo=UTC)
    result.add_component(_observance(zone, begin, begins=True))
    for change in _changes(zone, begin, datetime(year + 1, 2, 1, tzinfo=UTC)):
        result.add_component(_observance(zone, change))
    return result


def _observance(
    zone: ZoneInfo, change: datetime, *, begins: bool = False
) -> icalendar.TimezoneDaylight | icalendar.TimezoneStandard:
    """From `change` on; with `begins` nothing changes there, but something has to be the first."""
    before = (change if begins else change - _MINUTE).astimezone(zone).utcoffset() or timedelta()
    after = change.astimezone(zone)
    part = icalendar.TimezoneDaylight() if after.dst() else icalendar.TimezoneStandard()
    part.add("dtstart", (change + before).replace(tzinfo=None))
    part.add("tzoffsetfrom", before)
    part.add("tzoffsetto", after.utcoffset())
    part.add("tzname", after.tzname())
    return part


@lru_cache(maxsize=256)
def _rules(zone: ZoneInfo, year: int) -> tuple[_Change, ...]:
    return tuple(_rule(zone, change) for change in _changes_of(zone, year))


def _rule(zone: ZoneInfo, change: datetime) -> _Change:
    before = (change - _MINUTE).astimezone(zone).utcoffset() or timedelta()
    local, after = (change + before).replace(tzinfo=None), change.astimezone(zone)
    is_last = (local + timedelta(days=7)).month != local.month
    return _Change(
        month=local.month,
        nth=-1 if is_last else (local.day + 6) // 7,
        weekday=local.weekday(),
        at=local.time(),
        before=before,
        after=after.utcoffset() or timedelta(),
        dst=bool(after.dst()),
        name=after.tzname() or "",
    )


def _changes_of(zone: ZoneInfo, year: int) -> list[datetime]:
    return _changes(zone, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))


def _changes(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """The instants between `begin` and `end` at which the zone's offset changes."""
    if begin.astimezone(zone).utcoffset() == end.astimezone(zone).utcoffset() and end - begin <= timedelta(days=2):
        return []
    if end - begin <= _MINUTE:
        return [end]
    middle = begin + max(_MINUTE, (end - begin) // 2 // _MINUTE * _MINUTE)
    return _changes(zone, begin, middle) + _changes(zone, middle, end)
