"""What is public cannot be undone.

Seen to fail without the least sum of what is hidden, without the withholding of small totals, and with a
municipality that is folded alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from services.reporting.domain import Group, Tally
from services.reporting.domain.disclosure import LEAST_SHOWN, Family, hidden, is_withheld
from services.reporting.domain.public import (
    FAMILIES,
    OTHER_MUNICIPALITIES,
    PUBLIC_FIGURES,
    PUBLIC_GROUPS,
    Month,
    month,
    published,
)
from tests.unit.reporting.attacker import Attacker

ONE = Family(counts=frozenset({"n"}))
_SERVICES, _TOWNS, _CHANNELS = ("eat", "visa", "oath"), ("b", "g", "h", "m"), ("web", "phone")
_PLACES = tuple(product(_SERVICES, _TOWNS, _CHANNELS))
# (month, service, municipality, channel)
Cell = tuple[int, str, str, str]
Counts = dict[Cell, int]
_COUNT = st.one_of(st.integers(0, 3), st.integers(0, 30))
_COUNTS = st.integers(1, 3).flatmap(
    lambda months: st.fixed_dictionaries({(m, *place): _COUNT for m in range(months) for place in _PLACES})
)


def table(**counts: int) -> dict[str, Counter[str]]:
    return {key: Counter(n=n) for key, n in counts.items()}


def test_small_count_takes_the_next_larger_with_it() -> None:
    assert hidden(table(a=2, b=30, c=7), ONE) == {"a", "c"}


def test_two_small_counts_hide_each_other_only_where_both_might_be_larger() -> None:
    assert hidden(table(a=4, b=2, c=9), ONE) == {"a", "b"}
    assert hidden(table(a=1, b=2, c=9), ONE) == {"a", "b", "c"}


def test_small_total_shows_nothing() -> None:
    assert is_withheld([table(a=3, b=0)], ONE)
    assert hidden(table(a=3, b=0), ONE) == {"a", "b"}


def test_count_that_nothing_can_hide_withholds_all_views() -> None:
    assert is_withheld([table(a=20), table(a=1, b=1, c=1, d=1, e=1)], ONE)


def test_nothing_small_is_nothing_hidden() -> None:
    assert hidden(table(a=5, b=0, c=900), ONE) == frozenset()


def test_what_is_left_of_a_count_must_not_be_small_either() -> None:
    within = Family(counts=frozenset({"all", "soon"}), rests=(("all", ("soon",)),))
    assert hidden({"a": Counter(all=50, soon=48), "b": Counter(all=30, soon=20)}, within) == {"a", "b"}


def test_family_in_no_figure_is_a_slip() -> None:
    names = {figure.name for figure in PUBLIC_FIGURES}
    assert all(family.counts <= names for family in FAMILIES)


@pytest.mark.parametrize("figure", ["messages_sent", "confirmed"])
# Shrinking takes minutes, and tells less than the counts that failed.
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(counts=_COUNTS)
def test_no_small_count_follows_from_all_that_is_public(figure: str, counts: Counts) -> None:
    months = [month(tables) for tables in _tables(counts, figure)]
    attacker = Attacker(counts)
    unseen = []
    for chosen in _ranges(len(months)):
        for group in (None, *PUBLIC_GROUPS):
            rows = published([months[m] for m in chosen], group)
            for place, values in rows.items():
                cells = list(_cells(counts, months, chosen, group, place))
                if values[figure] is None:
                    unseen.append(list(_true_cells(counts, months, chosen, group, place)))
                else:
                    assert values[figure] == sum(counts[cell] for cell in cells)
                    attacker.told(cells)
    for cells in unseen:
        assert not attacker.knows(cells)
    for number, _ in enumerate(months):
        _is_not_narrowed_down(months[number], figure)


def _is_not_narrowed_down(shown: Month, figure: str) -> None:
    """By whoever knows that nothing hidden is 0: each hidden count might be 5 or more."""
    whole = published([shown], None)[None][figure]
    for group in PUBLIC_GROUPS:
        values = [row[figure] for row in published([shown], group).values()]
        unseen = values.count(None)
        if unseen and isinstance(whole, int):
            left = whole - sum(value for value in values if isinstance(value, int))
            assert left - (unseen - 1) >= LEAST_SHOWN


def _ranges(months: int) -> Iterator[tuple[int, ...]]:
    for first in range(months):
        for last in range(first, months):
            yield tuple(range(first, last + 1))


def _tables(counts: Counts, figure: str) -> Iterator[dict[Group, dict[str | None, Tally]]]:
    for number in range(1 + max(cell[0] for cell in counts)):
        tables: dict[Group, dict[str | None, Tally]] = {group: {} for group in PUBLIC_GROUPS}
        for (of, *place), n in counts.items():
            if of == number and n:
                for group, value in zip(PUBLIC_GROUPS, place, strict=True):
                    tables[group].setdefault(value, Tally()).sums[figure] += n
        yield tables


def _cells(
    counts: Counts, months: list[Month], chosen: tuple[int, ...], group: Group | None, place: str | None
) -> Iterator[Cell]:
    for cell in counts:
        if cell[0] in chosen and (group is None or place in _names(months[cell[0]], group, cell)):
            yield cell


def _true_cells(
    counts: Counts, months: list[Month], chosen: tuple[int, ...], group: Group | None, place: str | None
) -> Iterator[Cell]:
    """Those of a municipality that is shown by itself in some of the months only, too."""
    if group is not Group.MUNICIPALITY or place == OTHER_MUNICIPALITIES:
        return _cells(counts, months, chosen, group, place)
    return (cell for cell in counts if cell[0] in chosen and cell[2] == place)


def _names(shown: Month, group: Group, cell: Cell) -> set[str]:
    name = cell[1:][PUBLIC_GROUPS.index(group)]
    if group is Group.MUNICIPALITY and name in shown.folded:
        return {OTHER_MUNICIPALITIES}
    return {name}


def test_longer_period_is_hidden_where_one_of_its_months_is() -> None:
    open_, shut = (month(_one_service(eat=eat, visa=90)) for eat in (40, 2))
    rows = published([open_, shut], Group.SERVICE)
    assert rows["eat"]["messages_sent"] is None
    assert published([open_], Group.SERVICE)["eat"]["messages_sent"] == 40
    assert published([open_, shut], None)[None]["messages_sent"] == 222


def test_shares_and_medians_go_with_their_counts() -> None:
    tally = Tally(Counter(confirmed=3, within_14_days=3, persons=4, planned_minutes=900))
    tally.histogram("lead_days")[9] += 3
    values = published([month({group: {None: tally} for group in PUBLIC_GROUPS})], None)[None]
    hidden_too = ("confirmed", "within_14_days", "within_14_days_share", "persons", "lead_days_median")
    assert [values[name] for name in hidden_too] == [None] * 5
    assert values["planned_minutes"] == 900


def _one_service(**counts: int) -> Mapping[Group, Mapping[str | None, Tally]]:
    by_service: dict[str | None, Tally] = {k: Tally(Counter(messages_sent=n)) for k, n in counts.items()}
    whole = Tally(Counter(messages_sent=sum(counts.values())))
    return {Group.SERVICE: by_service, Group.MUNICIPALITY: {None: whole}, Group.CHANNEL: {None: whole}}
