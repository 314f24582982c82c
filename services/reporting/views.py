"""What dashboard and résumé show of a period, from the same rows that the API answers with."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from services.reporting.domain import BY_NAME, FIGURES, Figure, Group, Section, Value
from services.reporting.domain.periods import Period
from services.reporting.reports import Reports
from services.reporting.storage import Interval, OfficeData, Query, Row

Values = Mapping[str, Value]

HEADLINES = (
    "confirmed",
    "kept",
    "no_show_rate",
    "lead_days_median",
    "within_14_days_share",
    "next_free_days_median",
    "waiting_minutes_median",
    "booked_share",
    "online_share",
    "messages_failed_share",
)
# By what is compared, and which figures stand beside each other.
COMPARED: Mapping[Group, tuple[str, ...]] = {
    Group.TEAM: (
        "confirmed",
        "kept",
        "no_show_rate",
        "lead_days_median",
        "waiting_minutes_median",
        "booked_share",
    ),
    Group.SERVICE: (
        "confirmed",
        "next_free_days_median",
        "lead_days_median",
        "within_14_days_share",
        "no_show_rate",
        "waiting_minutes_median",
    ),
    Group.MUNICIPALITY: ("confirmed", "persons", "lead_days_median", "no_show_rate", "out_of_area"),
    Group.CHANNEL: ("confirmed", "lead_days_median", "no_show_rate", "messages_sent", "messages_failed_share"),
}
_DAYS_BY_DAY, _DAYS_BY_WEEK = 31, 200


@dataclass(frozen=True, slots=True)
class Selection:
    period: Period
    office: str | None = None
    where: Mapping[Group, str] = field(default_factory=dict)

    def query(self, *groups: Group, interval: Interval = Interval.DAY) -> Query:
        return Query(
            since=self.period.since,
            until=self.period.until,
            groups=groups,
            office=self.office,
            where={group: (value,) for group, value in self.where.items()},
            interval=interval,
        )

    @property
    def before(self) -> "Selection":
        query = self.query().previous()
        return replace(self, period=Period(query.since, query.until))

    @property
    def interval(self) -> Interval:
        """Of the trends: few enough points to be read."""
        if self.period.days <= _DAYS_BY_DAY:
            return Interval.DAY
        return Interval.WEEK if self.period.days <= _DAYS_BY_WEEK else Interval.MONTH


@dataclass(frozen=True, slots=True)
class Point:
    day: date
    values: Values


@dataclass(frozen=True, slots=True)
class Compared:
    """One line of a comparison; `key` is the group's value, None where it does not apply."""

    key: str | None
    now: Values


@dataclass(frozen=True, slots=True)
class View:
    selection: Selection
    now: Values
    before: Values
    trend: tuple[Point, ...]
    compared: Mapping[Group, tuple[Compared, ...]]

    @property
    def empty(self) -> bool:
        return not any(self.now.values())


async def load(reports: Reports, selection: Selection) -> View:
    groups = tuple(COMPARED)
    whole, before, trend, *rest = await asyncio.gather(
        reports.rows(selection.query()),
        reports.rows(selection.before.query()),
        reports.rows(selection.query(Group.DAY, interval=selection.interval)),
        *(reports.rows(selection.query(group)) for group in groups),
    )
    return View(
        selection=selection,
        now=whole[0].values,
        before=before[0].values,
        trend=_points(selection, trend),
        compared={group: _compared(rows) for group, rows in zip(groups, rest, strict=True)},
    )


def _points(selection: Selection, rows: Sequence[Row]) -> tuple[Point, ...]:
    """Of every interval, also where nothing happened."""
    known = {row.groups[0]: row.values for row in rows}
    return tuple(Point(day, known.get(day.isoformat(), {})) for day in _starts(selection))


def _starts(selection: Selection) -> Sequence[date]:
    """The first days of the intervals, as the query names them."""
    days = [
        date.fromordinal(n) for n in range(selection.period.since.toordinal(), selection.period.until.toordinal())
    ]
    if selection.interval is Interval.DAY:
        return days
    if selection.interval is Interval.WEEK:
        return sorted({date.fromordinal(day.toordinal() - day.weekday()) for day in days})
    return sorted({day.replace(day=1) for day in days})


def _compared(rows: Sequence[Row]) -> tuple[Compared, ...]:
    """Whatever was booked most stands first; what the group does not apply to is left out."""
    lines = [Compared(row.groups[0], row.values) for row in rows if row.groups[0]]
    return tuple(sorted(lines, key=lambda line: (-(line.now["confirmed"] or 0), line.key or "")))


def sections(view: View) -> list[tuple[Section, list[tuple[Figure, Value, Value]]]]:
    """Every figure that has a value in one of both periods, by section."""
    told = [(figure, view.now[figure.name], view.before[figure.name]) for figure in FIGURES]
    return [
        (section, lines)
        for section in Section
        if (lines := [line for line in told if line[0].section is section and (line[1] or line[2])])
    ]


def name_of(group: Group, key: str | None, offices: Sequence[OfficeData], language: str) -> str | None:
    """What people call a team, a service or a municipality; None where no office tells."""
    for office in offices:
        if group is Group.MUNICIPALITY and (name := office.municipalities.get(key or "")):
            return name
        texts = {Group.TEAM: office.teams, Group.SERVICE: office.services}.get(group, {})
        if text := texts.get(key or ""):
            return text.get(language) or text["de"]
    return None


def figure(name: str) -> Figure:
    return BY_NAME[name]
