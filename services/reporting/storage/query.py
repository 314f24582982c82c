"""What is asked of the figures, and what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from services.reporting.domain import Group, Value


class Interval(StrEnum):
    """How many days become one where figures are grouped by day."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Query:
    """Figures of the days `[since, until)`, of one office or of all.

    `where` keeps, of each group named, these values only; None is "does not apply". With `interval` the group
    `day` is the first day of each week, month, quarter or year.
    """

    since: date
    until: date
    groups: tuple[Group, ...] = ()
    office: str | None = None
    where: Mapping[Group, tuple[str | None, ...]] = field(default_factory=dict)
    interval: Interval = Interval.DAY

    @property
    def in_order(self) -> tuple[Group, ...]:
        """The groups in the order of the columns."""
        return tuple(group for group in Group if group in self.groups)

    def previous(self) -> "Query":
        """The same of the period before: so many months where this one is whole months, else so many days."""
        if self.since.day == self.until.day == 1:
            months = _months(self.until) - _months(self.since)
            return replace(self, since=_first_of(_months(self.since) - months), until=self.since)
        return replace(self, since=self.since - (self.until - self.since), until=self.since)


@dataclass(frozen=True, slots=True)
class Row:
    """`groups` in the order of Group, None where a group does not apply; `values` by figure name."""

    groups: tuple[str | None, ...]
    values: Mapping[str, Value]


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_of(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)
