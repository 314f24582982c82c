from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.booking.domain.cells import start_of
from services.booking.domain.hours import Hours, wall_moment
from services.booking.domain.rules import Absence, Closure, Quota
from shared.contracts.offices import OpeningHours
from tests.builders import an_office

COUNTER, ROOM = ("service_point", "counter_1"), ("caseworkers", "room_1")
WEDNESDAY, THURSDAY, FRIDAY = date(2026, 12, 2), date(2026, 12, 3), date(2026, 12, 4)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BERLIN = ZoneInfo("Europe/Berlin")


def hours(*more: OpeningHours, **changes: Any) -> Hours:
    data = an_office().data
    return an_office(opening_hours=(*data.opening_hours, *more), **changes).hours


def opening(from_: str, until: str, **values: Any) -> OpeningHours:
    return OpeningHours.model_validate({"weekdays": DAYS, "from": from_, "until": until, **values})


def minutes(bits: int) -> int:
    return 5 * bits.bit_count()


def times(of: Hours, lane: tuple[str, str], day: date, channel: str | None = None) -> list[str]:
    """Local begin and end of each row of open cells."""
    cells = of.cells(lane, day)
    bits = cells.any if channel is None else cells.by_channel.get(channel, 0)  # type: ignore[call-overload]
    moments = [
        start_of(cells.first + bit).astimezone(BERLIN) for bit in range(bits.bit_length()) if bits >> bit & 1
    ]
    begins = [m for m in moments if m - timedelta(minutes=5) not in moments]
    ends = [m + timedelta(minutes=5) for m in moments if m + timedelta(minutes=5) not in moments]
    return [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in zip(begins, ends, strict=True)]


def test_lanes_follow_the_office_where_nothing_narrows() -> None:
    assert times(hours(), COUNTER, THURSDAY) == ["08:00-12:30", "14:00-17:00"]
    assert times(hours(), COUNTER, WEDNESDAY) == []
    assert [f"{a:%H:%M}-{b:%H:%M}" for a, b in hours().spans(THURSDAY)] == ["08:00-12:30", "14:00-17:00"]


def test_the_narrower_hours_replace_the_wider() -> None:
    team = opening("09:00", "10:00", team="caseworkers")
    lane = opening("07:00", "08:00", team="caseworkers", lane="room_1", weekdays=("wed",))
    narrowed = hours(team, lane)

    assert times(narrowed, COUNTER, THURSDAY) == ["08:00-12:30", "14:00-17:00"]
    assert times(narrowed, ("caseworkers", "room_2"), THURSDAY) == ["09:00-10:00"]
    assert times(narrowed, ROOM, WEDNESDAY) == ["07:00-08:00"]
    assert times(narrowed, ROOM, THURSDAY) == []


def test_narrower_hours_that_do_not_hold_yet_replace_nothing() -> None:
    later = opening("09:00", "10:00", team="caseworkers", valid_from=FRIDAY)

    assert times(hours(later), ROOM, THURSDAY) == ["08:00-12:30", "14:00-17:00"]
    assert times(hours(later), ROOM, FRIDAY) == ["09:00-10:00"]


def test_every_second_week_counts_from_the_first() -> None:
    """From the Thursday of calendar week 49 on; the week counts, not the day."""
    rule = opening("18:00", "19:00", weekdays=("wed",), every_weeks=2, valid_from=THURSDAY)
    found = [day for n in range(60) if times(hours(rule), COUNTER, day := WEDNESDAY + timedelta(days=n))]

    wednesdays = [day for day in found if day.weekday() == 2]
    assert wednesdays == [date(2026, 12, 16), date(2026, 12, 30), date(2027, 1, 13), date(2027, 1, 27)]


def test_closures_of_a_lane_leave_the_others_open() -> None:
    def closed(**values: Any) -> Closure:
        return Closure.model_validate({"reason": {"de": "Fortbildung"}, **values})

    lane = closed(**{"from": "2026-12-03T09:02", "until": "2026-12-03T10:31"},
                  team="service_point", lane="counter_1")  # fmt: skip
    team = closed(**{"from": FRIDAY, "until": date(2026, 12, 5)}, team="service_point")
    shut = hours(closures=(lane, team))

    assert times(shut, COUNTER, THURSDAY) == ["08:00-09:00", "10:35-12:30", "14:00-17:00"]
    assert times(shut, ("service_point", "counter_2"), THURSDAY) == ["08:00-12:30", "14:00-17:00"]
    assert times(shut, ("service_point", "counter_2"), FRIDAY) == []
    assert times(shut, ROOM, FRIDAY) == ["08:00-12:30"]


