"""The fault matrix: 42 rows, each with what is expected and how it is made here.

`@timed` faults strike under load, drawn by the seed; `@probe`s have an answer of their own to look at and run
every time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.prove.world import World

# Both return a note of what was done, for the table. A probe raises AssertionError where the answer is wrong.
Strike = Callable[["World", Random], str]


class Recovery(StrEnum):
    """What must succeed again after a fault, from its end on."""

    BOOKING = "a time is held"
    MAIL = "a mail arrives for a time held after the fault"
    FIGURES = "the figures show a booking made after the fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row. `within` is how many seconds the recovery may take; `resends` as in `Struck`."""

    row: int
    name: str
    expected: str
    strike: Strike
    timed: bool = False
    recovery: Recovery = Recovery.MAIL
    within: float = 60.0
    resends: bool = False


ROWS: dict[int, Fault] = {}
LAST_ROW = 42


def _add(fault: Fault) -> None:
    if fault.row in ROWS:
        raise ValueError(f"row {fault.row} is there already")
    ROWS[fault.row] = fault


def timed(
    row: int,
    name: str,
    *,
    expected: str,
    recovery: Recovery = Recovery.MAIL,
    within: float = 60.0,
    resends: bool = False,
) -> Callable[[Strike], Strike]:
    """Strikes under load: breaks something, waits by `world.wait`, and mends it before it returns."""

    def register(strike: Strike) -> Strike:
        _add(
            Fault(
                row=row,
                name=name,
                expected=expected,
                strike=strike,
                timed=True,
                recovery=recovery,
                within=within,
                resends=resends,
            )
        )
        return strike

    return register


def probe(row: int, name: str, *, expected: str) -> Callable[[Strike], Strike]:
    """Runs under load too, but always and at once: its own assertions say whether the row holds."""

    def register(strike: Strike) -> Strike:
        _add(Fault(row=row, name=name, expected=expected, strike=strike))
        return strike

    return register
