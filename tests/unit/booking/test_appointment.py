from datetime import timedelta

import pytest

from services.booking.domain.actors import staff
from services.booking.domain.appointment import (
    AlreadyOver,
    Expired,
    NothingToRestore,
    TooManyContacts,
    WrongStatus,
)
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
    change = a_hold().request(
        some_contact(), person=b"sealed", now=MONDAY, keep_until=MONDAY + timedelta(hours=24)
    )

    assert change.contact is ContactProvided
    assert change.after.contact_sequence == change.after.version == 2
    assert change.after.awaits_message


def test_a_hold_that_ran_out_cannot_be_requested() -> None:
    held = a_hold()

    with pytest.raises(Expired):
        held.request(some_contact(), person=b"sealed", now=MONDAY + timedelta(minutes=10), keep_until=LATER)


def test_contact_can_be_corrected_only_a_few_times() -> None:
    appointment = a_request()
    for _ in range(2):
        appointment = appointment.request(some_contact(), person=b"sealed", now=MONDAY, keep_until=LATER).after

    with pytest.raises(TooManyContacts):
        appointment.request(some_contact(), person=b"sealed", now=MONDAY, keep_until=LATER)


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


def test_a_cancellation_is_taken_back_while_its_time_cools() -> None:
    before = a_confirmed(claims_of="me")
    cancelled = before.cancel(now=MONDAY, release_at=MONDAY + timedelta(minutes=20)).after

    restored = cancelled.restore(now=MONDAY).after

    assert (restored.status, restored.cells, restored.cooling) == ("confirmed", before.cells, ())
    assert restored.active == before.active == ("eat_pickup|me",)


def test_only_cells_that_cool_are_given_away() -> None:
    confirmed = a_confirmed()
    moved = confirmed.reschedule(
        lane="counter_2",
        starts_at=confirmed.starts_at,
        ends_at=confirmed.ends_at,
        now=MONDAY,
        release_at=MONDAY + timedelta(minutes=30),
    ).after

    given = moved.give(frozenset(moved.cells))

    assert given.cells == moved.current_cells()
    assert given.cooling == ()


def test_a_time_that_was_given_away_is_not_restored() -> None:
    cancelled = a_confirmed().cancel(now=MONDAY, release_at=MONDAY + timedelta(minutes=20)).after
    with pytest.raises(NothingToRestore):
        cancelled.release(now=MONDAY + timedelta(minutes=20)).restore(now=MONDAY)
    with pytest.raises(NothingToRestore):
        cancelled.give(frozenset(cancelled.cells[:1])).restore(now=MONDAY)


def test_only_what_cools_is_given_away() -> None:
    booked = a_confirmed()
    moved = booked.reschedule(
        lane=booked.lane,
        starts_at=booked.starts_at + timedelta(minutes=10),
        ends_at=booked.ends_at + timedelta(minutes=10),
        now=MONDAY,
        release_at=MONDAY + timedelta(minutes=20),
    ).after

    assert booked.give(frozenset(booked.cells)) == booked
    given = moved.give(frozenset((*booked.cells, *moved.cells)))
    assert (given.cells, given.cooling) == (moved.current_cells(), ())


def test_a_hold_that_was_cancelled_is_not_restored() -> None:
    cancelled = a_hold().cancel(now=MONDAY, release_at=MONDAY + timedelta(minutes=20)).after
    with pytest.raises(NothingToRestore):
        cancelled.restore(now=MONDAY)


def test_one_person_fewer_shortens_and_the_tail_cools() -> None:
    before = a_confirmed()
    ends_at = before.starts_at + timedelta(minutes=15)

    after = before.resize(
        municipalities=before.municipalities[:2],
        children_under_6=0,
        ends_at=ends_at,
        now=MONDAY,
        release_at=MONDAY + timedelta(minutes=20),
    ).after

    assert (after.persons, after.ends_at, after.cells[:3]) == (2, ends_at, before.cells[:3])
    assert after.cooling[0].cells == before.cells[3:]
    assert set(after.cells) == set(before.cells)


def test_a_newborn_extends_at_the_same_desk() -> None:
    before = a_confirmed()
    ends_at = before.ends_at + timedelta(minutes=5)

    after = before.resize(
        municipalities=(*before.municipalities, before.municipalities[0]),
        children_under_6=1,
        ends_at=ends_at,
        now=MONDAY,
        release_at=MONDAY,
    ).after

    assert after.cells[:5] == before.cells
    assert len(after.cells) == 6


def test_another_desk_keeps_the_time_and_frees_the_old_at_once() -> None:
    before = a_confirmed()

    after = before.reassign(lane="counter_2", now=MONDAY, by=staff("anna")).after

    assert (after.starts_at, after.lane, after.cooling) == (before.starts_at, "counter_2", ())
    assert all("|counter_2|" in cell for cell in after.cells)
    assert after.steps[-1].by == "staff"


def test_what_the_office_cancels_is_free_at_once() -> None:
    after = a_confirmed().office_cancel(now=MONDAY, by=staff("anna"), reason="closure").after

    assert (after.status, after.cells, after.reason) == ("office_cancelled", (), "closure")


def test_for_another_person_the_claim_is_its_own_and_looked_at() -> None:
    asked = a_request(claims_of="me")

    after = asked.confirm(now=MONDAY, another_person=True).after

    assert after.active == (f"eat_pickup|me#{asked.id}",)
    assert after.review == "another_person"
