import traceback
from base64 import b64encode
from collections.abc import Callable

import pytest
from nacl.public import PrivateKey
from pydantic import SecretStr

from shared.contracts import Contact
from shared.sealed_contact import open_contact
from shared.sealing import (
    PrivateKeys,
    PublicKeys,
    SymmetricKeys,
    Unsealable,
    Wrapped,
    new_data_key,
    seal,
    unseal,
)
from tests.sealed import opened, sealed
from tests.unit.notification.builders import a_contact

KEY, OTHER = new_data_key(), new_data_key()
PERSON = {"family_name": "Öztürk", "email": "someone@example.org"}

OWN = SymmetricKeys({"k1": b"1" * 32})
PRIVATE = PrivateKeys({"n1": b"1" * 32})
PUBLIC = PublicKeys.read(PRIVATE.public)


def test_what_was_sealed_opens_for_its_owner() -> None:
    assert unseal(seal(PERSON, key=KEY, owner="a"), key=KEY, owner="a") == PERSON


@pytest.mark.parametrize(("key", "owner"), [(OTHER, "a"), (KEY, "b")], ids=["another key", "another owner"])
def test_nothing_opens_by_another_key_or_for_another_owner(key: bytes, owner: str) -> None:
    with pytest.raises(Unsealable):
        unseal(seal(PERSON, key=KEY, owner="a"), key=key, owner=owner)


def test_what_was_changed_in_one_bit_does_not_open() -> None:
    whole = seal(PERSON, key=KEY, owner="a")
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(Unsealable):
            unseal(changed, key=KEY, owner="a")


@pytest.mark.parametrize("sealed", [b"", b"short", seal(PERSON, key=KEY, owner="a")[:-1]])
def test_what_is_too_short_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unsealable):
        unseal(sealed, key=KEY, owner="a")


def test_the_same_person_sealed_twice_looks_different() -> None:
    assert seal(PERSON, key=KEY, owner="a") != seal(PERSON, key=KEY, owner="a")


def test_names_of_different_length_are_sealed_to_one_length() -> None:
    lengths = {len(seal({"family_name": "x" * n}, key=KEY, owner="a")) for n in range(1, 30)}

    assert len(lengths) == 1


@pytest.mark.parametrize(
    ("wrap", "unwrap"), [(OWN.wrap, OWN.unwrap), (PUBLIC.wrap, PRIVATE.unwrap)], ids=["booking", "notification"]
)
def test_a_wrapped_key_comes_out_for_its_owner_only(
    wrap: Callable[..., Wrapped], unwrap: Callable[..., bytes]
) -> None:
    wrapped = wrap(KEY, owner="a")

    assert unwrap(wrapped, owner="a") == KEY
    assert KEY not in wrapped.box
    with pytest.raises(Unsealable):
        unwrap(wrapped, owner="b")
    with pytest.raises(Unsealable):
        unwrap(Wrapped(wrapped.key_id, wrapped.box[:-1] + bytes([wrapped.box[-1] ^ 1])), owner="a")
    with pytest.raises(Unsealable):
        unwrap(Wrapped(wrapped.key_id, b""), owner="a")


def test_after_a_rotation_the_first_wraps_and_all_unwrap() -> None:
    rotated = SymmetricKeys({"k2": b"2" * 32, "k1": b"1" * 32})

    assert rotated.unwrap(OWN.wrap(KEY, owner="a"), owner="a") == KEY
    assert rotated.wrap(KEY, owner="a").key_id == "k2"
    with pytest.raises(Unsealable):
        OWN.unwrap(rotated.wrap(KEY, owner="a"), owner="a")


def test_after_notification_rotates_booking_wraps_for_its_first_key() -> None:
    rotated = PrivateKeys({"n2": b"2" * 32, "n1": b"1" * 32})
    wrapped = PublicKeys.read(rotated.public).wrap(KEY, owner="a")

    assert wrapped.key_id == "n2"
    assert rotated.unwrap(wrapped, owner="a") == rotated.unwrap(PUBLIC.wrap(KEY, owner="a"), owner="a") == KEY


def test_the_same_id_with_another_key_opens_nothing() -> None:
    with pytest.raises(Unsealable):
        PrivateKeys({"n1": bytes(PrivateKey.generate())}).unwrap(PUBLIC.wrap(KEY, owner="a"), owner="a")


@pytest.mark.parametrize("text", ["", "k1", "k1:abc", "k1:" + "ab" * 31, "k1:" + "zz" * 32])
def test_broken_keys_are_refused_when_they_are_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"contact key|hex"):
        SymmetricKeys.read(SecretStr(text))


def test_a_contact_on_the_wire_shows_nothing_of_the_person() -> None:
    contact = a_contact()
    wire = sealed(contact)

    assert opened(wire) == contact
    shown = wire.model_dump_json()
    for plain in ("Yılmaz", "Ayşe", "ayse@", "0151", "482913", "s3cret", "K7MQ4XPA"):
        assert plain not in shown


@pytest.mark.parametrize("change", [{"appointment": "another"}, {"sealed": "no base64"}, {"key": "AAAA"}])
def test_a_contact_put_in_anothers_place_does_not_open(change: dict[str, str]) -> None:
    with pytest.raises(Unsealable):
        opened(sealed(a_contact()).model_copy(update=change))


def test_a_contact_that_lacks_a_field_says_nothing_of_the_rest() -> None:
    whole = sealed(a_contact())
    broken = seal({"family_name": "Wolkenbruch"}, key=KEY, owner=whole.appointment)

    with pytest.raises(Unsealable) as failure:
        open_contact(_with(whole, broken), key=KEY)

    assert "Wolkenbruch" not in "".join(traceback.format_exception(failure.value))


def _with(contact: Contact, content: bytes) -> Contact:
    return contact.model_copy(update={"sealed": b64encode(content).decode()})
