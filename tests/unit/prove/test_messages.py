"""Each message goes out once, more often only where that is explained, and never when it is known to be wrong."""

from datetime import UTC, datetime

import pytest

from tests.prove.checks import repeats, violations
from tests.prove.checks.evidence import Learned, Struck
from tests.prove.checks.messages import allowed_copies
from tests.unit.prove.story import BEGIN, LATER, Story, a_whole_story

SENT = "id-of-anna-4:confirmation:email"
_LEASE_S = 6.0


def test_sent_mail_that_no_server_took_is_lost() -> None:
    story = a_whole_story()
    story.taken = [copy for copy in story.taken if copy.reference != SENT]

    assert story.found() == [("messages", "lost")]


def test_one_copy_too_many_is_doubled() -> None:
    story = a_whole_story()
    story.takes(SENT)

    (violation,) = violations(story.evidence())

    assert (violation.check, violation.kind, violation.at) == ("messages", "doubled", story.now.timestamp())
    assert violation.deliveries == (SENT,)


def test_try_that_ended_unclear_explains_one_copy_more() -> None:
    story = a_whole_story()
    story.deliveries[SENT]["attempts"] = 2
    story.takes(SENT)
    assert story.found() == []

    story.takes(SENT)
    assert story.found() == [("messages", "doubled")]


def test_dead_notifier_explains_one_copy_more() -> None:
    story = a_whole_story()
    story.strikes(resends=True)
    story.takes(SENT)
    assert story.found() == []

    story.takes(SENT)
    assert story.found() == [("messages", "doubled")]


def test_fault_that_touches_no_notifier_explains_no_copy() -> None:
    story = a_whole_story()
    story.strikes(resends=False)
    story.takes(SENT)

    assert story.found() == [("messages", "doubled")]


@pytest.mark.parametrize(
    ("fault", "copies"),
    [
        ((-20.0, -10.0), 1),
        ((-20.0, 1.0), 2),
        ((1.0, 1.0 + _LEASE_S - 0.1), 2),
        ((1.0, 1.0 + _LEASE_S), 3),
        ((1.0, 1.0 + 5 * _LEASE_S), 5),
        ((21.0, 30.0), 1),
    ],
)
def test_each_lease_of_a_fault_explains_one_copy(fault: tuple[float, float], copies: int) -> None:
    """From planning (0 s) to the last copy (20 s): what the fault does before and after does not count."""
    planned = BEGIN.timestamp()
    struck = [Struck(14, "a fault", planned + fault[0], planned + fault[1], resends=True)]
    delivery = {"status": "sent", "attempts": 1, "created_at": BEGIN}

    assert allowed_copies(delivery, struck, last_copy=planned + 20, send_timeout_s=_LEASE_S / 3) == copies


def test_copy_of_a_message_that_was_never_tried_is_wrong() -> None:
    story = a_whole_story()
    story.ends(SENT, "superseded", attempts=0)
    story.learned.append(_cancelled(story, "id-of-anna"))

    assert ("messages", "wrong") in story.found()


def test_copy_of_no_delivery_is_wrong() -> None:
    story = a_whole_story()
    mail = story.plans("id-of-anna", "no-event", "confirmation")
    story.takes(mail)
    del story.deliveries[mail]

    assert story.found() == [("messages", "wrong")]


def test_copy_to_somebody_else_is_wrong() -> None:
    story = a_whole_story()
    story.taken = [copy for copy in story.taken if copy.reference != SENT]
    story.takes(SENT, to="somebody.else@example.org")

    assert story.found() == [("messages", "wrong")]


def test_sms_to_another_number_is_wrong() -> None:
    story = a_whole_story()
    sms = "id-of-berta-5:rescheduled:sms"
    story.taken = [copy for copy in story.taken if copy.reference != sms]
    story.takes(sms, to="+4915199999999")

    assert story.found() == [("messages", "wrong")]


