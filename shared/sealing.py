"""People's data as ciphertext: a data key per appointment, wrapped once for each service that may open it.

Destroying the wrapped keys destroys the data, wherever copies of the ciphertext still lie.
Everything sealed names what it belongs to, so that it cannot be put in another one's place.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox
from pydantic import SecretStr

KEY_BYTES = 32
# Lengths then tell little: most names and addresses fill the same number of blocks.
_BLOCK = 64
_OWNER_BYTES = 16


class Unsealable(Exception):
    """Not opened: another key, changed on the way, or not this appointment's.

    `key_id` names the key that should have opened it; "" where that one did, and what it was for is damaged.
    """

    def __init__(self, *why: object, key_id: str = "") -> None:
        super().__init__(*why)
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key that only the holder of the key `key_id` can take out of its `box`."""

    key_id: str
    box: bytes


def new_data_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def seal(content: Mapping[str, Any], *, key: bytes, owner: str) -> bytes:
    """`content` as JSON under `key`; opens only for the same `owner`, an appointment's id."""
    text = json.dumps([owner, content], ensure_ascii=False, separators=(",", ":")).encode()
    return bytes(SecretBox(key).encrypt(text + b" " * (-len(text) % _BLOCK)))


def unseal(sealed: bytes, *, key: bytes, owner: str) -> dict[str, Any]:
    """Raises Unsealable."""
    try:
        named, content = json.loads(SecretBox(key).decrypt(sealed))
    except (CryptoError, ValueError) as error:
        raise Unsealable from error
    if named != owner:
        raise Unsealable
    found: dict[str, Any] = content
    return found


class SymmetricKeys:
    """Key-encryption keys by id: the first wraps, all unwrap, so that keys can rotate."""

    def __init__(self, by_id: Mapping[str, bytes]) -> None:
        self._boxes = {id: SecretBox(key) for id, key in by_id.items()}

    @classmethod
    def read(cls, text: SecretStr) -> Self:
        """From "k1:<64 hex>[,k0:<64 hex>]"; raises ValueError."""
        return cls(_by_id(text.get_secret_value()))

    def wrap(self, key: bytes, *, owner: str) -> Wrapped:
        id = next(iter(self._boxes))
        return Wrapped(id, bytes(self._boxes[id].encrypt(key + _mark(owner))))

    def unwrap(self, wrapped: Wrapped, *, owner: str) -> bytes:
        """Raises Unsealable."""
        box = self._boxes.get(wrapped.key_id)
        return _unwrapped(box, wrapped, owner)


class PublicKeys:
    """Who has these can wrap for another service, and open nothing."""

    def __init__(self, by_id: Mapping[str, bytes]) -> None:
        self._id = next(iter(by_id))
        self._box = SealedBox(PublicKey(by_id[self._id]))

    @classmethod
    def read(cls, text: str) -> Self:
        """From "n1:<64 hex>[,n0:<64 hex>]", of which the first wraps; raises ValueError."""
        return cls(_by_id(text))

    def wrap(self, key: bytes, *, owner: str) -> Wrapped:
        return Wrapped(self._id, self._box.encrypt(key + _mark(owner)))


class PrivateKeys:
    """All of them unwrap."""

    def __init__(self, by_id: Mapping[str, bytes]) -> None:
        self._keys = {id: PrivateKey(key) for id, key in by_id.items()}
        self._boxes = {id: SealedBox(key) for id, key in self._keys.items()}

    @classmethod
    def read(cls, text: SecretStr) -> Self:
        """From "n1:<64 hex>[,n0:<64 hex>]"; raises ValueError."""
        return cls(_by_id(text.get_secret_value()))

    @property
    def public(self) -> str:
        """As `PublicKeys.read` takes it."""
        return ",".join(f"{id}:{bytes(key.public_key).hex()}" for id, key in self._keys.items())

    def unwrap(self, wrapped: Wrapped, *, owner: str) -> bytes:
        """Raises Unsealable."""
        box = self._boxes.get(wrapped.key_id)
        return _unwrapped(box, wrapped, owner)


def _unwrapped(box: "SecretBox | SealedBox[PrivateKey] | None", wrapped: Wrapped, owner: str) -> bytes:
    if box is None:
        raise Unsealable(key_id=wrapped.key_id)
    try:
        content = box.decrypt(wrapped.box)
    except (CryptoError, ValueError) as error:
        raise Unsealable(key_id=wrapped.key_id) from error
    if content[KEY_BYTES:] != _mark(owner):
        raise Unsealable(key_id=wrapped.key_id)
    return content[:KEY_BYTES]


def _mark(owner: str) -> bytes:
    return hashlib.sha256(owner.encode()).digest()[:_OWNER_BYTES]


def _by_id(text: str) -> dict[str, bytes]:
    pairs = [part.split(":", 1) for part in text.strip().split(",")]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("contact keys are written as <id>:<64 hex digits>, with commas between")
    keys = {id.strip(): bytes.fromhex(key.strip()) for id, key in pairs}
    if any(len(key) != KEY_BYTES for key in keys.values()):
        raise ValueError("a contact key has 32 bytes, as 64 hex digits")
    return keys
