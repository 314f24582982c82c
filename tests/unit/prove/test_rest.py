"""After quiet nothing is on its way any more."""

import pytest

from tests.prove.checks.evidence import Queue
from tests.unit.prove.story import OFFICE, Story, a_whole_story

_EVENT = {"type": "appointment.held.v1"}


def test_what_did_not_come_to_rest_is_stuck() -> None:
    assert a_whole_story().found(unquiet=["3 deliveries that are due"]) == [("rest", "stuck")]


@pytest.mark.parametrize("kind", ["appointments", "demand", "offices", "deliveries"])
def test_outbox_that_is_not_empty_is_stuck(kind: str) -> None:
    story = a_whole_story()
    document = next(iter(getattr(story, kind).values()))
    document["outbox"] = [_EVENT]

    assert story.found() == [("rest", "stuck")]


@pytest.mark.parametrize("claim", [{}, {"token": "somebody"}])
def test_delivery_that_is_still_due_is_stuck(claim: dict[str, str]) -> None:
    story, mail = _with_mail_due()
    story.deliveries[mail].update(claim)

    assert story.found() == [("rest", "stuck")]


def test_delivery_that_a_probe_made_up_may_wait() -> None:
    story, mail = _with_mail_due()

    assert story.found(planted=frozenset({mail})) == []


def test_failure_that_nobody_looked_into_is_stuck() -> None:
    story = a_whole_story()
    story.deliveries["id-of-anna-4:confirmation:email"]["settle"] = True

    assert story.found() == [("rest", "stuck")]


@pytest.mark.parametrize(
    ("name", "queue", "kind"),
    [
        ("notification.contacts", Queue(0, 0), "stuck"),
        ("notification.contacts", Queue(1, 2), "stuck"),
        ("notification.contacts.parking", Queue(1, 0), "stuck"),
        ("retry.5s", Queue(1, 0), "stuck"),
    ],
)
def test_queue_that_is_not_as_it_should_be_is_a_violation(name: str, queue: Queue, kind: str) -> None:
    story = a_whole_story()
    queues = {**story.evidence().queues, name: queue}

    assert story.found(queues=queues) == [("rest", kind)]


def test_queue_that_is_gone_is_stuck() -> None:
    story = a_whole_story()
    queues = {name: queue for name, queue in story.evidence().queues.items() if name != "reporting.offices"}

    assert story.found(queues=queues) == [("rest", "stuck")]


def test_parking_holds_exactly_what_was_poisoned() -> None:
    story = a_whole_story()
    queues = {**story.evidence().queues, "notification.contacts.parking": Queue(2, 0)}

    assert story.found(queues=queues, poisoned={"notification.contacts": 2}) == []
    assert story.found(queues=queues, poisoned={"notification.contacts": 3}) == [("rest", "lost")]


def test_empty_outbox_of_an_office_is_at_rest() -> None:
    story = Story()
    assert story.offices[OFFICE]["outbox"] == []

    assert story.found() == []


def _with_mail_due() -> tuple[Story, str]:
    story = a_whole_story()
    mail = "id-of-anna-4:confirmation:email"
    story.taken = [copy for copy in story.taken if copy.reference != mail]
    story.deliveries[mail] |= {"status": "due", "version": 0, "history": [], "attempts": 0}
    del story.facts["messages"][mail]
    return story, mail
