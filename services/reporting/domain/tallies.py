"""Integer sums and integer histograms: they add up over any buckets, in any order, to the last digit."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.reporting.domain.facts import Entry
from services.reporting.domain.figures import FIGURES, HISTOGRAMS, Figure, Percentile, Ratio, Sum

Value = int | float | None
_HISTOGRAMS = frozenset(HISTOGRAMS)


@dataclass(slots=True)
class Tally:
    """What buckets hold: `sums` by figure, `histograms` by their name as value → how often."""

    sums: Counter[str] = field(default_factory=Counter)
    histograms: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        if entry.figure in _HISTOGRAMS:
            self.histogram(entry.figure)[entry.amount] += entry.times
        else:
            self.sums[entry.figure] += entry.amount

    def merge(self, other: "Tally") -> None:
        self.sums.update(other.sums)
        for name, values in other.histograms.items():
            self.histogram(name).update(values)

    def histogram(self, name: str) -> Counter[int]:
        return self.histograms.setdefault(name, Counter())

    @property
    def tells(self) -> bool:
        """Whether anything was counted; of nothing there is no row."""
        return any(self.sums.values()) or any(sum(values.values()) for values in self.histograms.values())

    def values(self) -> dict[str, Value]:
        """Every figure, by name."""
        return {figure.name: self.value(figure) for figure in FIGURES}

    def value(self, figure: Figure) -> Value:
        match figure.kind:
            case Sum():
                return self.sums[figure.name]
            case Percentile(of, percent):
                return nearest_rank(self.histograms.get(of, {}), percent=percent)
            case Ratio() as ratio:
                return self._ratio(ratio)

    def size(self, figure: Figure) -> int:
        """How many things stand behind the figure: what it counts, the values of a percentile, the sum below."""
        match figure.kind:
            case Sum():
                return self.sums[figure.name]
            case Percentile(of, _):
                return sum(self.histograms.get(of, {}).values())
            case Ratio(_, to):
                return sum(self.sums[name] for name in to)

    def _ratio(self, ratio: Ratio) -> float | None:
        """Rounded half up in whole numbers, so that it is the same wherever it is worked out."""
        below = sum(self.sums[name] for name in ratio.to)
        if below == 0:
            return None
        scale = 10**ratio.digits
        above = sum(self.sums[name] for name in ratio.of) * ratio.times * scale
        return float((2 * above + below) // (2 * below) / scale)


def merged(tallies: Iterable[Tally]) -> Tally:
    """All of them together: percentiles and shares are worked out of this, never of each other."""
    together = Tally()
    for tally in tallies:
        together.merge(tally)
    return together


def nearest_rank(histogram: Mapping[int, int], *, percent: int) -> int | None:
    """The smallest value that at least `percent` of all values do not exceed; None where there are none.

    Nearest rank gives a value that occurred, in whole numbers, whatever was summed in whatever order.
    """
    total = sum(histogram.values())
    if total <= 0:
        return None
    rank = -(-percent * total // 100)
    seen = 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen >= max(rank, 1):
            return value
    return None
