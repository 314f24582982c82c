"""Whoever hears events knows the newest, and has done what it asks for."""

from copy import deepcopy
from dataclasses import replace

import pytest

from tests.prove.checks.evidence import Learned
from tests.unit.prove.story import Story, a_whole_story


def test_appointment_that_reporting_never_heard_of_is_lost() -> None:
    story = a_whole_story()
    del story.facts["appointments"]["id-of-dora"]

    assert story.found() == [("heard", "lost")]


def test_fact_that_is_older_than_its_appointment_is_lost() -> None:
    story = a_whole_story()
    fact = story.facts["appointments"]["id-of-dora"]
    fact["sequence"] = 1
    fact["fact"]["steps"].pop()

    assert story.found() == [("heard", "lost")]


def test_fact_newer_than_its_appointment_is_wrong() -> None:
    story = a_whole_story()
    story.facts["appointments"]["id-of-dora"]["sequence"] = 9

    assert story.found() == [("heard", "wrong")]


def test_fact_that_says_another_thing_is_wrong() -> None:
    story = a_whole_story()
    story.facts["appointments"]["id-of-dora"]["fact"]["persons"] = 2

    assert story.found() == [("heard", "wrong")]


def test_fact_with_other_steps_is_wrong() -> None:
    story = a_whole_story()
    story.facts["appointments"]["id-of-dora"]["fact"]["steps"].pop()

    assert story.found() == [("heard", "wrong")]


def test_message_that_reporting_never_heard_of_is_lost() -> None:
    story = a_whole_story()
    del story.facts["messages"]["id-of-anna-2:confirm_request:email"]

    assert story.found() == [("heard", "lost")]


def test_message_that_reporting_knows_as_another_outcome_is_wrong() -> None:
    story = a_whole_story()
    story.facts["messages"]["id-of-anna-2:confirm_request:email"]["fact"]["outcome"] = "failed"

    assert story.found() == [("heard", "wrong")]


def test_message_that_reporting_knows_by_an_older_outcome_is_lost() -> None:
    story = a_whole_story()
    mail = "id-of-anna-4:confirmation:email"
    story.gives_up(mail)
    story.facts["messages"][mail] = {"sequence": 1, "fact": {"outcome": "failed"}}

    assert story.found() == [("heard", "lost")]


def test_searches_that_reporting_has_not_heard_are_lost() -> None:
    story = a_whole_story()
    (known,) = story.facts["demand"].values()
    known["sequence"] -= 1

    assert story.found() == [("heard", "lost")]


def test_newest_state_that_notification_has_not_heard_is_lost() -> None:
    story = a_whole_story()
    last = story.learned[-1]
    assert last.appointment == "id-of-dora"
    story.learned.remove(last)

    assert story.found() == [("heard", "lost")]


def test_older_state_than_the_newest_is_lost_and_nothing_else() -> None:
    story = a_whole_story()
    (last,) = (state for state in story.learned if state.appointment == "id-of-berta" and state.sequence == 5)
    story.learned.remove(last)

    assert story.found() == [("heard", "lost")]


def test_notification_that_goes_back_to_an_older_state_is_wrong() -> None:
    story = a_whole_story()
    requested, confirmed = (state for state in story.learned if state.appointment == "id-of-anna")
    story.learned.insert(story.learned.index(requested), replace(confirmed, at=requested.at))

    assert story.found() == [("heard", "wrong")]


def test_newest_state_with_another_status_is_wrong() -> None:
    story = a_whole_story()
    last = story.learned.pop()
    story.learned.append(Learned(last.at, last.appointment, last.sequence, {**last.data, "status": "requested"}))

    assert story.found() == [("heard", "wrong")]


def test_contact_that_notification_never_got_is_lost() -> None:
    story = a_whole_story()
    del story.contacts["id-of-anna"]

    assert story.found() == [("heard", "lost")]


def test_contact_with_another_address_is_wrong() -> None:
    story = a_whole_story()
    story.contacts["id-of-anna"] = deepcopy(story.contacts["id-of-anna"])
    story.contacts["id-of-anna"]["data"]["email"] = "somebody.else@example.org"

    assert story.found() == [("heard", "wrong")]


