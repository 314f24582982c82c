"""The next free times for a visit, as staff may give them: a few for each of the next days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.booking.commands import Booking
from services.booking.domain.appointment import Appointment
from services.booking.domain.cells import CELL
from services.booking.domain.conflicts import next_times
from services.booking.domain.hours import wall_moment
from services.booking.domain.office import Office

_DAYS = 4
_PER_DAY = 8
# Nobody looks further on one page; whoever wants to gives a later day.
_MOST_STARTS = 600


@dataclass(frozen=True, slots=True)
class Sought:
    """A visit without a time; `lane` is staff's choice, `own` an appointment whose time counts as free."""

    team: str
    family_name: str
    minutes: int
    lane: str | None = None
    own: str | None = None


@dataclass(frozen=True, slots=True)
class FreeTime:
    starts_at: datetime
    desk: str


@dataclass(frozen=True, slots=True)
class FreeDay:
    day: date
    times: tuple[FreeTime, ...]


def free_days(booking: Booking, office: Office, sought: Sought, *, first: date | None = None) -> list[FreeDay]:
    """From `first` or from now on. Raises NotLoaded, UnknownLane."""
    by_day: dict[date, list[FreeTime]] = {}
    for found in _free(booking, office, sought, first=first):
        day = found.starts_at.astimezone(office.zone).date()
        if day not in by_day and len(by_day) == _DAYS:
            break
        by_day.setdefault(day, []).append(found)
    return [FreeDay(day, _spread(times)) for day, times in by_day.items()]


def sought_again(appointment: Appointment, *, family_name: str, lane: str | None = None) -> Sought:
    """The same visit at another time."""
    minutes = (appointment.ends_at - appointment.starts_at) // timedelta(minutes=1)
    return Sought(appointment.team, family_name, minutes, lane=lane, own=appointment.id)


def _free(booking: Booking, office: Office, sought: Sought, *, first: date | None) -> Iterator[FreeTime]:
    now = booking.clock.now()
    after = max(now, wall_moment(first, time(0), office.zone)) if first else now
    if sought.lane:
        office.check_lane(sought.lane, team=sought.team)
    found = next_times(
        booking.memory.availability(office.id),
        sought.team,
        length=-(-timedelta(minutes=sought.minutes) // CELL),
        after=after,
        now=now,
        ranges=() if sought.lane else office.ranges(sought.team, sought.family_name),
        access="staff",
        own=sought.own,
    )
    last = office.last_day_for_staff(now)
    for number, (starts_at, lanes) in enumerate(found):
        if number == _MOST_STARTS or starts_at.astimezone(office.zone).date() > last:
            return
        chosen = [lane for lane in lanes if sought.lane in (None, lane)]
        if chosen:
            yield FreeTime(starts_at, office.lane_name(chosen[0]) if len(chosen) == 1 else "")


def _spread(times: list[FreeTime]) -> tuple[FreeTime, ...]:
    """The first of the day, and of the rest as many as fit, evenly."""
    if len(times) <= _PER_DAY:
        return tuple(times)
    return tuple(times[place * len(times) // _PER_DAY] for place in range(_PER_DAY))
