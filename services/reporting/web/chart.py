"""The dashboard's chart: Altair describes it, vl-convert draws it as SVG in this process."""

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

# Blue and orange of Okabe and Ito: told apart with every kind of colour vision, and in print.
COLOURS = ("#0072b2", "#e69f00")
_FONT = "system-ui, 'Liberation Sans', Arial, sans-serif"
_HEIGHT = 240
_KEEP = 64
_AUTO_SIZE = re.compile(r'^<svg ([^>]*?) width="(\d+)" height="(\d+)"')


@dataclass(frozen=True, slots=True)
class Series:
    """Two bars per day; `labels` are what stands below each pair, an empty one stays unlabelled."""

    titles: tuple[str, str]
    days: tuple[str, ...]
    labels: tuple[str, ...]
    values: tuple[tuple[int, int], ...]
    summary: str
    width: int


class Charts:
    """Renders off the event loop, one at a time (each renderer costs memory), and keeps the newest."""

    def __init__(self) -> None:
        self._renderer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chart")
        self._kept: OrderedDict[Series, str] = OrderedDict()

    async def svg(self, series: Series) -> str:
        if series not in self._kept:
            loop = asyncio.get_running_loop()
            self._kept[series] = await loop.run_in_executor(self._renderer, render, series)
        self._kept.move_to_end(series)
        while len(self._kept) > _KEEP:
            self._kept.popitem(last=False)
        return self._kept[series]


def render(series: Series) -> str:
    """An SVG that fills the width it is given, with its summary as accessible name."""
    svg: str = vl_convert.vegalite_to_svg(specification(series))
    summary = _escaped(series.summary)
    attributes = f'role="img" aria-label="{summary}" preserveAspectRatio="xMinYMin meet"'
    return _AUTO_SIZE.sub(rf"<svg {attributes} \1", svg, count=1)


def specification(series: Series) -> dict[str, Any]:
    values = [
        {"day": index, "kind": kind, "n": n}
        for index, pair in enumerate(series.values)
        for kind, n in zip(series.titles, pair, strict=True)
    ]
    bars = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(cornerRadiusEnd=1)
        .encode(
            x=alt.X("day:O", title=None, axis=_day_axis(series.labels), scale=alt.Scale(paddingInner=0.25)),
            xOffset=alt.XOffset("kind:N", sort=list(series.titles)),
            y=alt.Y("n:Q", title=None, axis=_count_axis(), scale=alt.Scale(domain=[0, _top(series)], nice=True)),
            color=alt.Color(
                "kind:N",
                sort=list(series.titles),
                scale=alt.Scale(domain=list(series.titles), range=list(COLOURS)),
                legend=alt.Legend(title=None, orient="top", labelFontSize=13, symbolType="square"),
            ),
        )
        .properties(width=series.width, height=_HEIGHT, background="transparent")
        .configure(font=_FONT)
        .configure_view(stroke=None)
    )
    specified: dict[str, Any] = bars.to_dict()
    return specified


def _day_axis(labels: Sequence[str]) -> alt.Axis:
    return alt.Axis(
        labelExpr=f"{json.dumps(labels)}[datum.value]",
        labelAngle=0,
        labelFontSize=12,
        labelOverlap=False,
        values=[index for index, label in enumerate(labels) if label],
        tickColor="#888",
        domainColor="#888",
    )


def _count_axis() -> alt.Axis:
    return alt.Axis(format="d", tickMinStep=1, tickCount=5, labelFontSize=12, gridColor="#ddd", domain=False)


def _top(series: Series) -> int:
    """Never below four, so that a single booking does not fill the chart."""
    return max(4, *(n for pair in series.values for n in pair))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
