"""Receipts that providers send us: who signed them, when, and what they say."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import SecretStr

from services.notification.arrivals import Report, Told
from services.notification.channels.sms.configuration import Receipts
from services.notification.channels.sms.templates import found

# Clocks differ, and a receipt may wait in a queue; what is older was caught and sent again by somebody.
_WINDOW = timedelta(minutes=5)
_LONGEST_ID = 200


_BY_SEVEN = {
    "DELIVERED": Told.DELIVERED,
    **dict.fromkeys(("NOTDELIVERED", "EXPIRED", "REJECTED", "FAILED"), Told.FAILED),
}


class NotBelieved(Exception):
    """The receipt is not signed as agreed: `signature` or `time`."""


class NotRead(Exception):
    """It is the provider's, and not in the form that was agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A request as it came. Header names are in small letters."""

    headers: Mapping[str, str]
    body: bytes


class ReceiptReader(Protocol):
    def read(self, posted: Posted, *, now: datetime) -> Report | None:
        """None for what says nothing about an end. Raises NotBelieved or NotRead."""


class SignedReceipts:
    """HMAC-SHA256 in hex over `<timestamp>.<body>`, and where in the JSON what stands is configuration."""

    def __init__(self, *, name: str, how: Receipts, secret: SecretStr) -> None:
        self._name = name
        self._how = how
        self._secret = secret

    def read(self, posted: Posted, *, now: datetime) -> Report | None:
        how, headers = self._how, posted.headers
        stamp = headers.get(how.timestamp_header.lower(), "")
        believe(
            signature=headers.get(how.signature_header.lower(), ""),
            signed=stamp.encode() + b"." + posted.body,
            secret=self._secret,
            stamp=stamp,
            now=now,
        )
        content = _json(posted.body)
        told = {**dict.fromkeys(how.delivered, Told.DELIVERED), **dict.fromkeys(how.failed, Told.FAILED)}
        return _report(
            self._name,
            told,
            status=found(content, how.status),
            message_id=found(content, how.message_id),
            reference=found(content, how.reference),
        )


class SevenReceipts:
    """seven.io's webhook `dlr`, signed as docs.seven.io/en/rest-api/signing says.

    `url` is the address that was registered there: it is part of what is signed. That the signature is in hex is
    not written there. Neither is `foreign_id` in its example; it is read where it comes.
    """

    def __init__(self, *, name: str, url: str, secret: SecretStr) -> None:
        self._name = name
        self._url = url
        self._secret = secret

    def read(self, posted: Posted, *, now: datetime) -> Report | None:
        headers = posted.headers
        stamp, nonce = headers.get("x-timestamp", ""), headers.get("x-nonce", "")
        digest = hashlib.md5(posted.body, usedforsecurity=False).hexdigest()
        believe(
            signature=headers.get("x-signature", ""),
            signed="\n".join((stamp, nonce, "POST", self._url, digest)).encode(),
            secret=self._secret,
            stamp=stamp,
            now=now,
        )
        content = _json(posted.body)
        if found(content, "webhook_event") != "dlr":
            return None
        return _report(
            self._name,
            _BY_SEVEN,
            status=found(content, "data.status"),
            message_id=found(content, "data.msg_id"),
            reference=found(content, "data.foreign_id"),
        )


def believe(*, signature: str, signed: bytes, secret: SecretStr, stamp: str, now: datetime) -> None:
    """Raises NotBelieved. The comparison takes the same time wherever the first difference is."""
    right = hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), signature.strip().lower().encode()):
        raise NotBelieved("signature")
    # Only now: whoever cannot sign learns nothing of our clock.
    if not stamp.isdecimal() or len(stamp) > 12 or abs(now.timestamp() - int(stamp)) > _WINDOW.total_seconds():
        raise NotBelieved("time")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotRead("no JSON") from error


def _report(
    name: str, told: Mapping[str, Told], *, status: str | None, message_id: str | None, reference: str | None
) -> Report | None:
    if status is None or not (message_id or reference) or len(f"{message_id}{reference}") > _LONGEST_ID:
        raise NotRead("no status or no message")
    end = told.get(status)
    if end is None:
        return None
    error = f"receipt {status}"[:40] if end is Told.FAILED else None
    return Report(by=name, told=end, message_id=message_id, delivery=reference, error=error)
