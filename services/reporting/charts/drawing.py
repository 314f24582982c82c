"""Bars or lines over time, and bars beside each other. No style attributes: the page's policy allows none."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from services.reporting.charts.scale import shown, ticks

# Blue and vermilion of Okabe and Ito: told apart with every kind of colour vision, and both dark enough on white.
# The second is hatched or dashed as well, for print.
COLOURS = ("#0072b2", "#d55e00")
_INK, _GRID = "#4a5560", "#d5dbe1"
_FONT = 13
_LETTER = 7.3
# Words of a legend have wider letters than numbers.
_WIDE_LETTER = 8.0
_HEIGHT, _TOP, _BOTTOM = 250, 30, 24
_ROW, _STACKED_ROW = 30, 44
_LEGEND_LINE = 18


class Kind(StrEnum):
    BARS = "bars"
    LINES = "lines"
    RANKED = "ranked"


@dataclass(frozen=True, slots=True)
class Line:
    """One series: a value for each label of its chart, None where there is none."""

    title: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """At most two lines; RANKED shows the first alone. `unit` goes behind each value of the axis."""

    id: str
    kind: Kind
    title: str
    description: str
    labels: tuple[str, ...]
    lines: tuple[Line, ...]
    number: Callable[[float], str]

    @property
    def most(self) -> float:
        return max((v for line in self.lines for v in line.values if v is not None), default=0)

    @property
    def whole(self) -> bool:
        return all(v is None or v == int(v) for line in self.lines for v in line.values)


def svg(chart: Chart, *, width: int, font: str = "system-ui, 'Liberation Sans', Arial, sans-serif") -> str:
    """An SVG that fills the width it is given; drawn for about `width` pixels, so that letters keep their size."""
    ranked = chart.kind is Kind.RANKED
    height = _row(chart, width) * len(chart.labels) + 8 if ranked else _HEIGHT + _legend_height(chart, width)
    draw = {Kind.BARS: _over_time, Kind.LINES: _over_time, Kind.RANKED: _ranked}[chart.kind]
    body = "".join(draw(chart, width))
    title, description = f"{chart.id}-{width}-t", f"{chart.id}-{width}-d"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{title} {description}" font-family="{escape(font)}" font-size="{_FONT}" fill="{_INK}">'
        f'<title id="{title}">{escape(chart.title)}</title>'
        f'<desc id="{description}">{escape(chart.description)}</desc>'
        f"{_hatch(chart.id, width)}{body}</svg>"
    )


def _hatch(id: str, width: int) -> str:
    return (
        f'<defs><pattern id="{id}-{width}-h" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="6" height="6" fill="{COLOURS[1]}"/>'
        f'<rect width="2" height="6" fill="#fff"/></pattern></defs>'
    )


def _over_time(chart: Chart, width: int) -> Iterator[str]:
    marks = ticks(chart.most, whole=chart.whole)
    names = [chart.number(mark) for mark in marks]
    left = max(map(len, names)) * _LETTER + 10
    room, depth = width - left - 4, _HEIGHT - _TOP - _BOTTOM
    top = _TOP + _legend_height(chart, width)

    def y(value: float) -> float:
        return top + depth * (1 - value / marks[-1])

    yield from _legend(chart, width)
    for mark, name in zip(marks, names, strict=True):
        yield f'<path d="M{left:.0f} {y(mark):.1f}H{width}" stroke="{_GRID}"/>'
        yield _text(left - 6, y(mark) + 4, name, anchor="end")
    step = room / max(1, len(chart.labels))
    yield from _labels(chart.labels, left=left, step=step, width=width, y=top + depth + 18)
    draw = _bars if chart.kind is Kind.BARS else _curves
    yield from draw(chart, width, left, step, y)


def _legend(chart: Chart, width: int) -> Iterator[str]:
    """One beside the other, or one below the other where that is too wide."""
    x, y = 0.0, 4
    for number, line in enumerate(chart.lines):
        yield f'<rect x="{x:.0f}" y="{y}" width="12" height="12" fill="{_fill(chart, width, number)}"/>'
        yield _text(x + 17, y + 10, line.title)
        if _legend_height(chart, width):
            y += _LEGEND_LINE
        else:
            x += _long(line)


def _legend_height(chart: Chart, width: int) -> int:
    """What the legend takes beyond its first line."""
    return _LEGEND_LINE * (len(chart.lines) - 1) if sum(map(_long, chart.lines)) > width else 0


def _long(line: Line) -> float:
    return 17 + len(line.title) * _WIDE_LETTER + 18


def _labels(labels: Sequence[str], *, left: float, step: float, width: int, y: float) -> Iterator[str]:
    for number, label in enumerate(shown(labels, room=width - left, letter=_LETTER)):
        if label:
            half = len(label) * _LETTER / 2
            x = min(max(left + step * (number + 0.5), left + half), width - half)
            yield _text(x, y, label, anchor="middle")


def _bars(chart: Chart, width: int, left: float, step: float, y: Callable[[float], float]) -> Iterator[str]:
    thick = step * 0.8 / len(chart.lines)
    for series, line in enumerate(chart.lines):
        for number, value in enumerate(line.values):
            if value:
                x = left + step * (number + 0.1) + thick * series
                tall = y(0) - y(value)
                yield (
                    f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{max(thick - 1, 1):.1f}" height="{tall:.1f}" '
                    f'fill="{_fill(chart, width, series)}"/>'
                )


def _curves(chart: Chart, _: int, left: float, step: float, y: Callable[[float], float]) -> Iterator[str]:
    for series, line in enumerate(chart.lines):
        points = [
            None if value is None else (left + step * (number + 0.5), y(value))
            for number, value in enumerate(line.values)
        ]
        dash = ' stroke-dasharray="6 4"' if series else ""
        yield f'<path d="{_path(points)}" fill="none" stroke="{COLOURS[series]}" stroke-width="2.5"{dash}/>'
        for x, top in filter(None, points):
            yield _dot(x, top, series)


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """A gap where there is no value."""
    parts, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
        else:
            parts.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
            pen = "L"
    return "".join(parts) or "M0 0"


def _dot(x: float, y: float, series: int) -> str:
    if series:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{COLOURS[series]}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[series]}"/>'


def _ranked(chart: Chart, width: int) -> Iterator[str]:
    values = chart.lines[0].values
    most = max(chart.most, 1)
    stacked = _row(chart, width) == _STACKED_ROW
    names = 0.0 if stacked else _names(chart)
    numbers = max((len(chart.number(v)) for v in values if v is not None), default=1) * _LETTER + 10
    for number, (label, value) in enumerate(zip(chart.labels, values, strict=True)):
        y = _row(chart, width) * number + 4
        if stacked:
            yield _text(0, y + 11, label)
        else:
            yield _text(names - 6, y + 16, label, anchor="end")
        y += 16 if stacked else 0
        long = (width - names - numbers) * (value or 0) / most
        yield f'<rect x="{names:.1f}" y="{y}" width="{long:.1f}" height="22" fill="{COLOURS[0]}"/>'
        yield _text(names + long + 6, y + 16, "–" if value is None else chart.number(value))


def _row(chart: Chart, width: int) -> int:
    """Names stand above their bars where they would take too much of the width."""
    return _STACKED_ROW if _names(chart) > width * 0.45 else _ROW


def _names(chart: Chart) -> float:
    return max((len(label) for label in chart.labels), default=0) * _LETTER + 8


def _fill(chart: Chart, width: int, series: int) -> str:
    hatched = series and chart.kind is Kind.BARS
    return f"url(#{chart.id}-{width}-h)" if hatched else COLOURS[series]


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
