"""DKIM signatures (RFC 6376, relaxed/relaxed), by RSA with SHA-256 or Ed25519 (RFC 8463).

Imported only where there is a key: OpenSSL does in 1 ms what a signature in Python takes twenty for.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# Named once more than they occur, so that nobody can add a second one to a signed mail.
_ONCE = ("from", "to", "subject", "date", "message-id")
_SIGNED = frozenset(
    {
        *_ONCE,
        "mime-version",
        "content-type",
        "content-language",
        "auto-submitted",
        # RFC 8058 wants both covered.
        "list-unsubscribe",
        "list-unsubscribe-post",
    }
)
# A single space stays as it is: most are, and looking at each takes most of the time.
_SPACE = re.compile(rb"[ \t]{2,}|\t")
_SPACE_AT_END = re.compile(rb"[ \t]+(?=\r\n)")
_LEAST_BITS = 2048


class DkimKey:
    """`selector` and `domain` say where receivers find the public key: `<selector>._domainkey.<domain>`."""

    def __init__(self, *, selector: str, domain: str, pem: bytes) -> None:
        """Raises ValueError where `pem` holds no private key of a kind and length that receivers accept."""
        self._name = f"d={domain}; s={selector}"
        self._algorithm, self._sign = _signer(pem)

    @classmethod
    def read(cls, file: Path, *, selector: str, domain: str) -> "DkimKey":
        """Raises ValueError as above, and where there is no file."""
        try:
            return cls(selector=selector, domain=domain, pem=file.read_bytes())
        except OSError as error:
            raise ValueError(f"{file}: {error.strerror}") from error

    def signed(self, message: bytes, *, now: datetime) -> bytes:
        """`message` under its signature; its lines end in CRLF."""
        head, _, body = message.partition(b"\r\n\r\n")
        headers = [(name.lower(), value) for name, value in _fields(head) if name.lower() in _SIGNED]
        names = [*(name for name, _ in headers), *_ONCE]
        digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
        unsigned = (
            f"v=1; a={self._algorithm}; c=relaxed/relaxed; {self._name};\r\n"
            f" t={int(now.timestamp())}; h={':'.join(names)};\r\n bh={digest};\r\n b="
        )
        own = relaxed_header("dkim-signature", unsigned.encode()).removesuffix(b"\r\n")
        signature = self._sign(b"".join(relaxed_header(*field) for field in headers) + own)
        return f"DKIM-Signature: {unsigned}{_folded(signature)}\r\n".encode() + message


def relaxed_header(name: str, value: bytes) -> bytes:
    unfolded = _SPACE.sub(b" ", value.replace(b"\r\n", b""))
    return name.lower().encode() + b":" + unfolded.strip(b" \t") + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    lines = _SPACE.sub(b" ", _SPACE_AT_END.sub(b"", body)).rstrip(b" \t")
    while lines.endswith(b"\r\n"):
        lines = lines.removesuffix(b"\r\n")
    return lines + b"\r\n" if lines else b""


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    unfolded = re.split(rb"\r\n(?![ \t])", head)
    pairs = (field.partition(b":") for field in unfolded)
    return [(name.strip().decode("ascii"), value) for name, _, value in pairs]


def _folded(signature: bytes) -> str:
    text = base64.b64encode(signature).decode()
    return "\r\n ".join(text[at : at + 72] for at in range(0, len(text), 72))


def _signer(pem: bytes) -> tuple[str, Callable[[bytes], bytes]]:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ValueError("the DKIM key is no private key in PEM, or is under a password") from error
    if isinstance(key, Ed25519PrivateKey):
        return "ed25519-sha256", lambda text: key.sign(hashlib.sha256(text).digest())
    if isinstance(key, RSAPrivateKey):
        if key.key_size < _LEAST_BITS:
            raise ValueError(f"the DKIM key has {key.key_size} bits; receivers want {_LEAST_BITS} (RFC 8301)")
        return "rsa-sha256", lambda text: key.sign(text, PKCS1v15(), SHA256())
    raise ValueError("the DKIM key is neither RSA nor Ed25519")
