"""Secrets that nobody stores: derived from the appointment's id by a key, and compared in constant time.

A repeated request can so be answered with the same token. Each names its key, so that keys can rotate.
"""

import base64
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

Purpose = Literal["token", "confirm", "manage", "invitation", "entry", "unsubscribe"]

# Crockford's letters: none that is read as another one on the phone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Keys:
    """Signing keys by id; the first one signs."""

    by_id: dict[str, bytes]

    @classmethod
    def read(cls, text: SecretStr) -> "Keys":
        """From "k1:<hex>,k0:<hex>"; raises ValueError where a key is no hex or shorter than 32 bytes."""
        pairs = (part.split(":", 1) for part in text.get_secret_value().strip().split(","))
        keys = {id.strip(): bytes.fromhex(key.strip()) for id, key in pairs}
        if any(len(key) < 32 for key in keys.values()):
            raise ValueError("a signing key needs at least 32 bytes, as 64 hex digits")
        return cls(keys)

    def secret(self, purpose: Purpose, appointment: str, generation: int = 0) -> str:
        return self._secret(next(iter(self.by_id)), purpose, appointment, generation)

    def verifies(self, secret: str, purpose: Purpose, appointment: str, generation: int = 0) -> bool:
        key_id = secret.partition(".")[0]
        if key_id not in self.by_id:
            return False
        expected = self._secret(key_id, purpose, appointment, generation)
        return hmac.compare_digest(expected.encode(), secret.encode())

    def code(self, appointment: str, generation: int) -> str:
        """Six digits for the page that is still open, valid for one message."""
        return self._code(next(iter(self.by_id)), appointment, generation)

    def verifies_code(self, code: str, appointment: str, generation: int) -> bool:
        codes = [self._code(key_id, appointment, generation) for key_id in self.by_id]
        return any(hmac.compare_digest(right.encode(), code.encode()) for right in codes)

    def appointment_id(self, idempotency_key: str) -> str:
        """The same key always means the same appointment, and nobody can compute which."""
        return str(_uuid8(self._sign("id", idempotency_key, 0, key_id=self._oldest)))

    def digest(self, text: str) -> str:
        """Equal for equal texts; tells nothing about them to whoever lacks the key."""
        return self._sign("digest", text, 0, key_id=self._oldest).hex()

    def release_key(self) -> bytes:
        """Makes the minutes at which times are released; they stay while keys rotate."""
        return self._sign("release", "", 0, key_id=self._oldest)

    def derived(self, purpose: str) -> list[str]:
        """A key of its own for `purpose`, of each signing key; the first signs."""
        return [self._sign(f"key|{purpose}", "", 0, key_id=key_id).hex() for key_id in self.by_id]

    def booking_code(self, appointment: str) -> str:
        """Eight characters to name an appointment at the counter and on the phone."""
        number = int.from_bytes(hashlib.sha256(appointment.encode()).digest()[:5])
        return "".join(_ALPHABET[number >> (5 * i) & 31] for i in range(8))

    @property
    def _oldest(self) -> str:
        return list(self.by_id)[-1]

    def _code(self, key_id: str, appointment: str, generation: int) -> str:
        digest = self._sign("code", appointment, generation, key_id=key_id)
        return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"

    def _secret(self, key_id: str, purpose: Purpose, appointment: str, generation: int) -> str:
        digest = self._sign(purpose, appointment, generation, key_id=key_id)
        return f"{key_id}.{base64.urlsafe_b64encode(digest[:24]).decode()}"

    def _sign(self, purpose: str, subject: str, generation: int, *, key_id: str | None = None) -> bytes:
        key = self.by_id[key_id or next(iter(self.by_id))]
        # Not `hmac.digest`: it lets go of the interpreter lock, and getting that back costs more than the hash.
        return hmac.new(key, f"{purpose}|{subject}|{generation}".encode(), "sha256").digest()


def _uuid8(digest: bytes) -> uuid.UUID:
    """RFC 9562's version for values of one's own making; `uuid` before Python 3.14 cannot build it."""
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) | 8 << 76
    return uuid.UUID(int=number & ~(0b11 << 62) | 0b10 << 62)
