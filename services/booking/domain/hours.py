"""When each lane is open and for whom, as cells of a local day.

Wall times are read so that neighbouring spans never leave a gap nor overlap: a time that the clock skips is the
moment of the change, one that it shows twice is its first.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import holidays

from services.booking.domain.cells import CELL, cell_at, start_of
from services.booking.domain.rules import (
    WEEKDAYS,
    Absence,
    Channel,
    Closure,
    Holidays,
    OfficeData,
    local_moment,
    week_of,
)
from services.booking.domain.surnames import is_valid
from shared.contracts import offices

Lane = tuple[str, str]
_SECONDS = int(CELL.total_seconds())
# Nobody asks for so many days but by accident or on purpose.
_MOST_DAYS = 5_000


@dataclass(frozen=True, slots=True)
class DayCells:
    """Open cells of one lane on a local day, for each channel; bit i is cell `first + i`."""

    first: int
    by_channel: dict[Channel, int]

    @property
    def any(self) -> int:
        bits = 0
        for of_channel in self.by_channel.values():
            bits |= of_channel
        return bits


class _Narrowed(Protocol):
    @property
    def team(self) -> str | None: ...
    @property
    def lane(self) -> str | None: ...


class Hours:
    """The opening of one office, its teams and lanes; every rule that closes something included."""

    def __init__(self, data: OfficeData) -> None:
        self._data = data
        self._zone = ZoneInfo(data.timezone)
        self._channels: dict[Lane, Channel] = {
            (team.id, lane.id): _channel(lane.channel) for team in data.teams for lane in team.lanes
        }
        # Most lanes have no rule of their own and share what is known about their days.
        own: set[Lane] = {(rule.team, rule.lane) for rule in _of_lanes(data) if rule.team and rule.lane}
        self._alike = {
            (team, lane): (team, lane) if (team, lane) in own else (team, f"|{channel}")
            for (team, lane), channel in self._channels.items()
        }
        # As cells: they are asked for with every day that is looked at.
        self._closures = [(closure, self._span(closure)) for closure in data.closures]
        self._absences: dict[Lane, list[tuple[int, int]]] = {}
        for absence in data.absences:
            self._absences.setdefault((absence.team, absence.lane), []).append(self._span(absence))
        self._days: dict[tuple[Lane, date], DayCells] = {}
        self._office: dict[date, int] = {}

    @property
    def lanes(self) -> Iterable[Lane]:
        return self._channels

    def office_cells(self, day: date) -> int:
        """What the office itself is open, whatever its teams and lanes do."""
        if day not in self._office:
            _bound(self._office)
            self._office[day] = self._open(day, None, None)
        return self._office[day]

    def cells(self, lane: Lane, day: date) -> DayCells:
        """Raises KeyError for a lane that does not exist."""
        key = (self._alike[lane], day)
        if key not in self._days:
            _bound(self._days)
            self._days[key] = self._read(lane, day)
        return self._days[key]

    def absent(self, lane: Lane, day: date) -> int:
        """The cells of the day in which whoever works at the lane is away."""
        return self._closed(self._absences.get(lane, ()), day)

    def spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The office's opening on a local day, as aware local times."""
        first = day_cells(day, self._zone)[0]
        return tuple(
            (start_of(first + start).astimezone(self._zone), start_of(first + end).astimezone(self._zone))
            for start, end in _runs(self.office_cells(day))
        )

    def _read(self, lane: Lane, day: date) -> DayCells:
        bits = self._open(day, *lane) & ~self.absent(lane, day)
        by_channel: dict[Channel, int] = {self._channels[lane]: bits}
        for quota in self._data.quotas:
            if _reaches(quota, *lane) and _on(quota.weekdays, quota.valid_from, quota.valid_until, day):
                theirs = bits & self._between(day, quota.from_, quota.until)
                by_channel = {channel: there & ~theirs for channel, there in by_channel.items()}
                by_channel[quota.channel] = by_channel.get(quota.channel, 0) | theirs
        found = {channel: there for channel, there in by_channel.items() if there}
        return DayCells(day_cells(day, self._zone)[0], found)

    def _open(self, day: date, team: str | None, lane: str | None) -> int:
        if day in _public_holidays(self._data.holidays):
            return 0
        bits = 0
        for rule in self._rules(day, team, lane):
            if _opens(rule, day):
                bits |= self._between(day, rule.from_, rule.until)
        return bits & ~self._closed((span for c, span in self._closures if _reaches(c, team, lane)), day)

    def _rules(self, day: date, team: str | None, lane: str | None) -> list[offices.OpeningHours]:
        """The narrowest that hold on the day: the lane's, else the team's, else the office's."""
        valid = [r for r in self._data.opening_hours if is_valid(r.valid_from, r.valid_until, day)]
        wanted: list[Callable[[offices.OpeningHours], bool]] = [
            lambda rule: rule.lane is not None and (rule.team, rule.lane) == (team, lane),
            lambda rule: rule.lane is None and rule.team is not None and rule.team == team,
        ]
        for fits in wanted:
            if found := [rule for rule in valid if fits(rule)]:
                return found
        return [rule for rule in valid if rule.team is None]

    def _between(self, day: date, from_: str, until: str) -> int:
        """Whole cells between two wall times."""
        start, end = (wall_moment(day, time.fromisoformat(text), self._zone) for text in (from_, until))
        return self._bits(day, -(-int(start.timestamp()) // _SECONDS), cell_at(end))

    def _span(self, rule: Closure | Absence) -> tuple[int, int]:
        """The cells that it touches: the first, and the one behind the last."""
        end = local_moment(rule.until, self._zone)
        return cell_at(local_moment(rule.from_, self._zone)), -(-int(end.timestamp()) // _SECONDS)

    def _closed(self, spans: Iterable[tuple[int, int]], day: date) -> int:
        bits = 0
        first, length = day_cells(day, self._zone)
        for start, end in spans:
            if start < first + length and end > first:
                bits |= self._bits(day, start, end)
        return bits

    def _bits(self, day: date, start: int, end: int) -> int:
        first, length = day_cells(day, self._zone)
        start, end = max(start - first, 0), min(end - first, length)
        return ((1 << (end - start)) - 1) << start if end > start else 0


def wall_moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The moment that a wall time means: its first, or the clock change that skips it."""
    moment = datetime.combine(day, wall, zone)
    found = moment.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None):
        return found
    found = moment.replace(fold=1).astimezone(UTC)
    while found.astimezone(zone).time() < wall:
        found += CELL
    return found


def day_cells(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """First cell and number of cells of a local day: 276, 288 or 300."""
    return _day_cells(day, zone.key)


@lru_cache(maxsize=5_000)
def _day_cells(day: date, timezone: str) -> tuple[int, int]:
    zone = ZoneInfo(timezone)
    start = datetime.combine(day, time(0), zone)
    end = datetime.combine(day + timedelta(days=1), time(0), zone)
    return cell_at(start), cell_at(end) - cell_at(start)


def _of_lanes(data: OfficeData) -> Iterator[_Narrowed]:
    yield from data.opening_hours
    yield from data.closures
    yield from data.quotas
    yield from data.absences


def _reaches(rule: _Narrowed, team: str | None, lane: str | None) -> bool:
    return rule.team in (None, team) and rule.lane in (None, lane)


def _opens(rule: offices.OpeningHours, day: date) -> bool:
    if WEEKDAYS[day.weekday()] not in rule.weekdays:
        return False
    if rule.every_weeks == 1 or rule.valid_from is None:
        return True
    weeks = (week_of(day) - week_of(rule.valid_from)).days // 7
    return weeks % rule.every_weeks == 0


def _on(weekdays: tuple[str, ...], valid_from: date | None, valid_until: date | None, day: date) -> bool:
    return WEEKDAYS[day.weekday()] in weekdays and is_valid(valid_from, valid_until, day)


def _channel(text: str) -> Channel:
    """`Lane` is told to everybody and so has a plain text; the office's data are checked before."""
    found: dict[str, Channel] = {c: c for c in ("web", "staff", "kept", "emergency")}
    return found[text]


def _runs(bits: int) -> Iterator[tuple[int, int]]:
    """Start and end of each row of ones."""
    position = 0
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        ones = (~bits & (bits + 1)).bit_length() - 1
        bits >>= ones
        position += zeros + ones
        yield position - ones, position


def _bound(kept: dict[Any, Any]) -> None:
    if len(kept) >= _MOST_DAYS:
        kept.clear()


@lru_cache(maxsize=100)
def _public_holidays(rule: Holidays) -> holidays.HolidayBase:
    return holidays.country_holidays(rule.country, subdiv=rule.subdivision)