def test_event_whose_mail_was_never_planned_is_lost() -> None:
    story = a_whole_story()
    mail = story.deliveries.pop("id-of-anna-4:confirmation:email")
    story.taken = [copy for copy in story.taken if copy.reference != mail["_id"]]
    del story.facts["messages"][mail["_id"]]

    assert story.found() == [("heard", "lost")]


def test_sms_that_was_never_planned_beside_its_mail_is_lost() -> None:
    story = a_whole_story()
    sms = story.deliveries.pop("id-of-berta-4:confirmation:sms")
    story.taken = [copy for copy in story.taken if copy.reference != sms["_id"]]
    del story.facts["messages"][sms["_id"]]

    assert story.found() == [("heard", "lost")]


@pytest.mark.parametrize(
    "contact",
    [{"phone": "+4915112345678", "sms_consent": False}, {"phone": "+49743312345", "sms_consent": True}],
)
def test_no_sms_is_due_to_whom_none_can_go(contact: dict[str, object]) -> None:
    story = a_whole_story()
    story.appointments["id-of-anna"]["contact"].update(contact)

    assert story.found() == []


def test_no_sms_is_due_beside_a_mail_that_did_not_go_out() -> None:
    story = a_whole_story()
    mail, sms = (f"id-of-berta-4:confirmation:{channel}" for channel in ("email", "sms"))
    story.taken = [copy for copy in story.taken if copy.reference not in (mail, sms)]
    story.ends(mail, "superseded", attempts=0)
    del story.deliveries[sms], story.facts["messages"][sms]

    assert story.found() == []


def test_request_that_waits_for_a_message_long_sent_is_lost() -> None:
    story = Story()
    id = story.holds("anna")
    story.gives_contact("anna")
    _forget_last_step(story, id)

    assert story.found() == [("heard", "lost")]


def test_request_whose_message_went_out_may_still_run() -> None:
    story = Story()
    story.holds("anna")
    story.gives_contact("anna")

    assert story.found() == []


def test_request_whose_message_did_not_go_out_waits_for_nothing() -> None:
    story = Story()
    id = story.holds("anna")
    mail = story.gives_contact("anna")
    _forget_last_step(story, id)
    story.taken.clear()
    story.ends(mail, "expired", attempts=0)
    story.deliveries[mail]["not_after"] = story.now

    assert story.found() == []


def test_time_to_confirm_runs_where_nobody_can_be_reached() -> None:
    story = Story()
    story.holds("anna")
    story.gives_up(story.gives_contact("anna"))

    assert story.found() == []


def test_time_to_confirm_that_runs_without_a_message_is_wrong() -> None:
    story = Story()
    story.holds("anna")
    mail = story.gives_contact("anna")
    story.taken.clear()
    story.ends(mail, "failed", attempts=1)

    assert story.found() == [("heard", "wrong"), ("heard", "lost")]


def test_failure_of_everything_that_nobody_was_told_is_lost() -> None:
    story = a_whole_story()
    mail = "id-of-anna-4:confirmation:email"
    story.ends(mail, "failed", attempts=1)

    assert story.found() == [("heard", "lost")]


def test_failure_of_mail_and_sms_is_one_loss() -> None:
    story = a_whole_story()
    for channel in ("email", "sms"):
        story.ends(f"id-of-berta-4:confirmation:{channel}", "failed", attempts=1)

    assert story.found() == [("heard", "lost")]


def test_failure_of_which_everybody_was_told_is_no_loss() -> None:
    story = a_whole_story()
    story.gives_up("id-of-anna-4:confirmation:email")

    assert story.found() == []


def test_failure_beside_a_message_that_went_out_is_no_loss() -> None:
    story = a_whole_story()
    story.ends("id-of-berta-4:confirmation:sms", "failed", attempts=1)

    assert story.found() == []


def _forget_last_step(story: Story, id: str) -> None:
    document, fact = story.appointments[id], story.facts["appointments"][id]
    for told in (document["steps"], document["history"], fact["fact"]["steps"]):
        told.pop()
    document["version"] = fact["sequence"] = document["version"] - 1
