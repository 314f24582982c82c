"""By which way somebody is reached, and when it is tried again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notification.domain import (
    Drop,
    KnownContact,
    Retry,
    Send,
    Status,
    decide,
    is_undeliverable,
    sms_beside,
    sms_instead,
    wait_before_looking_again,
)
from services.notification.purposes import Purpose
from shared.contracts import (
    AppointmentRequested,
)
from tests.unit.notification.builders import (
    NOW,
    a_delivery,
    an_office,
    known,
    known_contact,
)


@pytest.mark.parametrize(
    ("contact", "to"),
    [
        ({}, "0151 12345678"),
        ({"sms_consent": False}, None),
        ({"phone": None}, None),
        # The channel says what is wrong with it.
        ({"phone": "07433 921311"}, "07433 921311"),
    ],
)
def test_sms_needs_consent_and_a_number(contact: dict[str, Any], to: str | None) -> None:
    mail, known_then = a_delivery(), known_contact()
    assert (sms_beside(mail, known_contact(**contact)) is not None) is (to is not None)
    sms = sms_beside(mail, known_then)
    assert sms
    # Consent may have been withdrawn since it was planned.
    decision = decide(sms, state=known(), contact=known_contact(**contact), office=an_office(), now=NOW)
    if to:
        assert isinstance(decision, Send)
        assert decision.to == to
    else:
        assert isinstance(decision, Drop)
        assert decision.status is Status.NOT_WANTED


def test_the_request_to_confirm_goes_by_sms_where_there_is_no_mail() -> None:
    mail = a_delivery(AppointmentRequested, status="requested")
    assert sms_beside(mail, known_contact()) is None
    sms = sms_instead(mail, known_contact(email=None))
    assert sms
    decision = decide(
        sms, state=known(status="requested"), contact=known_contact(email=None), office=an_office(), now=NOW
    )
    assert isinstance(decision, Send)


def test_who_wants_no_reminders_gets_none() -> None:
    reminder = replace(a_delivery(), purpose=Purpose.REMINDER)
    for wanted in (True, False):
        contact = known_contact(reminders=wanted)
        decision = decide(
            reminder,
            state=known(),
            contact=contact,
            office=an_office(),
            now=known().data.starts_at - timedelta(hours=23),
        )
        assert isinstance(decision, Send) is wanted
    assert isinstance(decision, Drop)
    assert decision.status is Status.NOT_WANTED


def test_no_sms_without_a_contact() -> None:
    assert sms_beside(a_delivery(), None) is None
    assert sms_beside(a_delivery(), KnownContact(9, None)) is None


def test_a_contact_without_address_gets_no_mail() -> None:
    contact = known_contact(email=None)
    decision = decide(a_delivery(), state=known(), contact=contact, office=an_office(), now=NOW)
    assert isinstance(decision, Drop)
    assert decision.status is Status.NOT_WANTED


def test_retry_grows_and_gives_up() -> None:
    retry = Retry(delays=(timedelta(seconds=1), timedelta(seconds=10)), attempts=4, jitter=0.5)
    middle = [retry.delay(failed=n, chance=0.5) for n in (1, 2, 3, 4)]
    assert middle == [timedelta(seconds=1), timedelta(seconds=10), timedelta(seconds=10), None]
    assert retry.delay(failed=2, chance=0.0) == timedelta(seconds=5)
    assert retry.delay(failed=2, chance=1.0) == timedelta(seconds=15)


def test_a_provider_may_ask_for_a_longer_pause() -> None:
    retry = Retry(delays=(timedelta(seconds=10),), attempts=4, jitter=0.5)
    minute, second = timedelta(minutes=1), timedelta(seconds=1)
    assert retry.delay(failed=1, asked=minute, chance=0.0) == minute
    assert retry.delay(failed=1, asked=minute, chance=1.0) == timedelta(seconds=90)
    assert retry.delay(failed=1, asked=second, chance=0.5) == timedelta(seconds=10)
    assert retry.delay(failed=4, asked=minute, chance=0.5) is None
    assert retry.delay_unreachable(looks=9, asked=second, chance=0.0) == second
    assert retry.delay_unreachable(looks=9, asked=minute, chance=0.0) == minute


def test_waiting_grows_up_to_a_bound() -> None:
    pauses = [wait_before_looking_again(n) for n in range(1000)]
    assert pauses[0] == timedelta(milliseconds=50)
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({Status.FAILED}, True),
        ({Status.FAILED, Status.NOT_WANTED}, True),
        ({Status.FAILED, Status.SENT}, False),
        ({Status.FAILED, Status.DUE}, False),
        ({Status.NOT_WANTED}, False),
        ({Status.FAILED, Status.SUPERSEDED}, False),
    ],
)
def test_undeliverable_means_no_channel_is_left(statuses: set[Status], expected: bool) -> None:
    assert is_undeliverable(statuses) is expected