@pytest.mark.parametrize(("late", "found"), [(2.9, []), (3.1, [("messages", "wrong")])])
def test_copy_may_be_late_by_the_time_to_send(late: float, found: list[tuple[str, str]]) -> None:
    story = a_whole_story()
    (copy,) = (copy for copy in story.taken if copy.reference == SENT)
    story.deliveries[SENT]["not_after"] = _moment(copy.at - late)

    assert story.found() == found


@pytest.mark.parametrize(
    ("ended", "resends", "found"),
    [(0.0, True, []), (0.0, False, [("messages", "wrong")]), (10.0, True, [("messages", "wrong")])],
)
def test_copy_may_be_late_by_as_long_as_its_notifier_stood_still(
    ended: float, resends: bool, found: list[tuple[str, str]]
) -> None:
    story = a_whole_story()
    (copy,) = (copy for copy in story.taken if copy.reference == SENT)
    story.deliveries[SENT]["not_after"] = _moment(copy.at - 20)
    story.struck.append(Struck(15, "frozen", copy.at - 20, copy.at - ended, resends=resends))

    assert story.found() == found


@pytest.mark.parametrize(("before", "found"), [(4.9, []), (5.1, [("messages", "wrong")])])
def test_copy_that_the_known_state_contradicts_is_wrong(before: float, found: list[tuple[str, str]]) -> None:
    """What was read two seconds before the send began may have been old; what was known longer may not."""
    story = a_whole_story()
    moved = "id-of-berta-5:rescheduled:email"
    (copy,) = (copy for copy in story.taken if copy.reference == "id-of-berta-4:confirmation:email")
    (at,) = (number for number, state in enumerate(story.learned) if _is(state, "id-of-berta", 5))
    story.learned[at] = Learned(_moment(copy.at - before), "id-of-berta", 5, story.learned[at].data)
    assert moved in story.deliveries

    assert story.found() == found


@pytest.mark.parametrize(
    ("purpose", "known"),
    [
        ("confirm_request", {"status": "confirmed"}),
        ("confirm_request", {"contact_sequence": 3}),
        ("confirmation", {"status": "cancelled"}),
        ("confirmation", {"starts_at": LATER}),
        ("rescheduled", {"status": "expired"}),
        ("cancellation", {"status": "confirmed"}),
        ("link", {"status": "cancelled"}),
    ],
)
def test_each_purpose_has_states_that_forbid_it(purpose: str, known: dict[str, object]) -> None:
    story, mail = _mail(purpose)
    (copy,) = (copy for copy in story.taken if copy.reference == mail)
    data = {**_allowing(purpose, story), **known}
    story.learned = [Learned(_moment(copy.at - 10), "id-of-anna", 9, data)]

    found = [(v.check, v.kind) for v in violations(story.evidence()) if v.deliveries == (mail,)]

    assert found == [("messages", "wrong")]


@pytest.mark.parametrize("purpose", ["confirm_request", "confirmation", "rescheduled", "cancellation", "link"])
def test_each_purpose_goes_out_while_its_state_allows_it(purpose: str) -> None:
    story, mail = _mail(purpose)
    (copy,) = (copy for copy in story.taken if copy.reference == mail)
    story.learned = [Learned(_moment(copy.at - 10), "id-of-anna", 9, _allowing(purpose, story))]

    assert [v for v in violations(story.evidence()) if v.deliveries == (mail,)] == []


def test_message_goes_out_while_the_known_state_names_no_contact() -> None:
    story, mail = _mail("confirm_request")
    (copy,) = (copy for copy in story.taken if copy.reference == mail)
    data = {**_allowing("confirm_request", story), "contact_sequence": None}
    story.learned = [Learned(_moment(copy.at - 10), "id-of-anna", 9, data)]

    assert [v for v in violations(story.evidence()) if v.deliveries == (mail,)] == []


def test_superseded_message_that_nothing_contradicts_is_lost() -> None:
    story = a_whole_story()
    story.taken = [copy for copy in story.taken if copy.reference != SENT]
    story.ends(SENT, "superseded", attempts=0)

    assert story.found() == [("messages", "lost")]


