import uuid

import pytest
from pydantic import SecretStr

from services.booking.tokens import Keys

OLD, NEW = "aa" * 32, "bb" * 32
APPOINTMENT = "e4998c24-5832-8382-8e4d-1b78be2067b8"


def keys(text: str = f"k1:{NEW},k0:{OLD}") -> Keys:
    return Keys.read(SecretStr(text))


def test_a_secret_opens_only_its_own_purpose_and_appointment() -> None:
    secret = keys().secret("confirm", APPOINTMENT, 2)

    assert keys().verifies(secret, "confirm", APPOINTMENT, 2)
    assert not keys().verifies(secret, "manage", APPOINTMENT, 2)
    assert not keys().verifies(secret, "confirm", APPOINTMENT, 3)
    assert not keys().verifies(secret, "confirm", str(uuid.uuid4()), 2)
    assert not keys().verifies("k9.abc", "confirm", APPOINTMENT, 2)
    assert not keys().verifies("k1.Ä", "confirm", APPOINTMENT, 2)


def test_secrets_of_the_old_key_still_open() -> None:
    secret = keys(f"k0:{OLD}").secret("token", APPOINTMENT)

    assert keys().verifies(secret, "token", APPOINTMENT)
    assert not keys(f"k1:{NEW}").verifies(secret, "token", APPOINTMENT)


def test_code_is_six_digits_and_of_one_message() -> None:
    codes = {keys().code(APPOINTMENT, generation) for generation in range(50)}

    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert len(codes) > 45


def test_codes_of_the_old_key_still_confirm() -> None:
    code = keys(f"k0:{OLD}").code(APPOINTMENT, 2)

    assert keys().verifies_code(code, APPOINTMENT, 2)
    assert not keys(f"k1:{NEW}").verifies_code(code, APPOINTMENT, 2)


def test_same_request_means_the_same_appointment() -> None:
    first = keys().appointment_id("key-1")

    assert first == keys().appointment_id("key-1")
    assert first != keys().appointment_id("key-2")
    assert uuid.UUID(first).version == 8
    assert uuid.UUID(first).variant == uuid.RFC_4122


@pytest.mark.parametrize("text", ["k1:abc", "k1:zz", "k1:" + "aa" * 31, "nonsense"])
def test_weak_or_broken_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (several kinds of it)
        keys(text)
