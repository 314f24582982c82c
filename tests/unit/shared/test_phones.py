"""Which numbers a text message can reach."""

import pytest

from shared.phones import COUNTRIES, NotReachable, any_number, mobile_number, read_countries


@pytest.mark.parametrize(
    "phone", ["0151 12345678", "+49 151 12345678", "0049151/12345678", "(0151) 1234-5678", "+49 (0)151 12345678"]
)
def test_a_mobile_number_comes_out_as_e164(phone: str) -> None:
    assert mobile_number(phone) == "+4915112345678"


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("07433 921311", "not_mobile"),
        ("+49 7433 921311", "not_mobile"),
        ("0800 1234567", "not_mobile"),
        ("0900 1 234567", "not_mobile"),
        ("+43 664 1234567", "country_not_allowed"),
        ("+90 532 123 45 67", "country_not_allowed"),
        ("+1 201 555 0123", "country_not_allowed"),
        ("110", "not_a_number"),
        ("+49", "not_a_number"),
        ("not a number", "not_a_number"),
        ("", "not_a_number"),
        (None, "not_a_number"),
        ("1" * 300, "not_a_number"),
        ("🙂", "not_a_number"),
    ],
)
def test_what_cannot_be_reached_says_why(phone: str | None, code: str) -> None:
    with pytest.raises(NotReachable) as refused:
        mobile_number(phone)
    assert refused.value.code == code


def test_further_countries_are_reached_where_allowed() -> None:
    allowed = read_countries("de, AT,ch")
    assert allowed == {"DE", "AT", "CH"}
    assert mobile_number("+43 664 1234567", countries=allowed) == "+436641234567"
    with pytest.raises(NotReachable):
        mobile_number("+90 532 123 45 67", countries=allowed)


@pytest.mark.parametrize("phone", ["+49 151 12345678\r\nX: y", "+49 151 12345678;x=y", "+49 151 12345678 ext. 5"])
def test_a_number_cannot_carry_anything_else(phone: str) -> None:
    try:
        number = mobile_number(phone, countries=COUNTRIES)
    except NotReachable:
        return
    assert number == "+4915112345678"


@pytest.mark.parametrize("setting", ["", " , ", "DE,XX", "Germany"])
def test_what_is_no_country_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="country"):
        read_countries(setting)


def test_a_landline_is_a_number_to_call() -> None:
    assert (any_number("07433 921311"), any_number("nobody")) == ("+497433921311", None)
