"""No desk-minute is owned twice, not even for a moment."""

from datetime import timedelta

from tests.prove.checks import violations
from tests.prove.checks.evidence import CellsChanged
from tests.unit.prove.story import LATER, OFFICE, VISIT, Story, a_whole_story, cells


def test_a_story_that_went_well_violates_nothing() -> None:
    assert a_whole_story().found() == []


def test_desk_minute_owned_twice_for_50_ms_is_doubled() -> None:
    story = Story()
    one, other = story.holds("anna"), story.holds("berta", starts_at=LATER)
    shared = (*cells(LATER), cells(VISIT)[0])
    moment = story.now + timedelta(seconds=1)
    story.cells += [
        CellsChanged(moment, other, OFFICE, shared),
        CellsChanged(moment + timedelta(milliseconds=50), other, OFFICE, tuple(cells(LATER))),
    ]

    (violation,) = violations(story.evidence())

    assert (violation.kind, violation.at) == ("doubled", moment.timestamp())
    assert violation.appointments == (one, other)


def test_same_desk_and_time_in_two_offices_are_two_desks() -> None:
    story = Story()
    story.holds("anna")
    elsewhere = story.holds("berta", starts_at=LATER)
    story.cells.append(CellsChanged(story.now, elsewhere, "elsewhere", (*cells(LATER), *cells(VISIT))))
    story.cells.append(CellsChanged(story.now, elsewhere, "elsewhere", tuple(cells(LATER))))

    assert story.found() == []


def test_a_time_freed_and_taken_again_is_nobodys_double() -> None:
    story = Story()
    story.holds("anna")
    story.lets_expire("anna")
    story.holds("berta")

    assert story.found() == []


def test_open_appointment_without_its_cells_has_lost_them() -> None:
    story = Story()
    id = story.holds("anna")
    story.owns(id, cells(VISIT)[:1])

    assert story.found() == [("desks", "lost")]


def test_open_appointment_without_any_cell_has_lost_them() -> None:
    story = Story()
    id = story.holds("anna")
    story.owns(id, [])

    assert story.found() == [("desks", "lost")]


def test_ended_appointment_that_keeps_its_cells_is_stuck() -> None:
    story = Story()
    id = story.holds("anna")
    story.lets_expire("anna")
    story.owns(id, cells(VISIT))

    assert story.found() == [("desks", "stuck")]


def test_cells_that_cool_may_still_be_owned() -> None:
    story = Story()
    id = story.holds("anna")
    story.lets_expire("anna")
    story.owns(id, cells(VISIT))
    story.appointments[id]["cooling"] = [{"cells": cells(VISIT), "release_at": LATER}]

    assert story.found() == []


def test_past_appointment_may_have_dropped_its_cells() -> None:
    story = Story()
    id = story.holds("anna")
    story.now = LATER
    story.owns(id, [])
    assert story.found() == []

    story.owns(id, cells(LATER))
    assert story.found() == [("desks", "lost")]


def test_move_whose_write_nobody_saw_makes_the_replay_void() -> None:
    story = a_whole_story()
    first = next(change for change in story.cells if change.appointment == "id-of-berta")
    story.cells.remove(first)

    assert story.found() == [("desks", "wrong")]


def test_appointment_whose_writes_nobody_saw_makes_the_replay_void() -> None:
    story = Story()
    story.holds("anna")
    story.cells.clear()

    assert story.found() == [("desks", "wrong")]


def test_replay_that_ends_otherwise_than_the_document_is_wrong() -> None:
    story = Story()
    id = story.holds("anna")
    story.cells.append(CellsChanged(story.now, id, OFFICE, tuple(cells(LATER))))

    assert story.found() == [("desks", "wrong")]


def test_appointment_that_was_stored_and_is_gone_is_lost() -> None:
    story = Story()
    story.cells.append(CellsChanged(story.now, "id-of-nobody", OFFICE, tuple(cells(LATER))))

    assert story.found() == [("desks", "lost")]
