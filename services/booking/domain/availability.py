"""Free times from memory: one bit per cell and lane, one long integer per lane.

What is taken is known by appointment (id → cells), since a change tells the new cells but not the old.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count
from zoneinfo import ZoneInfo

from services.booking.domain.cells import cell_at, read_cell, set_bits, start_of
from services.booking.domain.hours import Lane, day_cells
from services.booking.domain.masks import Desk, Masks, Ranges
from services.booking.domain.occupied import NOTHING, Occupied
from services.booking.domain.office import Office, UnbookableStart
from services.booking.domain.release import Access

# One row of numbers for all offices, so that no number comes again when everything is loaded anew.
_stamps = count()
_WEEK = 7 * 24 * 12


@dataclass(slots=True)
class Availability:
    """The cells of one office. `base` is the number of the cell that bit 0 stands for."""

    office: Office
    base: int
    masks: Masks = field(init=False)
    _taken: dict[Lane, int] = field(default_factory=dict)
    _occupied: Occupied = field(default_factory=Occupied)
    # A cell that two appointments seem to hold while their changes arrive in another order than they happened.
    _overlaps: Counter[tuple[Lane, int]] = field(default_factory=Counter)
    _stamp: int = field(default_factory=lambda: next(_stamps))
    _stamp_of_team: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.masks = Masks(self.office, base=self.base)

    def as_of(self, team: str, now: datetime) -> tuple[int, int]:
        """What was made from this team's free times stays right as long as this is the same.

        Cells are released at whole minutes.
        """
        return self._stamp_of_team.get(team, self._stamp), int(now.timestamp()) // 60

    def follow(self, office: Office) -> None:
        """From now on these are the rules; what is taken stays so."""
        self.office = office
        self.masks = Masks(office, base=self.base)
        self._stamp = next(_stamps)
        self._stamp_of_team.clear()

    def knows(self, id: str) -> bool:
        return id in self._occupied

    def held(self, id: str) -> Mapping[Lane, int]:
        """The cells of one appointment, as bits by lane."""
        known = self._occupied.get(id)
        return known.bits if known else NOTHING

    def put(self, id: str, *, version: int | None, cells: list[str]) -> None:
        """`id` holds exactly `cells` as of `version`; an older version than the known one changes nothing.

        Without a version it is the known one's: cooled cells return without a new version.
        """
        known = self._occupied.get(id)
        if version is None:
            version = known.version if known else 0
        if known and known.version > version:
            return
        self._occupied.put(id, version=version, cells=self._read(cells))
        before, after = known.bits if known else NOTHING, self.held(id)
        if before != after:
            self._release(before)
            self._take(after)

    def forget(self, id: str) -> None:
        if known := self._occupied.pop(id):
            self._release(known.bits)

    def free_lanes(
        self,
        team: str,
        *,
        starts_at: datetime,
        length: int,
        now: datetime,
        access: Access = "web",
        ranges: Ranges = (),
        own: str | None = None,
    ) -> list[str]:
        """Lanes that may be booked for these `length` cells and are free, not counting what `own` holds."""
        wanted = self._cells(starts_at, length)
        lanes = self.open_lanes(team, starts_at=starts_at, length=length, now=now, access=access, ranges=ranges)
        return [lane for lane in lanes if not wanted & self._taken_but((team, lane), own)]

    def open_lanes(
        self,
        team: str,
        *,
        starts_at: datetime,
        length: int,
        now: datetime,
        access: Access = "web",
        ranges: Ranges = (),
    ) -> Iterator[str]:
        """Lanes that may be booked for these cells, taken or not."""
        wanted = self._cells(starts_at, length)
        for desk in self.masks.desks(team, ranges, now=now):
            if self._of_desk(team, desk, access, now) & wanted == wanted:
                yield desk.lane

    def check_start(
        self,
        team: str,
        *,
        starts_at: datetime,
        length: int,
        now: datetime,
        access: Access = "web",
        ranges: Ranges = (),
    ) -> None:
        """Raises UnbookableStart where no desk could be booked for these cells, taken or not."""
        self.office.check_moment(starts_at, access=access, now=now)

        def may_serve(access: Access) -> bool:
            lanes = self.open_lanes(
                team, starts_at=starts_at, length=length, now=now, access=access, ranges=ranges
            )
            return any(lanes)

        if not may_serve(access):
            raise UnbookableStart("not-released" if may_serve("staff") else "outside-hours")

    def starts(
        self,
        team: str,
        *,
        length: int,
        now: datetime,
        access: Access = "web",
        ranges: Ranges = (),
        own: str | None = None,
    ) -> int:
        """Where a visit of `length` cells can begin, at any desk that may serve; bit i is cell `base + i`."""
        found = 0
        for desk in self.masks.desks(team, ranges, now=now):
            run = self._of_desk(team, desk, access, now) & ~self._taken_but((team, desk.lane), own)
            for _ in range(length - 1):
                run &= run >> 1
            found |= run
        past = max(0, cell_at(now) + 1 - self.base)
        return (found & self._on_grid(found.bit_length())) >> past << past

    def days(self, starts: int, *, first: date, last: date) -> list[tuple[date, bytes]]:
        """For each local day with free times: the day and its times as a JSON array."""
        found = []
        day = first
        while day <= last:
            offset, length = self._span(day)
            bits = (starts >> offset) & ((1 << length) - 1)
            if bits:
                found.append((day, times_as_json(self.base + offset, bits, self.office.data.timezone)))
            day += timedelta(days=1)
        return found

    def _span(self, day: date) -> tuple[int, int]:
        first, length = day_cells(day, self.office.zone)
        return max(0, first - self.base), length

    def _cells(self, starts_at: datetime, length: int) -> int:
        return ((1 << length) - 1) << max(0, cell_at(starts_at) - self.base)

    def _of_desk(self, team: str, desk: Desk, access: Access, now: datetime) -> int:
        bits = self.masks.open((team, desk.lane), access, now=now)
        return bits if desk.only is None else bits & desk.only

    def _on_grid(self, length: int) -> int:
        # In whole weeks, so that few different lengths are ever asked for.
        return _grid(self.base, -(-length // _WEEK) * _WEEK, self.office.data.booking.grid_minutes // 5)

    def _taken_but(self, lane: Lane, own: str | None) -> int:
        taken = self._taken.get(lane, 0)
        return taken if own is None else taken & ~self.held(own).get(lane, 0)

    def _read(self, cells: list[str]) -> Iterator[tuple[Lane, int]]:
        """What is over has no bit."""
        for text in cells:
            team, lane, cell = read_cell(text)
            if cell >= self.base:
                yield (team, lane), cell - self.base

    def _take(self, held: Mapping[Lane, int]) -> None:
        for lane, bits in held.items():
            self._stamp_of_team[lane[0]] = next(_stamps)
            taken = self._taken.get(lane, 0)
            for bit in set_bits(taken & bits):
                self._overlaps[lane, bit] += 1
            self._taken[lane] = taken | bits

    def _release(self, held: Mapping[Lane, int]) -> None:
        for lane, bits in held.items():
            self._stamp_of_team[lane[0]] = next(_stamps)
            keep = self._still_held(lane, bits) if self._overlaps else 0
            self._taken[lane] = self._taken.get(lane, 0) & ~(bits & ~keep)

    def _still_held(self, lane: Lane, bits: int) -> int:
        keep = 0
        for bit in set_bits(bits):
            if self._overlaps.get((lane, bit)):
                keep |= 1 << bit
                self._overlaps[lane, bit] -= 1
        self._overlaps = +self._overlaps if keep else self._overlaps
        return keep


@lru_cache(maxsize=20_000)
def times_as_json(first_cell: int, bits: int, timezone: str) -> bytes:
    """`["2026-12-01T08:00:00+01:00", …]`: the same bits always give the same text."""
    zone = ZoneInfo(timezone)
    times = (start_of(first_cell + bit).astimezone(zone).isoformat() for bit in set_bits(bits))
    return ("[" + ",".join(f'"{time}"' for time in times) + "]").encode()


@lru_cache(maxsize=100)
def _grid(base: int, length: int, step: int) -> int:
    first = -base % step
    return sum(1 << bit for bit in range(first, length, step))


def base_cell(now: datetime) -> int:
    """Midnight UTC of yesterday: nothing older can still be booked."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return cell_at(midnight - timedelta(days=1))
