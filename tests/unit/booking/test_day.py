from datetime import datetime, timedelta
from typing import Any

import pytest

from services.booking.domain import day
from services.booking.domain.actors import staff
from services.booking.domain.appointment import Appointment, WrongStatus
from tests.builders import MONDAY, a_confirmed

ANNA, BORIS = staff("anna"), staff("boris")
STARTS = MONDAY + timedelta(hours=2)
DAY = (MONDAY.replace(hour=0), MONDAY.replace(hour=0) + timedelta(hours=24))
RULES = day.DayRules(late_after=timedelta(minutes=15), late="rebook", calls=3)


def minutes(number: int) -> datetime:
    """So many minutes after the appointment's start."""
    return STARTS + timedelta(minutes=number)


def expected_today() -> Appointment:
    return a_confirmed(now=MONDAY, starts_in=STARTS - MONDAY)


def checked_in(at: datetime = STARTS, **more: Any) -> Appointment:
    return day.check_in(expected_today(), at=at, now=at, day=DAY, rules=RULES, **more).after


def called(at: datetime = STARTS, **more: Any) -> Appointment:
    return day.call(checked_in(), at=at, now=at, day=DAY, by=ANNA, lane="counter_2", **more).after


def in_service(at: datetime = STARTS) -> Appointment:
    return day.start(called(), at=at, now=at, day=DAY, by=ANNA).after


def test_who_is_in_time_waits_in_the_order_of_times() -> None:
    assert checked_in(minutes(-20)).queue_at == STARTS


def test_who_is_late_books_again_where_the_office_says_so() -> None:
    with pytest.raises(day.TooLate) as refused:
        checked_in(minutes(16))

    assert refused.value.minutes == 16


def test_staff_may_serve_the_late_or_put_them_last() -> None:
    assert checked_in(minutes(30), late="serve").queue_at == STARTS
    assert checked_in(minutes(30), late="append").queue_at == minutes(30)


def test_nobody_checks_in_on_another_day() -> None:
    tomorrow = MONDAY + timedelta(days=1)
    with pytest.raises(day.NotThisDay):
        day.check_in(
            expected_today(),
            at=tomorrow,
            now=tomorrow,
            day=(DAY[1], DAY[1] + timedelta(hours=24)),
            rules=RULES,
            late="serve",
        )


def test_what_is_entered_later_carries_its_real_time() -> None:
    change = day.check_in(expected_today(), at=STARTS, now=minutes(300), day=DAY, rules=RULES)

    assert change.after.steps[-1].at == STARTS
    assert change.now == minutes(300)


def test_nothing_is_entered_for_the_future_or_before_the_last_step() -> None:
    with pytest.raises(day.NotThisDay):
        day.check_in(expected_today(), at=minutes(1), now=STARTS, day=DAY, rules=RULES)
    with pytest.raises(day.NotThisDay):
        day.call(checked_in(), at=minutes(-1), now=minutes(5), day=DAY, by=ANNA, lane="counter_2")


def test_only_the_caller_calls_again_and_begins() -> None:
    again = day.call(called(), at=minutes(2), now=minutes(2), day=DAY, by=ANNA, lane="counter_2").after
    assert again.calls == 2
    with pytest.raises(day.CalledByAnother):
        day.call(called(), at=minutes(2), now=minutes(2), day=DAY, by=BORIS, lane="counter_3")
    with pytest.raises(day.CalledByAnother):
        day.start(called(), at=minutes(2), now=minutes(2), day=DAY, by=BORIS)


def test_minutes_of_waiting_and_handling_leave_out_pauses() -> None:
    pause = (minutes(2), minutes(7))
    there = day.call(
        checked_in(), at=minutes(10), now=minutes(10), day=DAY, by=ANNA, lane="counter_2", paused=[pause]
    ).after
    assert there.waiting_minutes == 5
    busy = day.start(there, at=minutes(11), now=minutes(11), day=DAY, by=ANNA).after
    done = day.complete(
        busy, at=minutes(31), now=minutes(31), day=DAY, by=ANNA, paused=[(minutes(20), minutes(25))]
    )
    assert done.after.handling_minutes == 15


def test_nobody_is_called_during_a_pause() -> None:
    with pytest.raises(day.Paused):
        called(paused=[(minutes(-1), minutes(10))])


def test_absence_takes_three_calls_or_the_time_that_is_over() -> None:
    with pytest.raises(day.CallsMissing):
        day.no_show(called(), at=minutes(5), now=minutes(5), day=DAY, rules=RULES, by=ANNA)
    with pytest.raises(day.CallsMissing):
        day.no_show(expected_today(), at=minutes(14), now=minutes(14), day=DAY, rules=RULES, by=ANNA)

    change = day.no_show(expected_today(), at=minutes(15), now=minutes(15), day=DAY, rules=RULES, by=ANNA)

    assert change.after.status == "no_show"


@pytest.mark.parametrize("status", ["checked_in", "called", "in_service", "completed"])
def test_every_action_of_the_day_can_be_undone(status: str) -> None:
    before = expected_today()
    steps = {
        "checked_in": lambda: checked_in(),
        "called": lambda: called(),
        "in_service": lambda: in_service(),
        "completed": lambda: day.complete(in_service(), at=STARTS, now=STARTS, day=DAY, by=ANNA).after,
    }
    now = steps[status]()

    while now.past:
        now = day.undo(now, now=minutes(60), day=DAY, by=BORIS).after

    assert (now.status, now.steps, now.calls, now.active) == ("confirmed", before.steps, 0, before.active)
    assert now.version > before.version + 1


def test_tomorrow_nothing_of_today_can_be_undone() -> None:
    later = DAY[1] + timedelta(minutes=1)
    with pytest.raises(day.NothingToUndo):
        day.undo(checked_in(), now=later, day=(DAY[1], DAY[1] + timedelta(hours=24)), by=ANNA)


def test_what_the_office_cancelled_is_not_undone() -> None:
    cancelled = checked_in().office_cancel(now=minutes(5), by=ANNA, reason="closure").after
    with pytest.raises(day.NothingToUndo):
        day.undo(cancelled, now=minutes(6), day=DAY, by=ANNA)


def test_an_absence_is_undone_and_the_person_served() -> None:
    missed = day.no_show(expected_today(), at=minutes(20), now=minutes(20), day=DAY, rules=RULES, by=ANNA).after
    back = day.undo(missed, now=minutes(25), day=DAY, by=ANNA).after

    again = day.check_in(back, at=minutes(25), now=minutes(25), day=DAY, rules=RULES, late="append", by=ANNA)

    assert again.after.status == "checked_in"


def test_steps_out_of_order_are_refused() -> None:
    with pytest.raises(WrongStatus):
        day.call(expected_today(), at=STARTS, now=STARTS, day=DAY, by=ANNA, lane="counter_2")
    with pytest.raises(WrongStatus):
        day.complete(called(), at=STARTS, now=STARTS, day=DAY, by=ANNA)
