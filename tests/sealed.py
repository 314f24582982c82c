"""Contacts sealed as booking seals them, for events that no booking made; and booking's sealing in memory."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import SecretStr

from services.booking.people import People
from services.booking.storage import AlreadyHeld, NotFound
from services.booking.storage.keys import KeyStore, WrappedTwice
from services.booking.tokens import Keys
from shared.contracts import Contact, EntryRequest, OpenContact, OpenEntry
from shared.mongo import DatabaseClock
from shared.sealed_contact import open_contact, open_entry, seal_contact, wrapped_key
from shared.sealing import PrivateKeys, PublicKeys, SymmetricKeys
from tests.builders import MONDAY

OWN_KEYS = f"k1:{(b'k' * 32).hex()}"
OWN = SymmetricKeys.read(SecretStr(OWN_KEYS))
PRIVATE_KEYS = f"n1:{(b'n' * 32).hex()}"
PRIVATE = PrivateKeys.read(SecretStr(PRIVATE_KEYS))
PUBLIC = PublicKeys.read(PRIVATE.public)


def sealed(contact: OpenContact, *, keys: PublicKeys = PUBLIC) -> Contact:
    """Always under the same data key for the same appointment."""
    key = hashlib.sha256(contact.appointment.encode()).digest()
    return seal_contact(contact, key=key, wrapped=keys.wrap(key, owner=contact.appointment))


def opened(contact: Contact, *, keys: PrivateKeys = PRIVATE) -> OpenContact:
    return open_contact(contact, key=keys.unwrap(wrapped_key(contact), owner=contact.appointment))


def opened_entry(entry: EntryRequest, *, keys: PrivateKeys = PRIVATE) -> OpenEntry:
    return open_entry(entry, key=keys.unwrap(wrapped_key(entry), owner=entry.entry))


class KeysInMemory(KeyStore):
    def __init__(self) -> None:
        self.by_id: dict[str, WrappedTwice] = {}

    async def add(self, id: str, key: WrappedTwice, *, now: datetime) -> None:
        if id in self.by_id:
            raise AlreadyHeld
        self.by_id[id] = key

    async def get(self, id: str) -> WrappedTwice:
        if id not in self.by_id:
            raise NotFound
        return self.by_id[id]

    async def get_all(self, ids: Sequence[str]) -> dict[str, WrappedTwice]:
        return {id: self.by_id[id] for id in ids if id in self.by_id}

    async def destroy(self, id: str) -> None:
        self.by_id.pop(id, None)


class _Clock:
    def now(self) -> datetime:
        return MONDAY


def some_people(store: KeyStore | None = None, **changes: Any) -> People:
    values: dict[str, Any] = {
        "own_keys": OWN,
        "notification_keys": PUBLIC,
        "secrets": Keys({"k1": b"x" * 32}),
        "public_url": "https://termine.example",
        "clock": cast(DatabaseClock, _Clock()),
    }
    return People(store or KeysInMemory(), **{**values, **changes})