def test_a_closure_over_several_days_closes_what_lies_between() -> None:
    closure = Closure.model_validate(
        {"from": "2026-12-01T10:00", "until": "2026-12-04T09:00:00", "reason": {"de": "Umzug"}}
    )
    shut = hours(closures=(closure,))

    assert times(shut, COUNTER, date(2026, 12, 1)) == ["08:00-10:00"]
    assert times(shut, COUNTER, THURSDAY) == []
    assert times(shut, COUNTER, FRIDAY) == ["09:00-12:30"]


def test_public_holidays_close_narrower_hours_too() -> None:
    rule = opening("09:00", "10:00", team="caseworkers")

    assert times(hours(rule), ROOM, date(2027, 1, 6)) == []
    assert times(hours(rule), ROOM, date(2027, 1, 5)) == ["09:00-10:00"]


def test_quotas_set_the_channel_of_a_span() -> None:
    kept = Quota.model_validate({"team": "service_point", "from": "08:00", "until": "09:00", "channel": "kept"})
    urgent = Quota.model_validate(
        {"team": "service_point", "lane": "counter_1", "weekdays": ["thu"], "from": "08:30", "until": "10:00",
         "channel": "emergency", "valid_until": "2026-12-10"}
    )  # fmt: skip
    shared = hours(quotas=(kept, urgent))

    assert times(shared, COUNTER, THURSDAY, "kept") == ["08:00-08:30"]
    assert times(shared, COUNTER, THURSDAY, "emergency") == ["08:30-10:00"]
    assert times(shared, COUNTER, THURSDAY, "web") == ["10:00-12:30", "14:00-17:00"]
    assert times(shared, COUNTER, date(2026, 12, 10), "emergency") == []
    assert times(shared, ("service_point", "counter_4"), THURSDAY, "staff") == ["09:00-12:30", "14:00-17:00"]
    assert times(shared, COUNTER, THURSDAY) == ["08:00-12:30", "14:00-17:00"]


def test_an_absence_takes_the_lanes_cells_away() -> None:
    away = Absence.model_validate(
        {"team": "caseworkers", "lane": "room_1", "from": "2026-12-03T12:00", "until": FRIDAY}
    )
    without = hours(absences=(away,))

    assert times(without, ROOM, THURSDAY) == ["08:00-12:00"]
    assert times(without, ("caseworkers", "room_2"), THURSDAY) == ["08:00-12:30", "14:00-17:00"]
    assert minutes(without.absent(ROOM, THURSDAY)) == 12 * 60
    assert without.absent(ROOM, FRIDAY) == 0


@pytest.mark.parametrize(
    ("day", "from_", "until", "length"),
    [
        (date(2026, 10, 25), "02:00", "03:00", 120),
        (date(2026, 10, 25), "01:00", "04:00", 240),
        (date(2026, 10, 25), "01:00", "02:30", 90),
        (date(2026, 10, 25), "02:30", "04:00", 150),
        (date(2027, 3, 28), "02:00", "03:00", 0),
        (date(2027, 3, 28), "01:00", "04:00", 120),
        (date(2027, 3, 28), "01:00", "02:30", 60),
        (date(2027, 3, 28), "02:30", "04:00", 60),
        (THURSDAY, "01:00", "04:00", 180),
    ],
)
def test_hours_across_a_clock_change(day: date, from_: str, until: str, length: int) -> None:
    """The hour that comes twice counts twice, the one that is skipped not at all."""
    at_night = an_office(opening_hours=(opening(from_, until),)).hours

    assert minutes(at_night.cells(COUNTER, day).any) == length


@pytest.mark.parametrize("day", [date(2026, 10, 25), date(2027, 3, 28), THURSDAY])
def test_neighbouring_spans_neither_gap_nor_overlap(day: date) -> None:
    whole = an_office(opening_hours=(opening("00:00", "06:00"),)).hours.cells(COUNTER, day).any
    for wall in ("01:55", "02:00", "02:05", "02:30", "02:55", "03:00", "03:05"):
        first, second = (
            an_office(opening_hours=(opening(a, b),)).hours.cells(COUNTER, day).any
            for a, b in (("00:00", wall), (wall, "06:00"))
        )
        assert first | second == whole, wall
        assert not first & second, wall


def test_a_skipped_wall_time_is_the_change_itself() -> None:
    assert wall_moment(date(2027, 3, 28), time(2, 30), BERLIN) == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert wall_moment(date(2026, 10, 25), time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
