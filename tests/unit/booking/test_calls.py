"""Whom staff phone: when no message reaches somebody in time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.booking.domain import calls, day
from services.booking.domain.actors import staff
from services.booking.domain.appointment import Appointment, Call
from services.booking.domain.day import NothingToUndo
from tests.builders import MONDAY, a_confirmed, some_contact

ANNA, BORIS = staff("anna"), staff("boris")
STARTS = MONDAY + timedelta(hours=2)
TODAY = (MONDAY.replace(hour=0), MONDAY.replace(hour=0) + timedelta(hours=24))
A_WEEK = timedelta(days=7)


def booked(*, starts_in: timedelta = STARTS - MONDAY, **contact: Any) -> Appointment:
    return replace(a_confirmed(now=MONDAY, starts_in=starts_in), contact=some_contact(**contact))


def cancelled(appointment: Appointment, *, now: datetime = MONDAY) -> Appointment:
    return appointment.office_cancel(now=now, by=ANNA, reason="close_now").after


def moved(appointment: Appointment, **changes: Any) -> Appointment:
    later = appointment.starts_at + timedelta(days=1)
    values: dict[str, Any] = {"by": ANNA, "reason": "closure", **changes}
    return appointment.reschedule(
        lane="counter_1",
        starts_at=later,
        ends_at=later + timedelta(minutes=15),
        now=MONDAY,
        release_at=MONDAY,
        **values,
    ).after


def the_call(appointment: Appointment) -> Call:
    assert appointment.call is not None
    return appointment.call


def test_whom_nobody_can_write_to_is_phoned_at_once() -> None:
    for appointment in (booked(has_email=False), replace(booked(), contact=None)):
        call = the_call(cancelled(appointment))
        assert (call.purpose, call.why, call.due_at) == ("office_cancellation", "no_contact", MONDAY)


def test_consent_to_sms_is_a_way_to_write() -> None:
    assert the_call(cancelled(booked(has_email=False, sms_consent=True))).why == "not_sent"


def test_a_message_has_half_an_hour_or_until_the_day_before() -> None:
    assert the_call(cancelled(booked())).due_at == MONDAY + timedelta(minutes=30)
    far = booked(starts_in=A_WEEK)
    assert the_call(cancelled(far)).due_at == far.starts_at - timedelta(hours=24)


def test_who_asked_for_the_change_need_not_be_phoned() -> None:
    assert the_call(moved(booked())).purpose == "rescheduled"
    assert moved(booked(), reason=None).call is None
    assert moved(booked(), reason="wish").call is None
    by_citizen = booked(starts_in=A_WEEK).cancel(now=MONDAY, release_at=MONDAY).after
    assert by_citizen.call is None


def test_the_list_empties_when_the_appointment_changes_again() -> None:
    told = moved(booked(has_email=False))
    assert told.cancel(now=MONDAY, release_at=MONDAY).after.call is None
    assert moved(told, reason=None).call is None
    there = replace(told, starts_at=STARTS, ends_at=STARTS + timedelta(minutes=15))
    rules = day.DayRules(late_after=timedelta(minutes=15), late="rebook", calls=3)
    assert day.check_in(there, at=MONDAY, now=MONDAY, day=TODAY, rules=rules).after.call is None


def test_another_desk_does_not_tell_the_person() -> None:
    told = moved(booked(has_email=False))
    assert told.reassign(lane="counter_2", now=MONDAY, by=ANNA).after.call == told.call


def test_an_undeliverable_message_is_a_call() -> None:
    appointment = booked()
    call = calls.undeliverable(appointment, purpose="confirmation", created_at=MONDAY, now=MONDAY)
    assert call == Call("confirmation", "undeliverable", since=MONDAY, due_at=MONDAY)

    told = cancelled(appointment)
    call = calls.undeliverable(told, purpose="office_cancellation", created_at=MONDAY, now=MONDAY)
    assert call == replace(the_call(told), why="undeliverable", due_at=MONDAY)


@pytest.mark.parametrize("purpose", ["confirmation", "rescheduled", "cancellation", "link", "reminder"])
def test_what_is_no_longer_so_needs_no_call(purpose: str) -> None:
    told = cancelled(booked())
    assert calls.undeliverable(told, purpose=purpose, created_at=MONDAY, now=MONDAY) is None
    # The message was about an older state.
    earlier = MONDAY - timedelta(minutes=1)
    assert calls.undeliverable(told, purpose="office_cancellation", created_at=earlier, now=MONDAY) is None


def test_a_message_that_fails_twice_does_not_call_twice() -> None:
    told = replace(cancelled(booked(has_email=False)))
    phoned = replace(told, call=calls.done(told, by=ANNA, now=MONDAY))
    again = {"purpose": "office_cancellation", "created_at": MONDAY, "now": MONDAY}
    assert calls.undeliverable(phoned, **again) is None  # type: ignore[arg-type]


def test_a_call_belongs_to_one_for_half_an_hour() -> None:
    told = cancelled(booked(has_email=False))
    taken = replace(told, call=calls.take(told, by=ANNA, now=MONDAY))

    assert calls.take(taken, by=ANNA, now=MONDAY) == taken.call
    for act in (calls.take, calls.done, calls.not_reached):
        with pytest.raises(calls.TakenByAnother):
            act(taken, by=BORIS, now=MONDAY + timedelta(minutes=29))
    assert calls.take(taken, by=BORIS, now=MONDAY + timedelta(minutes=30)).acts[-1].by == "boris"


def test_who_was_not_reached_is_tried_again() -> None:
    told = cancelled(booked(has_email=False))
    for n in range(1, 4):
        told = replace(told, call=calls.not_reached(told, by=(ANNA, BORIS)[n % 2], now=MONDAY))
        assert (the_call(told).tries, calls.taken_by(the_call(told), now=MONDAY)) == (n, None)


def test_one_takes_back_what_one_did_that_day() -> None:
    told = cancelled(booked(has_email=False))
    phoned = replace(told, call=calls.done(told, by=ANNA, now=MONDAY))

    with pytest.raises(calls.NoCall):
        calls.take(phoned, by=BORIS, now=MONDAY)
    with pytest.raises(NothingToUndo):
        calls.undo(phoned, by=BORIS, day=TODAY)
    with pytest.raises(NothingToUndo):
        calls.undo(phoned, by=ANNA, day=(TODAY[1], TODAY[1] + timedelta(days=1)))
    assert calls.undo(phoned, by=ANNA, day=TODAY) == told.call


def test_nobody_is_phoned_before_the_message_had_its_time() -> None:
    with pytest.raises(calls.NoCall):
        calls.take(cancelled(booked()), by=ANNA, now=MONDAY + timedelta(minutes=29))
