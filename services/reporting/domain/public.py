"""What anybody may see of an office: whole months, by one group at most, coarsened and with small counts hidden.

Everything public is a function of its months. A longer period is the sum of what each of its months shows, and
hidden where one of them hides it, so that no two ranges can be subtracted from each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.reporting.domain.disclosure import Family, hidden, is_withheld
from services.reporting.domain.figures import FIGURES, Figure, Group, Percentile, Ratio
from services.reporting.domain.tallies import Tally, Value, merged

# A municipality of fewer in every count goes into OTHER_MUNICIPALITIES.
FEW = 10
OTHER_MUNICIPALITIES = "other municipalities"

Place = str | None
ByPlace = Mapping[Place, Tally]

# Not by team: the services of a team add up to it, so the two would have to be protected as one.
PUBLIC_GROUPS = (Group.SERVICE, Group.MUNICIPALITY, Group.CHANNEL)

_BOOKINGS = Family(
    counts=frozenset({"confirmed", "within_14_days"}),
    amounts=frozenset({"persons"}),
    histograms=frozenset({"lead_days"}),
    rests=(("confirmed", ("within_14_days",)),),
)
_VISITS = Family(
    counts=frozenset({"kept", "no_shows", "walk_ins"}),
    amounts=frozenset({"used_minutes"}),
    histograms=frozenset({"waiting_minutes"}),
)
_SEARCHES = Family(
    counts=frozenset({"searches", "searches_without_result"}),
    rests=(("searches", ("searches_without_result",)),),
)
_FAILED = Family(counts=frozenset({"messages_failed", "messages_undeliverable"}))
# No other public figure follows from one of these.
_ALONE = ("cancelled_by_citizen", "cancelled_by_staff", "cancelled_by_office", "out_of_area", "messages_sent")
FAMILIES = (_BOOKINGS, _VISITS, _SEARCHES, _FAILED, *(Family(counts=frozenset({name})) for name in _ALONE))
# They tell of desks and measurements, and of nobody.
_OPEN_SUMS = frozenset({"planned_minutes", "planned_online_minutes", "free_time_looks", "free_time_looks_in_vain"})
_OPEN_HISTOGRAMS = frozenset({"next_free_days"})
_COUNTS = frozenset(name for family in FAMILIES for name in family.counts)


@dataclass(frozen=True, slots=True)
class Month:
    """Of one month: what is shown by each group, the groups' rows that are not, and what is told of nothing."""

    tables: Mapping[Group, ByPlace]
    hidden: Mapping[Group, Mapping[Family, frozenset[Place]]]
    withheld: frozenset[Family]
    folded: frozenset[Place]

    def whole(self) -> Tally:
        return merged(next(iter(self.tables.values())).values())

    def hides(self, family: Family, group: Group | None, place: Place) -> bool:
        if family in self.withheld or group is None:
            return family in self.withheld
        return place in self.hidden[group][family] or (group is Group.MUNICIPALITY and place in self.folded)


def month(tables: Mapping[Group, ByPlace]) -> Month:
    """Of one office and month: the same facts by each of PUBLIC_GROUPS."""
    few = _of_few(tables[Group.MUNICIPALITY])
    coarse = {**tables, Group.MUNICIPALITY: _together(tables[Group.MUNICIPALITY], few)}
    counts = {group: {place: tally.sums for place, tally in table.items()} for group, table in coarse.items()}
    return Month(
        tables=coarse,
        hidden={group: {family: hidden(table, family) for family in FAMILIES} for group, table in counts.items()},
        withheld=frozenset(family for family in FAMILIES if is_withheld(counts.values(), family)),
        folded=few,
    )


def _of_few(table: ByPlace) -> frozenset[Place]:
    """One alone would be itself under another name: it stays, and is hidden where it is small."""
    few = frozenset(
        place
        for place, tally in table.items()
        if place is not None and max(tally.sums[name] for name in _COUNTS) < FEW
    )
    return few if len(few) > 1 else frozenset()


def _together(table: ByPlace, few: frozenset[Place]) -> dict[Place, Tally]:
    coarse = {place: tally for place, tally in table.items() if place not in few}
    if few:
        coarse[OTHER_MUNICIPALITIES] = merged(table[place] for place in few)
    return coarse


def published(months: Sequence[Month], group: Group | None) -> dict[Place, dict[str, Value]]:
    """The figures of these months together, by `group` or, under None, of all; None where a figure is hidden."""
    places = sorted({p for m in months for p in m.tables[group]}, key=str) if group else [None]
    return {place: _values(months, group, place) for place in places}


def _values(months: Sequence[Month], group: Group | None, place: Place) -> dict[str, Value]:
    told = [m.tables[group].get(place, Tally()) if group else m.whole() for m in months]
    shut = {family for family in FAMILIES if any(m.hides(family, group, place) for m in months)}
    whole = merged(told)
    return {figure.name: None if shut & set(families) else whole.value(figure) for figure, families in PUBLIC}


def _families(figure: Figure) -> tuple[Family, ...] | None:
    """Those that must be shown for `figure` to be; None for one that is not public."""
    if isinstance(figure.kind, Percentile):
        histogram = figure.kind.of
        if histogram in _OPEN_HISTOGRAMS:
            return ()
        found = tuple(family for family in FAMILIES if histogram in family.histograms)
        return found or None
    names = (*figure.kind.of, *figure.kind.to) if isinstance(figure.kind, Ratio) else (figure.name,)
    return _of_sums(names)


def _of_sums(names: Iterable[str]) -> tuple[Family, ...] | None:
    found: list[Family] = []
    for name in names:
        if name in _OPEN_SUMS:
            continue
        family = next((family for family in FAMILIES if name in family.counts | family.amounts), None)
        if family is None:
            return None
        found.append(family)
    return tuple(found)


PUBLIC: tuple[tuple[Figure, tuple[Family, ...]], ...] = tuple(
    (figure, families) for figure in FIGURES if (families := _families(figure)) is not None
)
PUBLIC_FIGURES = tuple(figure for figure, _ in PUBLIC)
