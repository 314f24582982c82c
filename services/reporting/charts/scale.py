"""Axes: round numbers, and which labels have room."""

from collections.abc import Sequence
from math import ceil, floor, log10

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def ticks(most: float, *, whole: bool, about: int = 4) -> tuple[float, ...]:
    """Round numbers from 0 up to at least `most`; never below four, so that one booking does not fill a chart."""
    most = max(most, 4)
    rough = most / about
    size = 10.0 ** floor(log10(rough))
    step = next(size * s for s in _STEPS if size * s >= rough)
    step = max(1.0, float(ceil(step))) if whole else step
    return tuple(step * n for n in range(ceil(most / step) + 1))


def shown(labels: Sequence[str], *, room: float, letter: float) -> tuple[str, ...]:
    """Every n-th of `labels`, counted from the last, as many as fit into `room`; the others empty."""
    widest = max((len(label) for label in labels), default=0) * letter + 2 * letter
    most = max(1, int(room / widest)) if widest else 1
    every = max(1, ceil(len(labels) / most))
    last = len(labels) - 1
    return tuple(label if (last - number) % every == 0 else "" for number, label in enumerate(labels))
