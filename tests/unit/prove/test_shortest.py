"""A violation is shown by the fewest lines, in order of time."""

from datetime import timedelta

from tests.prove.checks import shortest_history, violations
from tests.prove.checks.evidence import CellsChanged, Kind, Struck, Violation
from tests.unit.prove.story import OFFICE, VISIT, a_whole_story, cells


def test_double_booking_is_shown_by_both_holds_and_their_cells() -> None:
    story = a_whole_story()
    story.holds("frida", starts_at=VISIT + timedelta(days=1))
    story.cells.append(CellsChanged(story.now, "id-of-frida", OFFICE, (cells(VISIT)[0],)))
    story.cells.append(CellsChanged(story.now, "id-of-frida", OFFICE, tuple(cells(VISIT + timedelta(days=1)))))
    evidence = story.evidence()
    (violation,) = violations(evidence)

    lines = shortest_history(violation, evidence)

    assert [line.split()[1] for line in lines if "#" in line] == ["#1", "#2", "#3", "#16"]
    assert sum("owns" in line for line in lines) == 4
    assert not any("berta" in line or "taken over" in line for line in lines)
    assert lines == sorted(lines)


def test_what_came_after_the_violation_is_left_out() -> None:
    story = a_whole_story()
    evidence = story.evidence()
    (hold,) = (o for o in evidence.operations if o.key == "anna" and o.action == "hold")
    violation = Violation("bookings", Kind.WRONG, "something", hold.ended_at, ("id-of-anna",))

    lines = shortest_history(violation, evidence)

    assert [line.split()[1] for line in lines] == ["#1"]


def test_doubled_mail_is_shown_by_its_copies_and_the_fault() -> None:
    story = a_whole_story()
    mail = "id-of-anna-4:confirmation:email"
    story.now += timedelta(minutes=5)
    story.struck.append(Struck(3, "long ago", 0.0, 5.0))
    story.strikes(seconds=30, row=25)
    story.takes(mail)
    story.now += timedelta(minutes=5)
    story.strikes(row=26)
    evidence = story.evidence()
    (violation,) = violations(evidence)

    lines = shortest_history(violation, evidence)

    assert sum("taken over" in line for line in lines) == 2
    assert ["fault 25: a fault" in line for line in lines if "fault" in line] == [True]
    assert [line.split()[2] for line in lines if "#" in line] == ["hold", "contact", "confirm"]
    assert not any("confirm_request" in line or "owns" in line or "knows" in line for line in lines)


def test_message_that_was_wrong_is_shown_by_what_was_known() -> None:
    story = a_whole_story()
    mail = "id-of-berta-4:confirmation:email"
    story.now += timedelta(minutes=1)
    story.deliveries[mail]["attempts"] = 2
    story.takes(mail)
    evidence = story.evidence()
    (violation,) = violations(evidence)

    lines = shortest_history(violation, evidence)

    assert [line.split()[2] for line in lines if "#" in line] == ["hold", "contact", "confirm", "move"]
    assert [line.partition(" notification ")[2] for line in lines if " notification " in line] == [
        "knows of-berta as requested (2)",
        "knows of-berta as confirmed (4)",
        "knows of-berta as confirmed (5)",
    ]


def test_violation_about_no_message_is_shown_by_operations_alone() -> None:
    story = a_whole_story()
    violation = Violation("bookings", Kind.WRONG, "something", None, ("id-of-berta",))

    lines = shortest_history(violation, story.evidence())

    assert [line.split()[2] for line in lines] == ["hold", "contact", "confirm", "move"]


def test_violation_without_time_or_appointment_has_no_history() -> None:
    story = a_whole_story()
    story.strikes()

    assert shortest_history(Violation("figures", Kind.LOST, "a figure"), story.evidence()) == []
