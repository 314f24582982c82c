"""Integer sums and integer histograms: they add up over any buckets, in any order, to the last digit."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.reporting.domain.facts import Entry


@dataclass(slots=True)
class Tally:
    """What one bucket holds: `sums` by figure, `lead_days` as days → number of appointments."""

    sums: Counter[str] = field(default_factory=Counter)
    lead_days: Counter[int] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        if entry.figure == "lead_days":
            self.lead_days[entry.amount] += 1
        else:
            self.sums[entry.figure] += entry.amount


def nearest_rank(histogram: Mapping[int, int], *, percent: int) -> int | None:
    """The smallest value that at least `percent` of all values do not exceed; None where there are none.

    Nearest rank gives a value that occurred, in whole numbers, whatever was summed in whatever order.
    """
    total = sum(histogram.values())
    rank = -(-percent * total // 100)
    seen = 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen >= max(rank, 1):
            return value
    return None
