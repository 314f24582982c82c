"""Every answer that a citizen got is true of what is stored."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.prove.checks import violations
from tests.prove.history import Action, Operation, Outcome
from tests.unit.prove.story import LATER, VISIT, Story, a_whole_story, cells


def test_ok_hold_that_does_not_exist_is_lost() -> None:
    story = a_whole_story()
    story.asks(Action.HOLD, "frida", LATER.isoformat())

    assert story.found() == [("bookings", "lost")]


def test_ok_hold_of_another_time_is_lost() -> None:
    story = Story()
    story.holds("anna")
    story.asks(Action.HOLD, "anna", LATER.isoformat())

    assert story.found() == [("bookings", "lost")]


def test_refused_hold_that_exists_is_wrong() -> None:
    story = a_whole_story()
    story.holds("frida", starts_at=LATER + timedelta(days=1), outcome=Outcome.REFUSED)
    story.lets_expire("frida")

    assert story.found() == [("bookings", "wrong")]


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.INVOKED])
def test_hold_without_clear_answer_may_be_there_or_not(outcome: Outcome) -> None:
    story = Story()
    story.holds("anna", outcome=outcome)
    story.asks(Action.HOLD, "berta", LATER.isoformat(), outcome)

    assert story.found() == []


def test_refused_repeat_of_an_unknown_hold_says_nothing() -> None:
    story = Story()
    story.holds("anna", outcome=Outcome.UNKNOWN)
    story.asks(Action.HOLD, "anna", VISIT.isoformat(), Outcome.REFUSED, 409)

    assert story.found() == []


def test_hold_repeated_after_the_appointment_went_on_is_answered_as_first() -> None:
    story = a_whole_story()
    story.asks(Action.HOLD, "anna", VISIT.isoformat(), Outcome.OK, 201)

    assert story.found() == []


@pytest.mark.parametrize(
    ("action", "wish"),
    [
        (Action.CONTACT, "corrected@example.org"),
        (Action.CANCEL, "cancel"),
        (Action.MOVE, LATER.isoformat()),
    ],
)
def test_ok_wish_without_its_step_is_lost(action: Action, wish: str) -> None:
    story = a_whole_story()
    story.asks(action, "anna", wish)

    assert story.found() == [("bookings", "lost")]


def test_ok_confirmation_of_an_unconfirmed_appointment_is_lost() -> None:
    story = Story()
    story.holds("anna")
    story.asks(Action.CONFIRM, "anna", "confirm")

    assert story.found() == [("bookings", "lost")]


def test_confirming_twice_changes_nothing() -> None:
    story = a_whole_story()
    story.asks(Action.CONFIRM, "anna", "confirm")

    assert story.found() == []


def test_moving_to_where_it_was_changes_nothing() -> None:
    story = a_whole_story()
    story.asks(Action.MOVE, "anna", VISIT.isoformat())

    assert story.found() == []


def test_step_that_was_only_refused_is_wrong() -> None:
    story = a_whole_story()
    for number, operation in enumerate(story.operations):
        if operation.action is Action.CANCEL:
            story.operations[number] = _refused(story, number)

    assert story.found() == [("bookings", "wrong")]


def test_step_that_nobody_asked_for_is_wrong() -> None:
    story = a_whole_story()
    story.operations = [operation for operation in story.operations if operation.action is not Action.MOVE]

    assert story.found() == [("bookings", "wrong")]


def test_appointment_that_nobody_asked_for_is_wrong() -> None:
    story = a_whole_story()
    story.operations = [operation for operation in story.operations if operation.key != "dora"]

    assert story.found() == [("bookings", "wrong")]


def test_address_that_nobody_gave_is_wrong() -> None:
    story = a_whole_story()
    story.appointments["id-of-anna"]["contact"]["email"] = "somebody.else@example.org"

    assert story.found() == [("bookings", "wrong")]


def test_address_that_was_only_refused_is_wrong() -> None:
    story = a_whole_story()
    story.asks(Action.CONTACT, "anna", "corrected@example.org", Outcome.REFUSED, 409)
    story.appointments["id-of-anna"]["contact"]["email"] = "corrected@example.org"

    assert story.found() == [("bookings", "wrong")]


def test_contact_without_clear_answer_may_not_be_there() -> None:
    story = Story()
    story.holds("anna")
    story.asks(Action.CONTACT, "anna", "anna@example.org", Outcome.UNKNOWN, None)

    assert story.found() == []


def test_answer_that_names_another_appointment_is_wrong() -> None:
    story = a_whole_story()
    operation = story.operations[1]
    assert operation.action is Action.HOLD
    story.operations[1] = _answered(story, 1, "id-of-carla")

    assert story.found() == [("bookings", "wrong")]


@pytest.mark.parametrize(
    "half",
    [
        {"version": 5},
        {"status": "confirmed"},
        {"reschedules": 1},
        {"expires_at": LATER},
        {"contact": {"email": "dora@example.org"}},
    ],
)
def test_document_that_is_half_one_thing_and_half_another_is_wrong(half: dict[str, object]) -> None:
    story = a_whole_story()
    dora = story.appointments["id-of-dora"]
    dora.update(half)

    found = story.found()

    assert ("bookings", "wrong") in found
    assert len([check for check, _ in found if check == "bookings"]) == 1


def test_document_without_its_first_answer_is_not_whole() -> None:
    story = a_whole_story()
    del story.appointments["id-of-dora"]["first"]
    story.operations = [
        operation if operation.key != "dora" else _unknown(story, operation.number)
        for operation in story.operations
    ]

    assert story.found() == [("bookings", "wrong")]


def test_life_that_does_not_begin_with_a_hold_is_not_whole() -> None:
    story = Story()
    id = story.holds("anna")
    story.gives_contact("anna")
    story.confirms("anna")
    document = story.appointments[id]
    document["steps"][0]["step"] = "requested"

    assert any("not whole: steps requested" in violation.what for violation in violations(story.evidence()))


def test_life_that_leaves_out_a_step_is_not_whole() -> None:
    story = Story()
    id = story.holds("anna")
    story.owns(id, cells(VISIT))
    del story.appointments[id]["expires_at"]
    story.asks(Action.CONFIRM, "anna", "confirm")
    story.step(id, "confirmed")

    assert story.found() == [("bookings", "wrong")]


def _refused(story: Story, number: int) -> Operation:
    return replace(story.operations[number], outcome=Outcome.REFUSED, status=409, appointment=None)


def _unknown(story: Story, number: int) -> Operation:
    return replace(story.operations[number], outcome=Outcome.UNKNOWN, status=None, appointment=None)


def _answered(story: Story, number: int, appointment: str) -> Operation:
    return replace(story.operations[number], appointment=appointment)
