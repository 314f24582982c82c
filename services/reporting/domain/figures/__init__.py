"""The figures: names, titles and definitions. API, dashboard, résumé and docs/figures.md are made from these."""

from collections.abc import Mapping

from services.reporting.domain.figures.bookings import BOOKED, HOLDS, LEAD_TIME, PERSONS
from services.reporting.domain.figures.changes import CHANGES
from services.reporting.domain.figures.demand import DEMAND, TRADING
from services.reporting.domain.figures.kinds import (
    Figure,
    Group,
    Kind,
    Percentile,
    Ratio,
    Section,
    Sum,
    Text,
    Unit,
)
from services.reporting.domain.figures.messages import MESSAGE_OUTCOMES, MESSAGES
from services.reporting.domain.figures.supply import SUPPLY
from services.reporting.domain.figures.visits import VISITS, WAITING_LIST

__all__ = [
    "BY_NAME",
    "FIGURES",
    "HISTOGRAMS",
    "MESSAGE_OUTCOMES",
    "SUMS",
    "Figure",
    "Group",
    "Kind",
    "Percentile",
    "Ratio",
    "Section",
    "Sum",
    "Text",
    "Unit",
    "column_names",
]

FIGURES: tuple[Figure, ...] = (
    *SUPPLY,
    *HOLDS,
    *BOOKED,
    *PERSONS,
    *LEAD_TIME,
    *CHANGES,
    *VISITS,
    *WAITING_LIST,
    *DEMAND,
    *TRADING,
    *MESSAGES,
)
BY_NAME: Mapping[str, Figure] = {figure.name: figure for figure in FIGURES}
# What is stored: sums under the figure's own name, histograms under theirs.
SUMS = tuple(figure.name for figure in FIGURES if isinstance(figure.kind, Sum))
HISTOGRAMS = tuple(dict.fromkeys(figure.kind.of for figure in FIGURES if isinstance(figure.kind, Percentile)))


def column_names(groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Columns of a report, always in this order."""
    return (*(g.value for g in Group if g in groups), *(figure.name for figure in FIGURES))
