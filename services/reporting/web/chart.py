"""The dashboard's chart: Altair describes it, vl-convert draws it as SVG in this process."""

import asyncio
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import vl_convert

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
    # A third of the time that the service takes to start, and nothing but a chart needs it.
    from services.reporting.web.specification import specification

    svg: str = vl_convert.vegalite_to_svg(specification(series))
    summary = _escaped(series.summary)
    attributes = f'role="img" aria-label="{summary}" preserveAspectRatio="xMinYMin meet"'
    return _AUTO_SIZE.sub(rf"<svg {attributes} \1", svg, count=1)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
