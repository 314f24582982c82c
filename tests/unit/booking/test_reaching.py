"""Which contact is enough: the message that asks to confirm must find its way."""

from typing import Any

import pytest

from services.booking.reaching import SmsNotPossible, addresses_of, by_citizen, by_staff
from tests.builders import a_given_contact

GERMANY = frozenset({"DE"})
MOBILE, LANDLINE = "0151 12345678", "07433 921311"


def test_a_mobile_number_alone_is_enough() -> None:
    given = by_citizen(a_given_contact(email=None, phone=MOBILE, sms_consent=True), countries=GERMANY)
    assert (given.email, given.phone) == (None, "+4915112345678")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"phone": LANDLINE}, "not_mobile"),
        ({"phone": "+43 664 1234567"}, "country_not_allowed"),
        ({"phone": "0151 1"}, "not_a_number"),
        ({"phone": None}, "no_number"),
        ({"phone": MOBILE, "sms_consent": False}, "no_consent"),
    ],
)
def test_without_mail_only_sms_can_ask(changes: dict[str, Any], reason: str) -> None:
    given = a_given_contact(**{"email": None, "sms_consent": True, **changes})
    with pytest.raises(SmsNotPossible) as refused:
        by_citizen(given, countries=GERMANY)
    assert refused.value.reason == reason


def test_an_office_without_sms_needs_a_mail_address() -> None:
    with pytest.raises(SmsNotPossible, match="off"):
        by_citizen(a_given_contact(email=None, phone=MOBILE, sms_consent=True), countries=frozenset())
    assert by_citizen(a_given_contact(phone=MOBILE, sms_consent=True), countries=frozenset()).email


def test_with_mail_any_number_is_kept_for_calls() -> None:
    given = by_citizen(a_given_contact(phone=LANDLINE), countries=GERMANY)
    assert (given.phone, addresses_of(given)) == ("+497433921311", ("someone@example.org",))


def test_wanted_sms_to_a_landline_are_named_at_once() -> None:
    for check in (by_citizen, by_staff):
        with pytest.raises(SmsNotPossible, match="not_mobile"):
            check(a_given_contact(phone=LANDLINE, sms_consent=True), countries=GERMANY)


def test_staff_keep_a_number_to_call_alone() -> None:
    assert by_staff(a_given_contact(email=None, phone=LANDLINE), countries=GERMANY).phone == "+497433921311"
