"""Days in the reader's language: the day before the month, and as a country writes it."""

from datetime import date
from functools import lru_cache

from babel.dates import format_date

from shared.catalogues import direction

# Plain "en" would put the month first.
_LOCALES = {"en": "en_GB", "de-x-leicht": "de"}
# Syria and Egypt name months differently, Iran and Afghanistan count them by the sun.
_SEVERAL_CALENDARS = frozenset({"ar", "fa"})


def locale_of(lang: str) -> str:
    """As Babel knows it."""
    return _LOCALES.get(lang, lang)


def comma(lang: str) -> str:
    return "، " if direction(lang) == "rtl" else ", "


@lru_cache(maxsize=1024)
def long_date(day: date, lang: str) -> str:
    """With its weekday; in figures beside it where the months' names differ from country to country."""
    text = format_date(day, format="full", locale=locale_of(lang))
    return f"{text} ({day:%d.%m.%Y})" if lang in _SEVERAL_CALENDARS else text
