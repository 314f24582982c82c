"""Open cells of one office's lanes as bits from a base cell, for each kind of access.

One mask per lane and access is kept until the next minute at which something is released, or local midnight.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from services.booking.domain.hours import Lane, day_cells, wall_moment
from services.booking.domain.office import Office
from services.booking.domain.release import Access, channels_for
from services.booking.domain.rules import Channel
from services.booking.domain.surnames import SurnameRange

Ranges = tuple[SurnameRange, ...]
# Names of different validity and absences make few different sets of desks.
_MOST_DESKS = 500


@dataclass(frozen=True, slots=True)
class Desk:
    """A lane that may serve somebody; `only` are the cells in which it may (None: all)."""

    lane: str
    only: int | None = None


class _Kept(NamedTuple):
    since: datetime
    until: datetime
    bits: int


class Masks:
    def __init__(self, office: Office, *, base: int) -> None:
        self._office = office
        self._base = base
        self._open: dict[tuple[Lane, Access], _Kept] = {}
        self._desks: dict[tuple[str, Ranges], tuple[Desk, ...]] = {}
        self._today = date.min

    def open(self, lane: Lane, access: Access, *, now: datetime) -> int:
        """Cells that may be booked now, taken or not; bit i is cell `base + i`."""
        kept = self._open.get((lane, access))
        if kept is None or not kept.since <= now < kept.until:
            kept = self._open[lane, access] = self._read(lane, access, now)
        return kept.bits

    def ever(self, lane: Lane, *, now: datetime) -> int:
        """Open cells for whatever channel, released or not."""
        return self.open(lane, "staff", now=now)

    def desks(self, team: str, ranges: Ranges, *, now: datetime) -> tuple[Desk, ...]:
        """Who may serve: each lane of the team, or those of the ranges with their deputies while they are away."""
        today = now.astimezone(self._office.zone).date()
        if today != self._today or len(self._desks) >= _MOST_DESKS:
            self._today = today
            self._desks.clear()
        key = (team, ranges)
        if key not in self._desks:
            self._desks[key] = self._read_desks(team, ranges, today)
        return self._desks[key]

    def _read(self, lane: Lane, access: Access, now: datetime) -> _Kept:
        office, bits = self._office, 0
        today = now.astimezone(office.zone).date()
        until = wall_moment(today + timedelta(days=1), time(0), office.zone)
        first, last = office.days(access, now=now)
        for day in _days(first, last):
            cells = office.hours.cells(lane, day)
            for channel in channels_for(access):
                if not (there := cells.by_channel.get(channel)):
                    continue
                release = self._release(lane, day, channel, access, now)
                if release is None or release <= now:
                    bits |= _shifted(there, cells.first - self._base)
                else:
                    until = min(until, release)
        # Most lanes are open alike: they share one number.
        return _Kept(now, until, next((kept.bits for kept in self._open.values() if kept.bits == bits), bits))

    def _release(self, lane: Lane, day: date, channel: Channel, access: Access, now: datetime) -> datetime | None:
        """None where the cells are released already; staff do not wait for it."""
        releases = self._office.releases
        if access == "staff" or releases.is_released(lane, day, channel, now=now):
            return None
        return releases.at(lane, day, channel)

    def _read_desks(self, team: str, ranges: Ranges, today: date) -> tuple[Desk, ...]:
        if not ranges:
            return tuple(Desk(lane) for lane in self._office.lanes(team))
        cells: dict[str, int] = {}
        for rule in ranges:
            validity = self._valid(rule, today)
            for lane in rule.lanes:
                for desk, served in self._served((team, lane), today):
                    cells[desk] = cells.get(desk, 0) | (served & validity)
        return tuple(Desk(lane, only) for lane, only in cells.items() if only)

    def _served(self, lane: Lane, today: date) -> Iterator[tuple[str, int]]:
        """Who serves the lane's people in which cells: itself, and while it is away the first deputy present."""
        left = self._all(today)
        for who in (lane[1], *self._office.deputies(lane)):
            away = self._away((lane[0], who), today)
            # A lane's own absence is no part of what it has open.
            yield who, left
            left &= away

    def _away(self, lane: Lane, today: date) -> int:
        hours, bits = self._office.hours, 0
        for day in _days(today, self._last(today)):
            if absent := hours.absent(lane, day):
                bits |= _shifted(absent, day_cells(day, self._office.zone)[0] - self._base)
        return bits

    def _valid(self, rule: SurnameRange, today: date) -> int:
        bits = self._all(today)
        if rule.valid_until:
            bits &= _below(self._offset(rule.valid_until))
        return bits & ~_below(self._offset(rule.valid_from)) if rule.valid_from else bits

    def _all(self, today: date) -> int:
        return _below(self._offset(self._last(today) + timedelta(days=1)))

    def _last(self, today: date) -> date:
        rules = self._office.data.booking
        return today + timedelta(days=max(rules.horizon_days, rules.staff_horizon_days))

    def _offset(self, day: date) -> int:
        return max(0, day_cells(day, self._office.zone)[0] - self._base)


def _shifted(bits: int, by: int) -> int:
    return bits << by if by >= 0 else bits >> -by


def _below(position: int) -> int:
    return (1 << position) - 1


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
