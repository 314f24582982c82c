import pytest
from pydantic import TypeAdapter, ValidationError

from services.booking.api.schemas import ContactIn, PersonName, Phone, RescheduleIn

NAMES = TypeAdapter(PersonName)
PHONES = TypeAdapter(Phone)


@pytest.mark.parametrize("name", ["Öztürk", "O’Brien", "al-Ḥasan", "Нгуен", "محمد", "李", "von der Leyen", "Ó"])
def test_names_of_any_script_are_accepted(name: str) -> None:
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " ", "x" * 101, "Ali 😀", "A\u202eB", "A\u200fB", "A\nB", "A\x00B", "<script>", "{{7*7}}", "123", "-"],
)
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(name)


@pytest.mark.parametrize("phone", ["+49 (0)", "x", "12345", "+49" + "1" * 20, "+49 151\n23", "١٢٣٤٥٦٧"])
def test_what_cannot_be_a_phone_is_refused(phone: str) -> None:
    with pytest.raises(ValidationError):
        PHONES.validate_python(phone)


def test_phone_keeps_digits_only() -> None:
    assert PHONES.validate_python("+49 (151) 234-56/789") == "+4915123456789"


@pytest.mark.parametrize(
    "email", ["a@b", "a\r\nBcc: x@example.org", "a@example.org\r\nX: y", "a b@example.org", ""]
)
def test_addresses_that_could_carry_a_header_are_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        ContactIn(email=email)


def test_addresses_are_compared_in_small_letters() -> None:
    assert ContactIn(email="Some.One@Example.ORG").email == "some.one@example.org"


@pytest.mark.parametrize("value", [{"$gt": ""}, ["a@example.org"], None, 5])
def test_only_text_is_taken_for_text(value: object) -> None:
    with pytest.raises(ValidationError):
        ContactIn.model_validate({"email": value})


@pytest.mark.parametrize(
    "time",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "1969-12-31T00:00:00Z"],
)
def test_times_beyond_any_time_zone_are_refused(time: str) -> None:
    with pytest.raises(ValidationError, match="between the years"):
        RescheduleIn.model_validate({"starts_at": time})
