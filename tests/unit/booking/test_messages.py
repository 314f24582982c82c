"""Which messages staff can send once more: what the newest state still says, and nothing else."""

from dataclasses import replace
from datetime import timedelta

from services.booking.domain.appointment import Appointment
from services.booking.domain.messages import sendable
from tests.builders import MONDAY, a_confirmed, some_contact


def resized(appointment: Appointment) -> Appointment:
    longer = appointment.ends_at + timedelta(minutes=10)
    places = (*appointment.municipalities, appointment.municipalities[0])
    change = appointment.resize(
        municipalities=places, children_under_6=0, ends_at=longer, now=MONDAY, release_at=MONDAY
    )
    return change.after


def test_a_visit_ahead_is_confirmed_and_reminded_of_once_more() -> None:
    booked = a_confirmed()
    assert sendable(booked, now=MONDAY) == ("confirmation", "reminder")
    assert sendable(booked, now=booked.starts_at) == ()


def test_whoever_wants_no_reminders_gets_none_from_staff_either() -> None:
    booked = replace(a_confirmed(), contact=some_contact(reminders=False))
    assert sendable(booked, now=MONDAY) == ("confirmation",)


def test_a_change_is_told_once_more_until_something_tells_the_whole_visit() -> None:
    booked = resized(a_confirmed())
    assert sendable(booked, now=MONDAY) == ("confirmation", "changed", "reminder")
    back = booked.cancel(now=MONDAY, release_at=booked.starts_at).after.restore(now=MONDAY).after
    assert sendable(back, now=MONDAY) == ("confirmation", "reminder")
