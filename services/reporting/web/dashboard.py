"""What the dashboard shows, worked out from the rows of the same query that the API answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.reporting.domain import FIGURES, Group, Value
from services.reporting.storage import Figures, Query, Row
from services.reporting.web.chart import Series
from services.reporting.web.texts import Words

PERIODS = ("week", "days")
_HEADLINES = ("confirmed", "cancelled", "rescheduled", "persons", "lead_days_median", "lead_days_p90")
_MORE = (
    "booked_minutes",
    "searches",
    "searches_without_result",
    "slot_taken",
    "out_of_area",
    "expired",
    "messages_sent",
    "messages_undeliverable",
)
# Drawn twice: a chart scaled down to a phone would have letters of half the size.
_WIDE, _NARROW = 820, 300
_LABELS_ON_WIDE, _LABELS_ON_NARROW = 15, 7
_TITLES = {figure.name: figure.title for figure in FIGURES}


@dataclass(frozen=True, slots=True)
class Tile:
    title: str
    value: str | None


@dataclass(frozen=True, slots=True)
class DayLine:
    day: date
    booked: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`until` is the first day that is not shown."""

    since: date
    until: date
    headlines: tuple[Tile, ...]
    more: tuple[Tile, ...]
    days: tuple[DayLine, ...]
    empty: bool

    @property
    def booked(self) -> int:
        return sum(line.booked for line in self.days)

    @property
    def cancelled(self) -> int:
        return sum(line.cancelled for line in self.days)


def days_of(period: str, today: date) -> tuple[date, date]:
    """First day and first day after: the week from Monday to Sunday, or 30 days up to today."""
    if period == "week":
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=7)
    return today - timedelta(days=29), today + timedelta(days=1)


async def load(figures: Figures, *, since: date, until: date, office: str | None, words: Words) -> Dashboard:
    (whole,) = await figures.rows(Query(since=since, until=until, office=office))
    by_day = await figures.rows(Query(since=since, until=until, groups=(Group.DAY,), office=office))
    return Dashboard(
        since=since,
        until=until,
        headlines=_tiles(_HEADLINES, whole.values, words),
        more=_tiles(_MORE, whole.values, words),
        days=_lines(since, until, by_day),
        empty=not any(whole.values.values()),
    )


def charts(dashboard: Dashboard, words: Words) -> tuple[Series, Series]:
    """The same chart for wide and for narrow screens."""
    return (
        _series(dashboard, words, width=_WIDE, labels=_LABELS_ON_WIDE),
        _series(dashboard, words, width=_NARROW, labels=_LABELS_ON_NARROW),
    )


def _series(dashboard: Dashboard, words: Words, *, width: int, labels: int) -> Series:
    every = -(-len(dashboard.days) // labels)
    weekdays = len(dashboard.days) <= 7
    last = len(dashboard.days) - 1
    return Series(
        titles=(_title("confirmed", words), _title("cancelled", words)),
        days=tuple(line.day.isoformat() for line in dashboard.days),
        labels=tuple(
            (words.weekday(line.day) if weekdays else words.day(line.day)) if (last - i) % every == 0 else ""
            for i, line in enumerate(dashboard.days)
        ),
        values=tuple((line.booked, line.cancelled) for line in dashboard.days),
        summary=words["chart_summary"].format(
            booked=dashboard.booked,
            cancelled=dashboard.cancelled,
            since=words.full_day(dashboard.since),
            until=words.full_day(dashboard.until - timedelta(days=1)),
        ),
        width=width,
    )


def _title(name: str, words: Words) -> str:
    return _TITLES[name][words.language]


def _tiles(names: Sequence[str], values: Mapping[str, Value], words: Words) -> tuple[Tile, ...]:
    return tuple(
        Tile(_title(name, words), None if (value := values[name]) is None else words.number(int(value)))
        for name in names
    )


def _lines(since: date, until: date, rows: Sequence[Row]) -> tuple[DayLine, ...]:
    known = {row.groups[0]: row.values for row in rows}
    days = (since + timedelta(days=n) for n in range((until - since).days))
    return tuple(
        DayLine(day, *(int(known.get(day.isoformat(), {}).get(name) or 0) for name in ("confirmed", "cancelled")))
        for day in days
    )