def test_superseded_message_that_a_later_state_contradicts_is_rightly_dropped() -> None:
    story = a_whole_story()
    moved_away = "id-of-berta-4:confirmation:email"
    story.taken = [copy for copy in story.taken if copy.reference != moved_away]
    story.ends(moved_away, "superseded", attempts=0)

    assert story.found() == []


def test_superseded_message_of_an_erased_contact_is_rightly_dropped() -> None:
    story = a_whole_story()
    story.taken = [copy for copy in story.taken if copy.reference != SENT]
    story.ends(SENT, "superseded", attempts=0)
    story.contacts["id-of-anna"] = {"sequence": 2, "erased": True}

    assert [v for v in violations(story.evidence()) if v.deliveries == (SENT,)] == []


@pytest.mark.parametrize(("consent", "found"), [(False, []), (True, [("messages", "lost")])])
def test_sms_is_rightly_dropped_where_nobody_wants_it(consent: bool, found: list[tuple[str, str]]) -> None:
    story = a_whole_story()
    sms = "id-of-berta-4:confirmation:sms"
    story.taken = [copy for copy in story.taken if copy.reference != sms]
    story.deliveries[sms] |= {"status": "not_wanted", "version": 0, "history": []}
    del story.facts["messages"][sms]
    story.contacts["id-of-berta"]["data"]["sms_consent"] = consent

    assert story.found() == found


@pytest.mark.parametrize(
    ("phone", "found"),
    [("0151 12345678", []), ("0049 151 12345678", []), (None, [("messages", "wrong")] * 2)],
)
def test_number_is_the_same_however_it_is_written(phone: str | None, found: list[tuple[str, str]]) -> None:
    story = a_whole_story()
    story.contacts["id-of-berta"]["data"]["phone"] = phone

    assert story.found() == found


def test_message_that_expired_before_its_time_is_lost() -> None:
    story = a_whole_story()
    story.taken = [copy for copy in story.taken if copy.reference != SENT]
    story.ends(SENT, "expired", attempts=0)
    assert story.found() == [("messages", "lost")]

    story.deliveries[SENT]["not_after"] = story.now
    assert story.found() == []


def test_mail_that_was_not_wanted_is_lost() -> None:
    story = a_whole_story()
    story.taken = [copy for copy in story.taken if copy.reference != SENT]
    story.deliveries[SENT] |= {"status": "not_wanted", "version": 0, "history": []}
    del story.facts["messages"][SENT]

    assert story.found() == [("messages", "lost")]


def test_explained_repeats_count_when_their_first_answer_was_lost() -> None:
    story = a_whole_story()
    assert repeats(story.evidence()) == []

    story.deliveries[SENT]["attempts"] = 2
    explained = next(copy.at for copy in story.taken if copy.reference == SENT)
    story.takes(SENT)
    story.takes(SENT)

    assert repeats(story.evidence()) == [explained]


def _mail(purpose: str) -> tuple[Story, str]:
    """Anna's, who has done everything that leads to it."""
    story = Story()
    story.holds("anna")
    mail = story.gives_contact("anna")
    if purpose != "confirm_request":
        mail = story.confirms("anna")
    if purpose == "rescheduled":
        mail = story.moves("anna")
    if purpose == "cancellation":
        mail = story.cancels("anna")
    if purpose == "link":
        mail = story.plans("id-of-anna", "id-of-anna-1", "link")
        story.deliveries[mail] |= {"state_sequence": 0, "starts_at": None}
        story.sends(mail)
    return story, mail


def _allowing(purpose: str, story: Story) -> dict[str, object]:
    status = {"confirm_request": "requested", "cancellation": "cancelled"}.get(purpose, "confirmed")
    starts_at = story.appointments["id-of-anna"]["starts_at"]
    return {"status": status, "starts_at": starts_at, "contact_sequence": 2}


def _cancelled(story: Story, id: str) -> Learned:
    starts_at = story.appointments[id]["starts_at"]
    return Learned(story.now, id, 9, {"status": "cancelled", "starts_at": starts_at, "contact_sequence": 2})


def _is(state: Learned, id: str, sequence: int) -> bool:
    return (state.appointment, state.sequence) == (id, sequence)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
