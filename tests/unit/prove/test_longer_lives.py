"""What the office does, the waiting list and the day are steps like any other; what goes wrong with them shows."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.prove.checks import violations
from tests.prove.checks.evidence import Learned
from tests.unit.prove.longer_story import LongerStory, a_confirmed_story
from tests.unit.prove.story import LATER, VISIT

EARLIER = VISIT - timedelta(days=1)


def a_story_of_waiting() -> LongerStory:
    """Anna waits for an earlier time, lets one offer run out and declines another."""
    story = a_confirmed_story(sms=True)
    story.joins_the_waiting_list("anna")
    story.is_offered("anna", EARLIER)
    story.loses_the_offer("anna")
    story.is_offered("anna", EARLIER)
    story.loses_the_offer("anna", by="citizen")
    return story


def test_waiting_and_offers_are_no_violation() -> None:
    story = a_story_of_waiting()
    assert story.found() == []
    story.is_offered("anna", EARLIER)
    assert story.found() == []


def test_what_the_office_does_is_no_violation() -> None:
    story = a_confirmed_story(sms=True)
    story.is_moved_by_the_office("anna", LATER)
    assert story.found() == []
    story.is_cancelled_by_the_office("anna")
    assert story.found() == []


def test_cancellation_that_was_taken_back_is_no_violation() -> None:
    story = a_confirmed_story()
    story.cancels("anna")
    story.restores("anna")
    assert story.found() == []


def test_wish_that_is_confirmed_and_served_is_no_violation() -> None:
    """Its confirmation is another step; accepting an offer needs none."""
    story = LongerStory()
    story.waits_for_a_time("anna")
    assert story.found() == []
    story.is_offered("anna", EARLIER)
    assert story.found() == []
    story.accepts("anna")
    assert story.found() == []


def test_confirmed_wish_without_its_step_is_lost() -> None:
    story = LongerStory()
    story.waits_for_a_time("anna")
    story.appointments["id-of-anna"]["steps"][-1]["step"] = "offered"
    assert any("confirm was ok, and" in what for what in _said(story))


def test_whoever_has_a_ticket_owns_no_desk() -> None:
    story = LongerStory()
    story.waits_for_a_time("anna")
    document = story.appointments["id-of-anna"]
    document |= {"status": "checked_in", "ends_at": VISIT + timedelta(minutes=10)}
    assert not any(check == "desks" for check, _ in story.found())


def test_what_was_taken_back_counts_its_desk_minutes_again() -> None:
    story = a_confirmed_story()
    assert _desk_minutes(story) == 10
    story.cancels("anna")
    assert _desk_minutes(story) == 0
    story.restores("anna")
    assert _desk_minutes(story) == 10


@pytest.mark.parametrize("step", ["restored", "called", "completed", "unheard_of"])
def test_step_that_cannot_follow_is_wrong(step: str) -> None:
    story = a_confirmed_story()
    story.step("id-of-anna", step)
    assert any(
        f"not whole: steps held, requested, confirmation_sent, confirmed, {step}" in what for what in _said(story)
    )


def test_day_may_be_lived_and_taken_back() -> None:
    story = a_confirmed_story()
    story.step("id-of-anna", "checked_in")
    assert story.found() == []
    document = story.appointments["id-of-anna"]
    document["steps"].pop()
    document |= {"status": "confirmed", "version": document["version"] + 1}
    told = {**document["history"][-1], "id": "undone", "type": "appointment.undone.v1"}
    document["history"].append({**told, "sequence": document["version"]})
    story.facts["appointments"]["id-of-anna"]["sequence"] += 1
    story.facts["appointments"]["id-of-anna"]["fact"]["steps"].pop()
    assert story.found() == []
    story.step("id-of-anna", "checked_in")
    assert story.found() == []

    document["history"].pop(-2)
    assert ("events", "wrong") in story.found()


@pytest.mark.parametrize("purpose", ["waiting", "offer", "offer_expired"])
def test_mail_of_the_waiting_list_that_was_never_planned_is_lost(purpose: str) -> None:
    story = a_story_of_waiting()
    mail = next(id for id in story.deliveries if f":{purpose}:email" in id)
    story.deliveries.pop(mail)
    story.facts["messages"].pop(mail)
    story.taken = [copy for copy in story.taken if copy.reference != mail]
    assert ("heard", "lost") in story.found()


def test_declined_offer_needs_no_mail() -> None:
    story = a_story_of_waiting()
    assert len([id for id in story.deliveries if "offer_expired" in id]) == 1
    assert len([id for id in story.deliveries if ":offer:sms" in id]) == 2


@pytest.mark.parametrize(
    ("purpose", "known"),
    [
        ("waiting", {"waits": False}),
        ("waiting", {"status": "cancelled"}),
        ("offer", {"offer_starts_at": None, "offer_expires_at": None}),
        ("offer", {"offer_starts_at": LATER}),
        ("offer", {"offer_expires_at": LATER}),
        ("offer_expired", {"offer_starts_at": EARLIER, "offer_expires_at": LATER}),
        ("offer_expired", {"waits": False}),
        ("office_cancellation", {"status": "confirmed"}),
        ("cancellation", {"status": "office_cancelled"}),
    ],
)
def test_each_new_purpose_has_states_that_forbid_it(purpose: str, known: dict[str, Any]) -> None:
    story, mail = _told(purpose)
    (copy,) = (copy for copy in story.taken if copy.reference == mail)
    state = story.learned[-1]
    long_ago = datetime.fromtimestamp(copy.at - 10, state.at.tzinfo)

    def wrong(**changes: Any) -> list[str]:
        story.learned = [Learned(long_ago, state.appointment, 9, {**state.data, **changes})]
        return [v.check for v in violations(story.evidence()) if v.deliveries == (mail,)]

    assert wrong() == []
    assert wrong(**known) == ["messages"]


def test_closure_that_was_not_told_while_the_visit_lasted_is_lost() -> None:
    story = a_confirmed_story()
    mail = story.is_cancelled_by_the_office("anna")
    story.taken = [copy for copy in story.taken if copy.reference != mail]
    story.ends(mail, "expired", attempts=0)
    story.deliveries[mail]["not_after"] = story.now + timedelta(minutes=1)
    for state in story.learned:
        state.data["starts_at"] = story.now - timedelta(minutes=1)  # type: ignore[index]
    assert ("messages", "lost") in story.found()


def _desk_minutes(story: LongerStory) -> int:
    return sum(row.get("booked_minutes") or 0 for row in story.evidence().figures)


def _said(story: LongerStory) -> list[str]:
    return [violation.what for violation in violations(story.evidence())]


def _told(purpose: str) -> tuple[LongerStory, str]:
    """Anna's mail for `purpose`, as the newest that happened."""
    story = a_confirmed_story()
    match purpose:
        case "cancellation":
            return story, story.cancels("anna")
        case "office_cancellation":
            return story, story.is_cancelled_by_the_office("anna")
        case "waiting":
            return story, story.joins_the_waiting_list("anna")
    story.joins_the_waiting_list("anna")
    offer = story.is_offered("anna", EARLIER)
    if purpose == "offer":
        return story, offer
    ended = story.loses_the_offer("anna")
    assert ended
    return story, ended
