"""A contact on its way from booking to notification: plain at both ends, ciphertext between them."""

from base64 import b64decode, b64encode

from pydantic import ValidationError

from shared.contracts import Contact, OpenContact
from shared.sealing import Unsealable, Wrapped, seal, unseal

# What planning a message needs, and what says whose the rest is.
_CLEAR = ("appointment", "office", "language", "sms_consent")


def seal_contact(contact: OpenContact, *, key: bytes, wrapped: Wrapped) -> Contact:
    """`wrapped` is `key` as notification can unwrap it."""
    sealed = seal(contact.model_dump(exclude=set(_CLEAR)), key=key, owner=contact.appointment)
    return Contact(
        **contact.model_dump(include=set(_CLEAR)),
        key_id=wrapped.key_id,
        key=b64encode(wrapped.box).decode(),
        sealed=b64encode(sealed).decode(),
    )


def wrapped_key(contact: Contact) -> Wrapped:
    """Raises Unsealable."""
    return Wrapped(contact.key_id, _bytes(contact.key))


def open_contact(contact: Contact, *, key: bytes) -> OpenContact:
    """Raises Unsealable."""
    content = unseal(_bytes(contact.sealed), key=key, owner=contact.appointment)
    try:
        return OpenContact(**contact.model_dump(include=set(_CLEAR)), **content)
    except (ValidationError, TypeError) as error:
        # Without its cause: pydantic's error quotes the values.
        raise Unsealable(type(error).__name__) from None


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise Unsealable from error
