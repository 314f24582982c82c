"""Addresses on their way from booking to notification: plain at both ends, ciphertext between them."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.contracts import Contact, EntryRequest, OpenContact, OpenEntry
from shared.contracts.event import Data
from shared.sealing import PublicKeys, Unsealable, Wrapped, new_data_key, seal, unseal

# What planning a message needs, and what says whose the rest is.
_CLEAR = ("appointment", "office", "language", "sms_consent", "reminders")
_CLEAR_OF_ENTRY = ("entry", "office", "language", "expires_at")

D = TypeVar("D", bound=Data)


def seal_contact(contact: OpenContact, *, key: bytes, wrapped: Wrapped) -> Contact:
    """`wrapped` is `key` as notification can unwrap it."""
    return Contact(**_sealed(contact, _CLEAR, owner=contact.appointment, key=key, wrapped=wrapped))


def seal_entry(entry: OpenEntry, *, keys: PublicKeys) -> EntryRequest:
    """Under a new data key that only notification can unwrap: booking never needs to read it again."""
    key = new_data_key()
    wrapped = keys.wrap(key, owner=entry.entry)
    return EntryRequest(**_sealed(entry, _CLEAR_OF_ENTRY, owner=entry.entry, key=key, wrapped=wrapped))


def wrapped_key(told: Contact | EntryRequest) -> Wrapped:
    """Raises Unsealable."""
    return Wrapped(told.key_id, _bytes(told.key))


def open_contact(contact: Contact, *, key: bytes) -> OpenContact:
    """Raises Unsealable."""
    clear = contact.model_dump(include=set(_CLEAR))
    return _opened(OpenContact, clear, contact.sealed, key=key, owner=contact.appointment)


def open_entry(entry: EntryRequest, *, key: bytes) -> OpenEntry:
    """Raises Unsealable."""
    clear = entry.model_dump(include=set(_CLEAR_OF_ENTRY))
    return _opened(OpenEntry, clear, entry.sealed, key=key, owner=entry.entry)


def _sealed(told: Data, clear: Sequence[str], *, owner: str, key: bytes, wrapped: Wrapped) -> dict[str, Any]:
    sealed = seal(told.model_dump(exclude=set(clear)), key=key, owner=owner)
    return {
        **told.model_dump(include=set(clear)),
        "key_id": wrapped.key_id,
        "key": b64encode(wrapped.box).decode(),
        "sealed": b64encode(sealed).decode(),
    }


def _opened(kind: type[D], clear: dict[str, Any], sealed: str, *, key: bytes, owner: str) -> D:
    content = unseal(_bytes(sealed), key=key, owner=owner)
    try:
        return kind(**clear, **content)
    except (ValidationError, TypeError) as error:
        # Without its cause: pydantic's error quotes the values.
        raise Unsealable(type(error).__name__) from None


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise Unsealable from error
