"""Files that only one key opens: XChaCha20-Poly1305 as a stream of chunks, so that size costs no memory.

A file is a line of JSON that says how its key is wrapped, the stream's header, and chunks behind their lengths.
The first chunk vouches for the line, each for all before it, and the last one is marked: nothing can be changed,
moved or cut off.
"""

import base64
import json
import os
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from nacl import bindings, pwhash
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.secret import SecretBox

from shared.setup import Trouble

FORMAT = "amtstermin-backup"
VERSION = 1
_KEY_BYTES = bindings.crypto_secretstream_xchacha20poly1305_KEYBYTES
_HEADER_BYTES = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_FINAL = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MORE = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_LENGTH = struct.Struct(">I")
_LONGEST_CHUNK = 64 * 1024 * 1024
_LONGEST_LINE = 4096
_PUBLIC, _PRIVATE = "amtstermin-public:", "amtstermin-private:"
# A third of a second of a small server, for a passphrase that somebody may try to guess for years.
_OPERATIONS, _MEMORY = pwhash.argon2id.OPSLIMIT_MODERATE, pwhash.argon2id.MEMLIMIT_MODERATE

State = bindings.crypto_secretstream_xchacha20poly1305_state


class Wrapping(Protocol):
    """How the key of a file is wrapped, and who can take it out."""

    def wrap(self, key: bytes) -> dict[str, Any]: ...

    def unwrap(self, said: dict[str, Any]) -> bytes:
        """Raises CryptoError, KeyError or ValueError."""
        ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """The public half: the host that makes backups needs no more, and cannot open them."""

    key: PublicKey

    def wrap(self, key: bytes) -> dict[str, Any]:
        box = SealedBox(self.key).encrypt(key)
        return {"kind": "recipient", "to": bytes(self.key).hex(), "box": _text(box)}

    def unwrap(self, said: dict[str, Any]) -> bytes:
        raise CryptoError("a public key opens nothing")


@dataclass(frozen=True, slots=True)
class Identity:
    key: PrivateKey

    def wrap(self, key: bytes) -> dict[str, Any]:
        return Recipient(self.key.public_key).wrap(key)

    def unwrap(self, said: dict[str, Any]) -> bytes:
        return SealedBox(self.key).decrypt(base64.b64decode(said["box"]))


@dataclass(frozen=True, slots=True)
class Passphrase:
    text: bytes

    def wrap(self, key: bytes) -> dict[str, Any]:
        salt = secrets.token_bytes(pwhash.argon2id.SALTBYTES)
        box = bytes(SecretBox(self._key(salt, _OPERATIONS, _MEMORY)).encrypt(key))
        cost = {"operations": _OPERATIONS, "memory": _MEMORY}
        return {"kind": "passphrase", "salt": _text(salt), **cost, "box": _text(box)}

    def unwrap(self, said: dict[str, Any]) -> bytes:
        # What a file asks for must not be more than what we ever asked for.
        operations, memory = min(said["operations"], _OPERATIONS), min(said["memory"], _MEMORY)
        key = self._key(base64.b64decode(said["salt"]), operations, memory)
        return SecretBox(key).decrypt(base64.b64decode(said["box"]))

    def _key(self, salt: bytes, operations: int, memory: int) -> bytes:
        return pwhash.argon2id.kdf(SecretBox.KEY_SIZE, self.text, salt, opslimit=operations, memlimit=memory)


def new_identity(path: Path) -> str:
    """Writes a private key to `path`, where there is none; gives the public one as `read_recipient` takes it."""
    key = PrivateKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Trouble(f"{path} is there already: a new key would not open what was made for it.") from error
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{_PRIVATE}{bytes(key).hex()}\n")
    return f"{_PUBLIC}{bytes(key.public_key).hex()}"


def read_recipient(text: str) -> Recipient:
    """From what `new_identity` gave, or a file that holds it."""
    return Recipient(PublicKey(_hex(_content(text), _PUBLIC, "public")))


