"""Small counts are hidden, and as much beside them as it takes for the totals not to give them away."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
Counts = Mapping[str, int]
Table = Mapping[K, Counts]

# Counts below it are hidden; 0 tells of nobody.
LEAST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Family:
    """Figures that are shown or hidden together: one follows from others, or tells of the same few people.

    `counts` decide, and `rests`: what is left of a count without its parts, as those who did not come within a
    fortnight. `amounts` and `histograms` go with them.
    """

    counts: frozenset[str]
    amounts: frozenset[str] = frozenset()
    histograms: frozenset[str] = frozenset()
    rests: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def numbers(self, counts: Counts) -> list[int]:
        """All that must not be small; always in one order."""
        whole = [counts.get(name, 0) for name in sorted(self.counts)]
        rests = [counts.get(of, 0) - sum(counts.get(part, 0) for part in parts) for of, parts in self.rests]
        return [*whole, *map(abs, rests)]

    def is_small(self, counts: Counts) -> bool:
        return any(0 < number < LEAST_SHOWN for number in self.numbers(counts))


def is_withheld(tables: Iterable[Table[K]], family: Family) -> bool:
    """Whether nothing of `family` can be shown where `tables` are the same counts by one group each: their total
    is small, or in one of them nothing is left to hide a small count behind."""
    return any(_hidden(table, family) is None for table in tables)


def hidden(table: Table[K], family: Family) -> frozenset[K]:
    """The rows of `table` that do not show `family`; all where it is withheld."""
    found = _hidden(table, family)
    return frozenset(table) if found is None else found


def _hidden(table: Table[K], family: Family) -> frozenset[K] | None:
    if family.is_small(total(table.values())):
        return None
    chosen = {key for key, counts in table.items() if family.is_small(counts)}
    rest = sorted(
        (key for key, counts in table.items() if key not in chosen and any(family.numbers(counts))),
        key=lambda key: (sum(family.numbers(table[key])), repr(key)),
        reverse=True,
    )
    while chosen and not _is_safe([table[key] for key in chosen], family):
        if not rest:
            return None
        chosen.add(rest.pop())
    return frozenset(chosen)


def _is_safe(rows: Collection[Counts], family: Family) -> bool:
    """The total without what is shown gives the sum of `rows`. It must leave open for each, even to who knows that
    none of them is 0, whether it is small at all."""
    sums = [sum(numbers) for numbers in zip(*map(family.numbers, rows), strict=True)]
    return len(rows) > 1 and all(n == 0 or n >= len(rows) - 1 + LEAST_SHOWN for n in sums)


def total(rows: Iterable[Counts]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found.update(row)
    return found
