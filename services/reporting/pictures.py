"""Which charts a view has."""

from collections.abc import Sequence
from datetime import date

from services.reporting.charts import Chart, Kind, Line
from services.reporting.domain import Group
from services.reporting.storage import Interval, OfficeData
from services.reporting.views import Point, View, figure, name_of
from services.reporting.words import Words

_TRENDS = (
    ("bookings_chart", Kind.BARS, ("confirmed", "cancelled")),
    ("visits_chart", Kind.BARS, ("kept", "no_shows")),
    ("wait_chart", Kind.LINES, ("lead_days_median", "lead_days_p90")),
    ("free_chart", Kind.LINES, ("next_free_days_median", "next_free_days_p90")),
    ("use_chart", Kind.LINES, ("booked_share", "used_share")),
)
_MOST_RANKED = 12


def trends(view: View, words: Words) -> list[tuple[Chart, tuple[str, str]]]:
    """Each chart that has anything to show, with the names of its figures."""
    charts = []
    for id, kind, names in _TRENDS:
        lines = tuple(Line(figure(name).title[words.language], _values(view.trend, name)) for name in names)
        if any(value for line in lines for value in line.values):
            charts.append((_trend(view, words, id, kind, lines), names))
    return charts


def _trend(view: View, words: Words, id: str, kind: Kind, lines: tuple[Line, ...]) -> Chart:
    period = view.selection.period
    return Chart(
        id=id,
        kind=kind,
        title=words[id],
        description=words["trend_description"].format(
            kind=words[kind],
            since=words.full_day(period.since),
            until=words.full_day(period.last_day),
            lines="; ".join(_told(line, words) for line in lines),
        ),
        labels=tuple(label_of(view, point.day, words) for point in view.trend),
        lines=lines,
        number=words.number,
    )


def _told(line: Line, words: Words) -> str:
    values = [value for value in line.values if value is not None]
    if not values:
        return words["line_none"].format(title=line.title)
    least, most = words.number(min(values)), words.number(max(values))
    return words["line_description"].format(title=line.title, least=least, most=most)


def _values(points: Sequence[Point], name: str) -> tuple[float | None, ...]:
    """Nothing counted is 0 of a sum, and no value of a median or share."""
    nothing = None if figure(name).may_be_null else 0
    return tuple(point.values.get(name, nothing) for point in points)


def label_of(view: View, day: date, words: Words) -> str:
    if view.selection.interval is Interval.MONTH:
        return words.month(day)
    return words.day(day)


def ranked(view: View, group: Group, words: Words, offices: Sequence[OfficeData]) -> Chart | None:
    """Booked appointments by `group`; None where there is nothing to compare."""
    lines = [line for line in view.compared[group] if line.now["confirmed"]][:_MOST_RANKED]
    if len(lines) < 2:
        return None
    labels = tuple(label(group, line.key, words, offices) for line in lines)
    values = tuple(line.now["confirmed"] for line in lines)
    told = "; ".join(f"{name} {words.number(n or 0)}" for name, n in zip(labels, values, strict=True))
    return Chart(
        id=f"ranked_{group}",
        kind=Kind.RANKED,
        title=f"{words['compare_chart']}: {words[f'by_{group}']}",
        description=words["ranked_description"].format(lines=told),
        labels=labels,
        lines=(Line(words["compare_chart"], values),),
        number=words.number,
    )


def label(group: Group, key: str | None, words: Words, offices: Sequence[OfficeData]) -> str:
    return name_of(group, key, offices, words.language) or (words["none"] if key is None else words.known(key))
