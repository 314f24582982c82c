"""Time in 5-minute cells: the smallest piece of a desk that can be booked.

A cell is numbered from the epoch (UTC), so cell arithmetic knows no time zone and no clock change.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

CELL = timedelta(minutes=5)
_SECONDS = int(CELL.total_seconds())


def cell_at(moment: datetime) -> int:
    """The cell that `moment` (aware) lies in."""
    return int(moment.timestamp()) // _SECONDS


def start_of(cell: int) -> datetime:
    return datetime.fromtimestamp(cell * _SECONDS, UTC)


def cells_of(*, team: str, lane: str, starts_at: datetime, ends_at: datetime) -> tuple[str, ...]:
    """The desk cells of `[starts_at, ends_at)` as the unique index holds them: `team|lane|20261201T0700Z`."""
    return tuple(
        f"{team}|{lane}|{start_of(cell):%Y%m%dT%H%MZ}" for cell in range(cell_at(starts_at), cell_at(ends_at))
    )


def read_cell(text: str) -> tuple[str, str, int]:
    """Team, lane and number of a cell as the index holds it."""
    team, lane, start = text.split("|")
    moment = datetime(
        int(start[:4]), int(start[4:6]), int(start[6:8]), int(start[9:11]), int(start[11:13]), tzinfo=UTC
    )
    return team, lane, cell_at(moment)


def set_bits(bits: int) -> Iterator[int]:
    """The positions of the ones in `bits`, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
