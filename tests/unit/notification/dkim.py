"""A receiver's side of DKIM, written from RFC 6376 and RFC 8463, with a dictionary for the DNS.

It shares no code with the signing side; the sample of RFC 8463 shows that it verifies what others sign.
"""

import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key


def verified(message: bytes, dns: dict[str, str]) -> bool:
    """Whether the first DKIM-Signature of `message` holds; `dns` has the TXT records by name."""
    head, _, body = message.partition(b"\r\n\r\n")
    lines = [part.decode("latin-1") for part in re.split(rb"\r\n(?=[^ \t])", head)]
    at = next(n for n, line in enumerate(lines) if line.lower().startswith("dkim-signature:"))
    own = lines.pop(at)
    tags = _tags(own.partition(":")[2])
    assert (tags["v"], tags["c"]) == ("1", "relaxed/relaxed")
    if base64.b64encode(hashlib.sha256(_body(body)).digest()).decode() != tags["bh"]:
        return False
    text = "".join(_taken(lines, name.strip()) for name in tags["h"].split(":"))
    unsigned = _header(re.sub(r"(\bb=)[^;]*$", r"\1", own))
    record = _tags(dns[f"{tags['s']}._domainkey.{tags['d']}"])
    return _holds((text + unsigned).encode("latin-1"), base64.b64decode(tags["b"]), tags["a"], record["p"])


def _tags(text: str) -> dict[str, str]:
    pairs = (tag.partition("=") for tag in re.sub(r"\s+", "", text).split(";") if tag.strip())
    return {name: value for name, _, value in pairs}


def _taken(lines: list[str], name: str) -> str:
    """The last header of that name that was not taken yet (section 5.4.2); nothing where there is none."""
    for n in range(len(lines) - 1, -1, -1):
        if lines[n].partition(":")[0].strip().lower() == name.lower():
            return _header(lines.pop(n)) + "\r\n"
    return ""


def _header(line: str) -> str:
    """Section 3.4.2."""
    name, _, value = line.partition(":")
    return name.strip().lower() + ":" + " ".join(value.replace("\r\n", "").split())


def _body(body: bytes) -> bytes:
    """Section 3.4.4."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _holds(text: bytes, signature: bytes, algorithm: str, key: str) -> bool:
    try:
        if algorithm == "ed25519-sha256":
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
            public.verify(signature, hashlib.sha256(text).digest())
        else:
            loaded = load_der_public_key(base64.b64decode(key))
            assert isinstance(loaded, RSAPublicKey)
            loaded.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