def read_identity(path: Path) -> Identity:
    return Identity(PrivateKey(_hex(_content(str(path)), _PRIVATE, "private")))


def read_passphrase(path: Path) -> Passphrase:
    text = _content(str(path)).encode()
    if len(text) < 16:
        raise Trouble(f"The passphrase in {path} has fewer than 16 signs: take a longer one.")
    return Passphrase(text)


def _content(text: str) -> str:
    if text.startswith(_PUBLIC):
        return text
    try:
        return Path(text).read_text().strip()
    except OSError as error:
        raise Trouble(f"{text} cannot be read: {error.strerror}.") from error


def _hex(text: str, prefix: str, kind: str) -> bytes:
    digits = text.removeprefix(prefix).strip()
    if not text.startswith(prefix) or len(digits) != 64:
        raise Trouble(f"That is no {kind} key of backups: it begins with {prefix} and has 64 hex digits.")
    return bytes.fromhex(digits)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


class SealedWriter:
    """`path` appears when everything is written and on the disk; what breaks off leaves nothing."""

    def __init__(self, path: Path, *, wrapping: Wrapping, says: dict[str, Any]) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._state = State()
        self._last: bytes | None = None
        key = secrets.token_bytes(_KEY_BYTES)
        line = {"format": FORMAT, "version": VERSION, **says, "key": wrapping.wrap(key)}
        self._line = json.dumps(line).encode() + b"\n"
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")
        self._file.write(self._line + bindings.crypto_secretstream_xchacha20poly1305_init_push(self._state, key))

    def write(self, chunk: bytes) -> None:
        """Kept until the next one comes: only then is it known not to be the last."""
        if self._last is not None:
            self._push(self._last, _MORE)
        self._last = chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._push(self._last or b"", _FINAL)
                self._file.flush()
                os.fsync(self._file.fileno())
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()

    def _push(self, chunk: bytes, tag: int) -> None:
        sealed = bindings.crypto_secretstream_xchacha20poly1305_push(self._state, chunk, self._line or None, tag)
        self._line = b""
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)


def what_it_says(path: Path) -> dict[str, Any]:
    """The line of JSON at the beginning of `path`, which no key is needed for. Raises Trouble."""
    with _opened(path) as file:
        return _line_of(file, path)[1]


def chunks(path: Path, *, wrapping: Wrapping) -> Iterator[bytes]:
    """Each as it was written. Raises Trouble where the key is another, or anything was changed or is missing."""
    with _opened(path) as file:
        line, says = _line_of(file, path)
        state = State()
        key = _key_of(says, wrapping, path)
        bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, file.read(_HEADER_BYTES), key)
        said, tag = line, _MORE
        while tag != _FINAL:
            try:
                chunk, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(state, _next(file), said or None)
            except (CryptoError, ValueError, struct.error) as error:
                raise Trouble(f"{path} is damaged or not complete after {file.tell()} bytes.") from error
            said = b""
            yield chunk
        if file.read(1):
            raise Trouble(f"{path} goes on after its end: it was changed.")


def _next(file: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
    if length > _LONGEST_CHUNK:
        raise ValueError
    return file.read(length)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.") from error


def _line_of(file: IO[bytes], path: Path) -> tuple[bytes, dict[str, Any]]:
    line = file.readline(_LONGEST_LINE)
    try:
        says: dict[str, Any] = json.loads(line)
        known = says["format"], says["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{path} is no backup of Amtstermin.") from error
    if known != (FORMAT, VERSION):
        raise Trouble(f"{path} is of format {known[0]} {known[1]}; this program reads {FORMAT} {VERSION}.")
    return line, says


def _key_of(says: dict[str, Any], wrapping: Wrapping, path: Path) -> bytes:
    try:
        return wrapping.unwrap(says["key"])
    except (CryptoError, KeyError, ValueError, TypeError) as error:
        kind = says.get("key", {}).get("kind")
        to = f" {says['key'].get('to')}" if kind == "recipient" else ""
        raise Trouble(f"{path} is for another key: its {kind}{to}.") from error
