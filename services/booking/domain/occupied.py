"""Which cells each appointment holds, small enough to keep a million of them in memory.

As objects they would take twice as much. An appointment is a version and a few stretches of cells: twelve bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple

from services.booking.domain.hours import Lane

_VERSION = Struct("<I")
# Number of the lane, first cell counted from the base cell, number of cells.
_STRETCH = Struct("<HIH")
# Who holds nothing.
NOTHING: Mapping[Lane, int] = {}


class Known(NamedTuple):
    """`bits` by lane: bit i is the cell `base + i`."""

    version: int
    bits: Mapping[Lane, int]


@dataclass(slots=True)
class Occupied:
    """By the appointment's id."""

    _packed: dict[str, bytes] = field(default_factory=dict)
    _lanes: list[Lane] = field(default_factory=list)
    _numbers: dict[Lane, int] = field(default_factory=dict)

    def __contains__(self, id: str) -> bool:
        return id in self._packed

    def __len__(self) -> int:
        return len(self._packed)

    def get(self, id: str) -> Known | None:
        packed = self._packed.get(id)
        return self._unpacked(packed) if packed is not None else None

    def put(self, id: str, *, version: int, cells: Iterable[tuple[Lane, int]]) -> None:
        """`cells` as lane and number from the base cell on."""
        self._packed[id] = _VERSION.pack(version) + b"".join(self._stretches(cells))

    def pop(self, id: str) -> Known | None:
        packed = self._packed.pop(id, None)
        return self._unpacked(packed) if packed is not None else None

    def _stretches(self, cells: Iterable[tuple[Lane, int]]) -> Iterator[bytes]:
        numbered = sorted({(self._number(lane), cell) for lane, cell in cells})
        begin = 0
        for place, (lane, cell) in enumerate(numbered):
            if numbered[place + 1 : place + 2] != [(lane, cell + 1)]:
                yield _STRETCH.pack(lane, numbered[begin][1], place + 1 - begin)
                begin = place + 1

    def _unpacked(self, packed: bytes) -> Known:
        bits: dict[Lane, int] = {}
        for number, first, length in _STRETCH.iter_unpack(packed[_VERSION.size :]):
            lane = self._lanes[number]
            bits[lane] = bits.get(lane, 0) | ((1 << length) - 1) << first
        return Known(_VERSION.unpack_from(packed)[0], bits)

    def _number(self, lane: Lane) -> int:
        number = self._numbers.get(lane)
        if number is None:
            number = self._numbers[lane] = len(self._lanes)
            self._lanes.append(lane)
        return number
