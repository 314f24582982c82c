"""Days on which the clock is changed, and the day that most years lack."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import holidays

from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.cells import CELL
from services.booking.domain.office import Office, UnbookableStart
from services.reporting.domain.facts import local_day
from shared.contracts.offices import OpeningHours
from tests.builders import a_hold, an_office
from tests.prove.faults import probe
from tests.prove.world import World

_SERVICE, _TEAM = "eat_pickup", "service_point"
_VISIT, _GRID = timedelta(minutes=15), timedelta(minutes=10)
_LEAP_DAY = date(2028, 2, 29)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DRAWN = 200


@dataclass(frozen=True, slots=True)
class _Change:
    """Looked at from `now`; on `day` the zone's offset turns from `before` to `after`, in hours."""

    now: datetime
    day: date
    before: int
    after: int

    def offset(self, day: date, hour: int) -> int:
        return self.after if (day, hour) >= (self.day, 3) else self.before


_CHANGES = (
    _Change(datetime(2027, 3, 25, 17, tzinfo=UTC), date(2027, 3, 28), 1, 2),
    _Change(datetime(2026, 10, 22, 17, tzinfo=UTC), date(2026, 10, 25), 2, 1),
    _Change(datetime(2028, 2, 24, 17, tzinfo=UTC), date(2028, 3, 26), 1, 2),
)


@probe(
    24, "clock changes and the leap day", expected="every start at the wall time of the hours, once, UTC stored"
)
def clock_changes(world: World, chance: Random) -> str:
    """Looks at the rules that the processes run by, at moments that the processes do not live to see.

    Seen to fail with the beginning of the hours read at one offset all year.
    """
    office, at_night, starts = an_office(), _open_at_night(), 0
    for change in _CHANGES:
        offered = _offered(office, change.now)
        expected = list(_as_the_hours_say(office, change))
        assert offered == expected, f"around {change.day}: {_differing(offered, expected)}"
        nightly = [start for start in _offered(at_night, change.now) if start.date() == change.day]
        _assert_nightly(nightly, change)
        _assert_agreed(office, offered, change, chance)
        _assert_stored_in_utc(office, [*chance.sample(offered, k=20), *nightly], change)
        starts += len(offered) + len(nightly)
    leap = [start for start in _offered(office, _CHANGES[2].now) if start.date() == _LEAP_DAY]
    assert leap, "nothing is offered on the leap day, a Tuesday"
    return (
        f"{starts} starts around {len(_CHANGES)} clock changes and a leap day, of the delivered office and of one "
        "that is open at night; a look at the rules, not at running processes"
    )


def _open_at_night() -> Office:
    """Open when the clock is changed, which the delivered office never is."""
    hours = OpeningHours.model_validate({"weekdays": _DAYS, "from": "00:00", "until": "06:00"})
    return Office(an_office().data.model_copy(update={"opening_hours": (hours,)}))


def _offered(office: Office, now: datetime) -> list[datetime]:
    """What a search shows: local times with their offsets."""
    availability = Availability(office, base=base_cell(now))
    starts = availability.starts(_TEAM, length=_VISIT // CELL, now=now)
    first, last = office.first_bookable_day(now), office.last_bookable_day(now)
    found = [
        (day, datetime.fromisoformat(text))
        for day, times in availability.days(starts, first=first, last=last)
        for text in json.loads(times)
    ]
    misplaced = [str(start) for day, start in found if start.date() != day]
    assert not misplaced, f"shown on another day than their own: {misplaced}"
    return [start for _, start in found]


def _as_the_hours_say(office: Office, change: _Change) -> Iterator[datetime]:
    """Worked out by hand: wall times of the office's hours, with the offset of their day."""
    closed = holidays.country_holidays("DE", subdiv="BW")
    day, last = office.first_bookable_day(change.now), office.last_bookable_day(change.now)
    while day <= last:
        if day not in closed and not any(c.from_ <= day < c.until for c in office.data.closures):
            yield from _on(office, day, change)
        day += timedelta(days=1)


def _on(office: Office, day: date, change: _Change) -> Iterator[datetime]:
    hours = [rule for rule in office.data.opening_hours if _DAYS[day.weekday()] in rule.weekdays]
    for rule in sorted(hours, key=lambda rule: rule.from_):
        wall = datetime.combine(day, time.fromisoformat(rule.from_), UTC)
        until = datetime.combine(day, time.fromisoformat(rule.until), UTC)
        while wall + _VISIT <= until:
            yield wall - timedelta(hours=change.offset(day, wall.hour))
            wall += _GRID


def _differing(offered: Sequence[datetime], expected: Sequence[datetime]) -> str:
    """The first few, and how often something is offered twice."""
    wrong = sorted(set(offered) ^ set(expected))[:5]
    return f"{[str(start) for start in wrong]} differ, {len(offered) - len(set(offered))} are doubled"


def _assert_nightly(nightly: Sequence[datetime], change: _Change) -> None:
    """From midnight to six: an hour less or more, the hour that is lacking or doubled as the clock shows it."""
    midnight = datetime.combine(change.day, time(0), UTC) - timedelta(hours=change.before)
    lasts = timedelta(hours=6 + change.before - change.after)
    expected = [midnight + n * _GRID for n in range(int((lasts - _VISIT) / _GRID) + 1)]
    assert list(nightly) == expected, f"in the night of {change.day}: {_differing(nightly, expected)}"
    shown = sum(start.hour == 2 for start in nightly)
    wanted = 0 if change.after > change.before else 12
    assert shown == wanted, f"in the night of {change.day} {shown} starts between two and three"


def _assert_agreed(office: Office, offered: Sequence[datetime], change: _Change, chance: Random) -> None:
    """What a search shows can be booked, and nothing else."""
    shown, first = set(offered), offered[0].astimezone(UTC)
    availability = Availability(office, base=base_cell(change.now))
    drawn = [first + timedelta(minutes=5 * chance.randrange(12 * 24 * 56)) for _ in range(_DRAWN)]
    for start in [*chance.sample(offered, k=_DRAWN), *drawn]:
        taken = _may_be_booked(availability, start.astimezone(UTC), change.now)
        assert taken == (start in shown), f"{start} is {'taken' if taken else 'refused'}, against what is shown"


def _may_be_booked(availability: Availability, start: datetime, now: datetime) -> bool:
    try:
        availability.check_start(_TEAM, starts_at=start, length=_VISIT // CELL, now=now)
    except UnbookableStart:
        return False
    return True


def _assert_stored_in_utc(office: Office, starts: Sequence[datetime], change: _Change) -> None:
    for start in starts:
        held = a_hold(now=change.now, starts_in=start - change.now, ends_at=start + _VISIT)
        cells = [cell.rpartition("|")[2] for cell in held.cells]
        wanted = [f"{start.astimezone(UTC) + n * CELL:%Y%m%dT%H%MZ}" for n in range(_VISIT // CELL)]
        assert cells == wanted, f"{start} holds the cells {cells}"
        assert local_day(held.starts_at, office.zone) == start.date(), f"{start} counts on another day"
