"""Who may read what: a key per role, presented with each request or once, for a session of a browser."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import SecretStr

SESSION_LASTS = timedelta(hours=10)


class Role(StrEnum):
    """STAFF sees every figure as it is; OPERATORS what tells of the running of things: demand and messages."""

    STAFF = "staff"
    OPERATORS = "operators"


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever presented a key. With an office nothing of any other exists for them."""

    role: Role
    office: str | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    reader: Reader
    digest: bytes

    @property
    def name(self) -> str:
        return hashlib.sha256(b"name" + self.digest).hexdigest()[:16]

    def signature(self, until: int) -> str:
        return hmac.new(self.digest, f"session|{until}".encode(), hashlib.sha256).hexdigest()


class Keys:
    """Several keys of a role are separated by blanks, so that a new one can be given out before the old one ends.

    `<office>:<key>` opens that office alone. A session is signed with its key, and ends with it. Raises ValueError
    where one key would open two things.
    """

    def __init__(self, keys: Mapping[Role, SecretStr]) -> None:
        self._keys = [
            _key_of(role, entry) for role, secret in keys.items() for entry in secret.get_secret_value().split()
        ]
        if len({key.digest for key in self._keys}) < len(self._keys):
            raise ValueError("a key stands in REPORTING_STAFF_KEYS or REPORTING_OPERATOR_KEYS twice")

    def reader_of(self, presented: str) -> Reader | None:
        key = self._key(presented)
        return key.reader if key else None

    def session(self, presented: str, *, now: datetime) -> str | None:
        """What a browser keeps in place of the key."""
        if (key := self._key(presented)) is None:
            return None
        until = int((now + SESSION_LASTS).timestamp())
        return f"{key.name}.{until}.{key.signature(until)}"

    def reader_of_session(self, session: str, *, now: datetime) -> Reader | None:
        name, _, rest = session.partition(".")
        until, _, signature = rest.partition(".")
        key = next((key for key in self._keys if key.name == name), None)
        if key is None or not (until.isascii() and until.isdigit() and len(until) < 12):
            return None
        valid = hmac.compare_digest(key.signature(int(until)).encode(), signature.encode())
        return key.reader if valid and int(until) > now.timestamp() else None

    def _key(self, presented: str) -> _Key | None:
        digest = _digest(presented)
        found = [key for key in self._keys if hmac.compare_digest(key.digest, digest)]
        return found[0] if found else None


def _key_of(role: Role, entry: str) -> _Key:
    office, _, key = entry.rpartition(":")
    if not key:
        raise ValueError("a key of REPORTING_STAFF_KEYS or REPORTING_OPERATOR_KEYS is empty")
    return _Key(Reader(role, office or None), _digest(key))


def given_key(header: str) -> str:
    """The key in an Authorization header: a bearer token, or the password of Basic, as spreadsheets send it."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
