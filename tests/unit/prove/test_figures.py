"""What the report shows is what a plain recount gives."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.prove.checks import violations
from tests.prove.history import Outcome
from tests.unit.prove.story import DIMENSIONS, OFFICE, Story, a_whole_story

_NOBODY = {"service": None, "team": None, "municipality": None}
_NONE_FAILED = {"messages_failed_share": 0.0}
_ALL_FOUND = {"searches_without_result_share": 0.0}
# Booked on a Tuesday, all for the next one; two of them are still to come, ten minutes each.
_ROWS: list[dict[str, Any]] = [
    {
        "day": "2026-11-24",
        **DIMENSIONS,
        "held": 4,
        "requested": 3,
        "confirmed": 3,
        "rescheduled": 1,
        "cancelled": 1,
        "expired": 1,
        "persons": 9,
        "persons_under_6": 3,
        "lead_days_median": 7,
        "lead_days_p90": 7,
        "booked_minutes": 0,
        "asked_to_confirm": 3,
        "confirmed_within_60": 3,
        "confirmed_within_60_share": 100.0,
        "booked_online": 3,
        "online_share": 100.0,
        "phone_share": 0.0,
        "counter_share": 0.0,
        "emergency_share": 0.0,
        "groups": 3,
        "group_share": 100.0,
        "persons_per_appointment": 3.0,
        "within_14_days": 3,
        "within_14_days_share": 100.0,
        "cancelled_by_citizen": 1,
        "cancelled_48h": 1,
        "late_cancellation_share": 0.0,
    },
    {"day": "2026-12-01", **DIMENSIONS, "booked_minutes": 20, "due": 2, "lead_days_median": None, "held": 0},
    {"day": "2026-11-24", "office": OFFICE, **_NOBODY, "channel": "email", "messages_sent": 8, **_NONE_FAILED},
    {"day": "2026-11-24", "office": OFFICE, **_NOBODY, "channel": "sms", "messages_sent": 2, **_NONE_FAILED},
    {"day": "2026-11-24", "office": OFFICE, **_NOBODY, "channel": None, "searches": 3, **_ALL_FOUND},
]


def test_report_that_shows_what_happened_is_right() -> None:
    assert a_whole_story().found(figures=_ROWS) == []


@pytest.mark.parametrize(
    ("row", "figure", "change", "kind"),
    [
        (0, "held", -1, "lost"),
        (0, "held", 1, "doubled"),
        (0, "persons_under_6", 1, "doubled"),
        (0, "lead_days_p90", -1, "lost"),
        (1, "booked_minutes", 10, "doubled"),
        (2, "messages_sent", -1, "lost"),
        (4, "searches", -1, "lost"),
    ],
)
def test_figure_off_by_one_is_a_violation(row: int, figure: str, change: int, kind: str) -> None:
    rows = [dict(shown) for shown in _ROWS]
    rows[row][figure] += change

    assert a_whole_story().found(figures=rows) == [("figures", kind)]


def test_row_that_is_missing_is_lost() -> None:
    assert a_whole_story().found(figures=_ROWS[1:]) == [("figures", "lost")]


def test_row_of_nothing_that_happened_is_doubled() -> None:
    rows = [*_ROWS, {**_ROWS[1], "day": "2026-12-02"}]

    assert a_whole_story().found(figures=rows) == [("figures", "doubled")]


def test_figure_on_the_wrong_side_of_midnight_is_wrong_on_both_days() -> None:
    """Half past eleven at night in Greenwich is the next day in Berlin."""
    story = Story()
    story.now = story.now.replace(hour=23, minute=30)
    story.holds("anna")
    right = {"day": "2026-11-25", **DIMENSIONS, "held": 1}

    assert story.found(figures=[right]) == []
    assert story.found(figures=[{**right, "day": "2026-11-24"}]) == [("figures", "doubled"), ("figures", "lost")]


def test_undeliverable_message_counts_once_and_not_as_failed() -> None:
    story = a_whole_story()
    story.gives_up("id-of-anna-4:confirmation:email")
    mails = {**_ROWS[2], "messages_sent": 7, "messages_undeliverable": 1, "messages_failed_share": 12.5}

    assert story.found(figures=[*_ROWS[:2], mails, *_ROWS[3:]]) == []


def test_median_and_p90_are_of_the_nearest_rank() -> None:
    story = Story()
    for number in range(10):
        story.holds(f"citizen-{number}", starts_at=_visit(story, days=number + 1))
        story.gives_contact(f"citizen-{number}")
        story.confirms(f"citizen-{number}")
    (row,) = (row for row in story.evidence().figures if row.get("confirmed"))

    assert (row["lead_days_median"], row["lead_days_p90"]) == (5, 9)


def test_visit_on_the_day_of_booking_waits_no_days() -> None:
    story = Story()
    story.holds("anna", starts_at=_visit(story, days=0))
    story.gives_contact("anna")
    story.confirms("anna")
    (row,) = (row for row in story.evidence().figures if row.get("confirmed"))
    others = [shown for shown in story.evidence().figures if shown is not row and not shown.get("confirmed")]

    assert row["lead_days_median"] == 0
    assert story.found(figures=[*others, row]) == []
    assert story.found(figures=[*others, {**row, "lead_days_median": 1}]) == [("figures", "doubled")]


def test_difference_is_told_with_both_figures() -> None:
    story = a_whole_story()
    rows = [{**_ROWS[2], "messages_sent": 7, "messages_failed": 1}]

    shown = [v.what for v in violations(story.evidence(figures=[*_ROWS[:2], *rows, *_ROWS[3:]]))]

    where = "2026-11-24 somewhere - - - email"
    assert shown == [f"{where}: messages_failed 1 instead of 0, messages_sent 7 instead of 8"]


def test_made_up_searches_count_as_reporting_knows_them() -> None:
    story = a_whole_story()
    fact = {"office": OFFICE, "minute": story.now, "searches": 2, "searches_without_result": 0, "slot_taken": 0}
    story.facts["demand"]["made up"] = {"sequence": 1, "fact": {**fact, "out_of_area": [["08417079", 3]]}}
    invented = frozenset({"made up"})
    elsewhere = {**_ROWS[4], "municipality": "08417079", "out_of_area": 3}
    elsewhere |= {"searches": 0, "searches_without_result_share": None}

    assert story.found(invented=invented, figures=_ROWS) == [("figures", "lost")] * 2
    assert story.found(invented=invented, figures=[*_ROWS[:4], {**_ROWS[4], "searches": 5}, elsewhere]) == []


def test_made_up_appointment_counts_as_reporting_knows_it() -> None:
    story = a_whole_story()
    fact = {**DIMENSIONS, "persons": 2, "children_under_6": 0, "starts_at": story.now, "ends_at": story.now}
    fact["steps"] = [["held", story.now]]
    story.facts["appointments"]["made up"] = {"sequence": 1, "fact": fact}
    invented = frozenset({"made up"})

    assert story.found(invented=invented, figures=_ROWS) == [("figures", "lost")]
    assert story.found(invented=invented, figures=[{**_ROWS[0], "held": 5}, *_ROWS[1:]]) == []


def test_search_that_nobody_made_is_doubled() -> None:
    story = a_whole_story()
    story.operations = [operation for operation in story.operations if operation.number]

    assert story.found() == [("figures", "doubled")]


def test_search_that_was_refused_does_not_count() -> None:
    story = Story()
    story.searches()
    story.operations[0] = replace(story.operations[0], outcome=Outcome.REFUSED)

    assert story.found() == [("figures", "doubled")]


def _visit(story: Story, *, days: int) -> datetime:
    return story.now.replace(hour=15, minute=0, second=0) + timedelta(days=days)
