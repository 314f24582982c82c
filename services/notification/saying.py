"""Days, times and numbers in the reader's language: 24 hours, the day before the month, the office's wall time."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from services.notification.catalogues import words
from shared.saying import comma, long_date

__all__ = ["Said", "duration", "long_date", "persons", "said"]


@dataclass(frozen=True, slots=True)
class Said:
    """A moment in words; all of it is empty where there is none. The `short_…` one has figures only."""

    day: str = ""
    clock: str = ""
    when: str = ""
    short_when: str = ""


_NEVER = Said()


def said(at: datetime | None, zone: tzinfo, lang: str) -> Said:
    return _said(at, zone, lang) if at else _NEVER


@lru_cache(maxsize=4096)
def _said(at: datetime, zone: tzinfo, lang: str) -> Said:
    local = at.astimezone(zone)
    between = comma(lang)
    gettext = words(lang).gettext
    day, clock = long_date(local.date(), lang), gettext("%(time)s Uhr") % {"time": f"{local:%H:%M}"}
    return Said(day, clock, f"{day}{between}{clock}", f"{local:%d.%m.%Y}{between}{clock}")


@lru_cache(maxsize=1024)
def persons(number: int, lang: str) -> str:
    ngettext = words(lang).ngettext
    return ngettext("%(num)s Person", "%(num)s Personen", number) % {"num": number}


@lru_cache(maxsize=1024)
def duration(length: timedelta, lang: str) -> str:
    """In minutes; empty where there is no length."""
    minutes = length // timedelta(minutes=1)
    if not minutes:
        return ""
    ngettext = words(lang).ngettext
    return ngettext("etwa %(num)s Minute", "etwa %(num)s Minuten", minutes) % {"num": minutes}
