"""Whether the keys that a host has open what a backup brings: asked before anything is given up for it.

The data keys have survived in the key databases; what unwraps them is the services' own secrets, and a fresh host
makes new ones, under the same ids.
"""

import os
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr
from pymongo import MongoClient

from shared.backup.records import Documents
from shared.sealing import PrivateKeys, PublicKeys, SymmetricKeys, Unsealable, Wrapped
from shared.setup import CONTACT_KEYS, CONTACT_PRIVATE_KEYS, CONTACT_PUBLIC_KEYS, Trouble

Keys = SymmetricKeys | PrivateKeys
Client = MongoClient[dict[str, Any]]
T = TypeVar("T")


def configured(folder: Path, name: str) -> str:
    """A secret as services read it, who ask the environment first; "" where there is none."""
    there = os.environ.get(name.upper(), "")
    if not there and (folder / name).exists():
        there = (folder / name).read_text()
    return there.strip()


@dataclass(frozen=True, slots=True)
class _Ring:
    """`secret` unwraps the data keys in `keys`, of whoever has a `field` in the backup's collection `sealed`."""

    secret: str
    read: Callable[[SecretStr], Keys]
    sealed: str
    field: str
    keys: tuple[str, str]
    wrapped: Callable[[Mapping[str, Any]], Wrapped]


def _for_booking(document: Mapping[str, Any]) -> Wrapped:
    return Wrapped(document["booking"]["key_id"], document["booking"]["box"])


def _told_by_booking(document: Mapping[str, Any]) -> Wrapped:
    return Wrapped(document["notification"]["key_id"], document["notification"]["box"])


def _for_notification(document: Mapping[str, Any]) -> Wrapped:
    return Wrapped(document["key_id"], b64decode(document["key"]))


_PERSONS = ("booking.appointments", "person", ("booking_keys", "keys"))
_RINGS = (
    _Ring(CONTACT_KEYS, SymmetricKeys.read, *_PERSONS, _for_booking),
    _Ring(CONTACT_PRIVATE_KEYS, PrivateKeys.read, *_PERSONS, _told_by_booking),
    _Ring(
        CONTACT_PRIVATE_KEYS,
        PrivateKeys.read,
        "notification.contacts",
        "data",
        ("notification_keys", "keys"),
        _for_notification,
    ),
)


@dataclass(slots=True)
class Openable:
    """Looks at a backup's documents, a batch at a time, with the keys that have survived beside it.

    Of each key id it asks until one data key opens: a single damaged one is no reason to give everybody up.
    """

    client: Client
    secrets: Path
    _opened: set[tuple[str, str]] = field(default_factory=set)
    _closed: set[tuple[str, str]] = field(default_factory=set)

    def look_at(self, part: Documents) -> None:
        """Raises Trouble where a ring of keys is none."""
        for ring in _RINGS:
            if ring.sealed == part.collection:
                ids = [document["_id"] for document in part.documents if document.get(ring.field)]
                self._try(ring, ids)

    def lacking(self) -> list[str]:
        """As `booking_contact_keys (k1)`: rings, and the ids under which they open nothing of what is there."""
        by_secret: dict[str, list[str]] = {}
        for secret, id in sorted(self._closed - self._opened):
            by_secret.setdefault(secret, []).append(id)
        return [f"{secret} ({', '.join(ids)})" for secret, ids in by_secret.items()]

    def _try(self, ring: _Ring, ids: list[str]) -> None:
        keys = _read(ring.read, self.secrets, ring.secret)
        for owner, wrapped in self._wrapped(ring, ids):
            named = (ring.secret, wrapped.key_id)
            if named not in self._opened:
                (self._opened if _opens(keys, wrapped, owner) else self._closed).add(named)

    def _wrapped(self, ring: _Ring, ids: list[str]) -> Iterator[tuple[str, Wrapped]]:
        """Of those that have one: whoever was erased since has none."""
        database, name = ring.keys
        for document in self.client[database][name].find({"_id": {"$in": ids}, "erased": {"$ne": True}}):
            yield document["_id"], ring.wrapped(document)


def strangers_key(secrets: Path) -> str | None:
    """The id under which booking would seal for a notification that is not this one; None where all is well."""
    text = configured(secrets, CONTACT_PUBLIC_KEYS)
    private = _read(PrivateKeys.read, secrets, CONTACT_PRIVATE_KEYS)
    if not text or private is None:
        return None
    wrapped = _parsed(PublicKeys.read, text, CONTACT_PUBLIC_KEYS).wrap(bytes(32), owner="")
    return None if _opens(private, wrapped, "") else wrapped.key_id


def _opens(keys: Keys | None, wrapped: Wrapped, owner: str) -> bool:
    try:
        return keys is not None and bool(keys.unwrap(wrapped, owner=owner))
    except Unsealable:
        return False


def _read(read: Callable[[SecretStr], Keys], secrets: Path, name: str) -> Keys | None:
    text = configured(secrets, name)
    return _parsed(lambda text: read(SecretStr(text)), text, name) if text else None


def _parsed(read: Callable[[str], T], text: str, name: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise Trouble(f"{name} holds no keys: {error}.") from error
