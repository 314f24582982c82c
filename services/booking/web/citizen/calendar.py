"""A month of days and the times of one of them, as the page shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

Days = Mapping[date, Sequence[datetime]]
_NOON = 12


@dataclass(frozen=True, slots=True)
class Sheet:
    """`weeks` begin on Monday and hold None where a day is of another month; `day` is the chosen one."""

    month: date
    weeks: list[list[date | None]]
    before: date | None
    after: date | None
    day: date | None
    mornings: list[datetime]
    afternoons: list[datetime]
    earliest: datetime | None
    # The first free day after this month, where it has none itself.
    next_free: date | None


def sheet(days: Days, *, first: date, last: date, day: str = "", month: str = "") -> Sheet:
    """`day` and `month` are what was asked for, as ISO texts; what makes no sense counts as nothing."""
    wanted = _day(day)
    chosen = wanted if wanted in days else None
    shown = _month(month) or chosen or next(iter(days), first)
    shown = min(max(shown, first), last).replace(day=1)
    of_month = [free for free in days if free.replace(day=1) == shown]
    if chosen is None or chosen.replace(day=1) != shown:
        chosen = of_month[0] if of_month else None
    times = list(days[chosen]) if chosen else []
    return Sheet(
        month=shown,
        weeks=_weeks(shown),
        before=_turn(shown, -1) if shown > first.replace(day=1) else None,
        after=_turn(shown, 1) if shown < last.replace(day=1) else None,
        day=chosen,
        mornings=[time for time in times if time.hour < _NOON],
        afternoons=[time for time in times if time.hour >= _NOON],
        earliest=next((times[0] for times in days.values() if times), None),
        next_free=None if of_month else next((free for free in days if free > shown), None),
    )


def _weeks(month: date) -> list[list[date | None]]:
    start = month - timedelta(days=month.weekday())
    after = _turn(month, 1)
    weeks = -(-(after - start).days // 7)
    all_days = [start + timedelta(days=n) for n in range(weeks * 7)]
    kept = [day if day.replace(day=1) == month else None for day in all_days]
    return [kept[n : n + 7] for n in range(0, len(kept), 7)]


def _turn(month: date, by: int) -> date:
    months = month.year * 12 + month.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _month(text: str) -> date | None:
    return _day(f"{text}-01") if len(text) == len("2026-12") else None
