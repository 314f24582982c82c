"""Days, times and months on the pages, in the reader's language and the office's wall time."""

from datetime import date, datetime
from functools import lru_cache
from typing import Literal

from babel.dates import format_date, get_day_names

from services.booking.web.languages import CATALOGUES
from services.booking.web.typesetting import together
from shared.catalogues import direction
from shared.saying import comma, locale_of, long_date


def clock(at: datetime, lang: str) -> str:
    """`at` is local."""
    return together(CATALOGUES.words(lang).gettext("%(time)s Uhr") % {"time": f"{at:%H:%M}"})


def when(at: datetime, lang: str) -> str:
    """`at` is local."""
    return f"{long_date(at.date(), lang)}{comma(lang)}{clock(at, lang)}"


@lru_cache(maxsize=1024)
def month(day: date, lang: str) -> str:
    return format_date(day, format="LLLL y", locale=locale_of(lang))


@lru_cache(maxsize=64)
def weekdays(lang: str) -> list[tuple[str, str]]:
    """Short and whole, Monday first."""
    # Arabic and Persian shorten to whole words, which do not fit a seventh of a phone.
    width: Literal["short", "narrow"] = "narrow" if direction(lang) == "rtl" else "short"
    short = get_day_names(width, context="stand-alone", locale=locale_of(lang))
    whole = get_day_names("wide", context="stand-alone", locale=locale_of(lang))
    return [(short[day], whole[day]) for day in range(7)]
