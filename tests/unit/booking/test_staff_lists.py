"""When the office's own people are told the day's list, and what stands in it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.booking.domain.rules import DayRules
from services.booking.domain.staff_lists import SETTLED, day_to_tell, event_id, has_settled, listed
from tests.builders import MONDAY, a_confirmed, a_hold, a_request, an_office

WINTER, SUMMER = date(2026, 11, 30), date(2026, 7, 6)


def at(day: date, utc: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{utc}").replace(tzinfo=UTC)


@pytest.mark.parametrize(("day", "begins"), [(WINTER, "05:30"), (SUMMER, "04:30")])
def test_a_day_is_told_from_half_past_six_on_the_wall(day: date, begins: str) -> None:
    office, begin = an_office(), at(day, begins)
    assert day_to_tell(office, now=begin - timedelta(seconds=1)) is None
    assert day_to_tell(office, now=begin) == day
    assert day_to_tell(office, now=begin + timedelta(hours=4) - timedelta(seconds=1)) == day
    assert day_to_tell(office, now=begin + timedelta(hours=4)) is None


def test_an_office_chooses_the_time_or_wants_no_list() -> None:
    late, never = (an_office(day=DayRules(list_at=at)) for at in ("09:15", ""))
    assert day_to_tell(late, now=at(WINTER, "08:14")) is None
    assert day_to_tell(late, now=at(WINTER, "08:15")) == WINTER
    assert not any(day_to_tell(never, now=at(WINTER, f"{hour:02}:00")) for hour in range(24))


def test_the_list_names_who_is_expected_by_time_and_by_code_alone() -> None:
    late, early = a_confirmed(starts_in=timedelta(hours=3)), a_confirmed(starts_in=timedelta(hours=2))
    gone = a_confirmed().cancel(now=MONDAY, release_at=MONDAY).after
    without_time = replace(a_confirmed(), lane="")
    rows = listed([late, a_hold(), a_request(), gone, without_time, early])
    assert [(row.starts_at, row.code, row.persons) for row in rows] == [
        (early.starts_at, early.code, 3),
        (late.starts_at, late.code, 3),
    ]
    assert set(type(rows[0]).model_fields) == {"starts_at", "code", "service", "team", "lane", "persons"}


def test_whoever_has_just_changed_the_hours_is_given_time_to_plan_anew() -> None:
    assert not has_settled(MONDAY, now=MONDAY + SETTLED - timedelta(seconds=1))
    assert has_settled(MONDAY, now=MONDAY + SETTLED)
    assert has_settled(None, now=MONDAY)


def test_an_event_has_the_same_id_in_every_process_and_another_for_another_day() -> None:
    first = event_id("office.day_planned.v1", subject="a|2026-12-03", sequence=1)
    assert first == event_id("office.day_planned.v1", subject="a|2026-12-03", sequence=1)
    assert first != event_id("office.day_planned.v1", subject="a|2026-12-04", sequence=1)
    assert first != event_id("office.day_planned.v1", subject="a|2026-12-03", sequence=2)
