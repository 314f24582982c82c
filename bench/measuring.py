"""What a figure is, and how it is taken: limit and program in turns, medians, nearest-rank percentiles."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

# A limit is the best that any of these numbers of operations in flight gives.
WIDTHS = (16, 64, 256)
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One round: how much per second, and how long each answer took."""

    rate: float
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`within_ms` names the percentile that the design bounds and its bound, as ("p99", 1000).

    `times_slower` is how many times slower this is than the same at a small size, and how many it may be.
    """

    name: str
    unit: str
    value: float
    limit: float
    target: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    within_ms: tuple[str, float] | None = None
    times_slower: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        return self.value / self.limit

    @property
    def reached(self) -> bool:
        if self.within_ms:
            name, bound = self.within_ms
            measured = self.p50_ms if name == "p50" else self.p99_ms
            if measured is None or measured >= bound:
                return False
        if self.times_slower and self.times_slower[0] > self.times_slower[1]:
            return False
        return self.ratio >= self.target


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def in_turns(
    *, limit: Callable[[int], float], program: Callable[[], Run], widths: Sequence[int] = WIDTHS
) -> tuple[float, list[Run]]:
    """Limit, program, limit, program, …: what else slows the machine meets both. The median limit, all runs.

    The first round finds the limit's best width; the others keep it.
    """
    first = {width: limit(width) for width in widths}
    best = max(first, key=lambda width: first[width])
    if len(widths) > 1:
        say("  limit in flight: " + ", ".join(f"{width}: {rate:,.0f}/s" for width, rate in first.items()))
    limits, runs = [first[best]], [program()]
    for _ in range(1, ROUNDS):
        limits.append(limit(best))
        runs.append(program())
    for rate, run in zip(limits, runs, strict=True):
        say(f"  limit {rate:,.0f}/s, program {run.rate:,.0f}/s")
    return median(limits), runs


def median_rate(runs: Sequence[Run]) -> float:
    return median(run.rate for run in runs)


def percentile_ms(runs: Sequence[Run], share: float) -> float:
    """Over the answers of all runs, by nearest rank."""
    ordered = sorted(seconds for run in runs for seconds in run.seconds)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000
