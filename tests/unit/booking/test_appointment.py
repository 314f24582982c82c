from datetime import timedelta

import pytest

from services.booking.domain.appointment import AlreadyOver, Expired, TooManyContacts, WrongStatus
from services.booking.domain.cells import cells_of
from shared.contracts import AppointmentCancelled, AppointmentExpired, ContactProvided
from tests.builders import MONDAY, a_confirmed, a_hold, a_request, some_contact

LATER = MONDAY + timedelta(minutes=30)


def test_hold_owns_the_cells_of_its_desk() -> None:
    held = a_hold()

    assert held.cells == cells_of(
        team="service_point", lane="counter_1", starts_at=held.starts_at, ends_at=held.ends_at
    )
    assert len(held.cells) == 5


def test_request_tells_the_contact_in_the_same_step() -> None:
    change = a_hold().request(some_contact(), now=MONDAY, keep_until=MONDAY + timedelta(hours=24))

    assert change.contact is ContactProvided
    assert change.after.contact_sequence == change.after.version == 2
    assert change.after.awaits_message


def test_a_hold_that_ran_out_cannot_be_requested() -> None:
    held = a_hold()

    with pytest.raises(Expired):
        held.request(some_contact(), now=MONDAY + timedelta(minutes=10), keep_until=LATER)


def test_contact_can_be_corrected_only_a_few_times() -> None:
    appointment = a_request()
    for _ in range(2):
        appointment = appointment.request(some_contact(), now=MONDAY, keep_until=LATER).after

    with pytest.raises(TooManyContacts):
        appointment.request(some_contact(), now=MONDAY, keep_until=LATER)


def test_time_to_confirm_starts_when_the_message_was_handed_over() -> None:
    requested = a_request()

    sent = requested.confirmation_sent(now=LATER, expires_at=LATER + timedelta(minutes=60)).after

    assert requested.expires_at == MONDAY + timedelta(hours=24)
    assert sent.expires_at == LATER + timedelta(minutes=60)
    assert not sent.awaits_message


def test_confirmation_after_the_deadline_is_refused() -> None:
    sent = a_request().confirmation_sent(now=MONDAY, expires_at=LATER).after

    with pytest.raises(Expired):
        sent.confirm(now=LATER)


def test_nothing_expires_before_its_time() -> None:
    held = a_hold()

    with pytest.raises(WrongStatus):
        held.expire(now=MONDAY + timedelta(minutes=9), release_at=LATER)


def test_an_expired_hold_cools_down() -> None:
    held = a_hold()

    change = held.expire(now=MONDAY + timedelta(minutes=10), release_at=LATER)

    assert change.event is AppointmentExpired
    assert change.after.cells == held.cells
    assert change.after.cooling[0].release_at == LATER


def test_moving_keeps_the_old_cells_cooling_beside_the_new() -> None:
    confirmed = a_confirmed()
    start = confirmed.starts_at + timedelta(days=1)

    moved = confirmed.reschedule(
        lane="counter_2",
        starts_at=start,
        ends_at=start + timedelta(minutes=25),
        now=MONDAY,
        release_at=LATER,
    ).after

    new = cells_of(team="service_point", lane="counter_2", starts_at=moved.starts_at, ends_at=moved.ends_at)
    assert set(moved.cells) == {*new, *confirmed.cells}
    assert moved.cooling[0].cells == confirmed.cells
    assert moved.previous_starts_at == confirmed.starts_at


def test_moving_by_ten_minutes_cools_only_what_is_left() -> None:
    confirmed = a_confirmed()
    start = confirmed.starts_at + timedelta(minutes=10)

    moved = confirmed.reschedule(
        lane=confirmed.lane,
        starts_at=start,
        ends_at=start + timedelta(minutes=25),
        now=MONDAY,
        release_at=LATER,
    ).after

    assert moved.cooling[0].cells == confirmed.cells[:2]
    assert len(moved.cells) == len(set(moved.cells)) == 7


def test_moving_back_takes_the_cooling_cells_again() -> None:
    confirmed = a_confirmed()
    start = confirmed.starts_at + timedelta(days=1)
    moved = confirmed.reschedule(
        lane="counter_1", starts_at=start, ends_at=start + timedelta(minutes=25), now=MONDAY, release_at=LATER
    ).after

    back = moved.reschedule(
        lane="counter_1",
        starts_at=confirmed.starts_at,
        ends_at=confirmed.ends_at,
        now=MONDAY,
        release_at=LATER,
    ).after

    assert [c.cells for c in back.cooling] == [moved.cells[:5]]
    assert len(back.cells) == len(set(back.cells)) == 10


def test_cancelling_late_frees_the_time_at_once() -> None:
    near = a_confirmed(starts_in=timedelta(hours=20))

    change = near.cancel(now=MONDAY, release_at=LATER)

    assert change.event is AppointmentCancelled
    assert change.after.cells == ()
    assert change.after.cooling == ()


def test_freed_time_returns_a_day_ahead_at_the_latest() -> None:
    near = a_confirmed(starts_in=timedelta(hours=24, minutes=10))

    cancelled = near.cancel(now=MONDAY, release_at=LATER).after

    assert cancelled.cooling[0].release_at == MONDAY + timedelta(minutes=10)


def test_release_gives_back_only_what_has_cooled() -> None:
    cancelled = a_confirmed().cancel(now=MONDAY, release_at=LATER).after

    assert cancelled.release(now=LATER - timedelta(seconds=1)) == cancelled
    assert cancelled.release(now=LATER).cells == ()


def test_a_visit_that_has_begun_cannot_be_cancelled() -> None:
    confirmed = a_confirmed()

    with pytest.raises(AlreadyOver):
        confirmed.cancel(now=confirmed.starts_at, release_at=LATER)


def test_a_cancelled_appointment_cannot_be_moved() -> None:
    cancelled = a_confirmed().cancel(now=MONDAY, release_at=LATER).after

    with pytest.raises(WrongStatus) as error:
        cancelled.reschedule(lane="counter_1", starts_at=LATER, ends_at=LATER, now=MONDAY, release_at=LATER)
    assert error.value.status == "cancelled"


def test_every_step_is_kept_with_its_time() -> None:
    assert [step.step for step in a_confirmed().steps] == ["held", "requested", "confirmed"]
    assert a_confirmed().version == 3
