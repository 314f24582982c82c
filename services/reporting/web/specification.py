"""The chart as Vega-Lite has it. Importing Altair takes half a second: only who draws imports this."""

import json
from collections.abc import Sequence
from typing import Any

import altair as alt

from services.reporting.web.chart import Series

# Blue and orange of Okabe and Ito: told apart with every kind of colour vision, and in print.
COLOURS = ("#0072b2", "#e69f00")
_FONT = "system-ui, 'Liberation Sans', Arial, sans-serif"
_HEIGHT = 240


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
