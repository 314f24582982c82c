"""Periods of days, and the calendar's own."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days `[since, until)`."""

    since: date
    until: date

    @property
    def last_day(self) -> date:
        return self.until - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.until - self.since).days

    @property
    def is_whole_months(self) -> bool:
        return self.since.day == self.until.day == 1

    def months(self) -> tuple["Period", ...]:
        """Of whole months: each by itself."""
        found, first = [], self.since
        while first < self.until:
            found.append(Period(first, add_months(first, 1)))
            first = found[-1].until
        return tuple(found)


def quarter_of(day: date) -> Period:
    first = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return Period(first, add_months(first, 3))


def month_of(day: date) -> Period:
    first = day.replace(day=1)
    return Period(first, add_months(first, 1))


def add_months(first: date, months: int) -> date:
    """Of the first day of a month."""
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
