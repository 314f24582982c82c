"""Delivery status notifications (RFC 3464): which of our mails did not arrive, and why.

No input or output. A letter that is none, or about somebody else's mail, is None: it is not ours to touch.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import Message

from services.notification.arrivals import Report, Told
from services.notification.domain import Channel, delivery_id
from services.notification.purposes import Purpose

BY = "mailbox"

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_UUID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
# In a Message-ID with its dashes, in a return path without.
_OURS = re.compile(rf"(?<![0-9a-f])({_UUID})\.([a-z_]+)(?:\.email)?(?=[@>\s]|$)")
_STATUSES = ("message/delivery-status", "message/global-delivery-status")
# The mail that did not arrive, or its headers.
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
_MOST_PARTS = 20


def report_in(letter: bytes) -> Report | None:
    """What `letter` says of a mail of ours: failed for good, or delayed."""
    message = message_from_bytes(letter, policy=policy.compat32)
    if not is_notification(str(message.get("Content-Type", ""))):
        return None
    outcome = _outcome(message)
    delivery = _delivery(message)
    if outcome is None or delivery is None:
        return None
    told, status = outcome
    return Report(by=BY, told=told, delivery=delivery, error=f"bounce {status}" if told is Told.FAILED else None)


def is_notification(content_type: str) -> bool:
    """By the letter's head alone."""
    kind = " ".join(content_type.lower().split())
    return kind.startswith("multipart/report") and "delivery-status" in kind


def _outcome(message: Message) -> tuple[Told, str] | None:
    """The worst that is said of a recipient: each of our mails has one, but a server may have followed a list.

    Whoever says `failed` with a 4.x.x has given up after days (RFC 3464, 2.3.3): that mail does not arrive either.
    """
    said = list(_recipients(message))
    for wanted, told in (("failed", Told.FAILED), ("delayed", Told.DELAYED)):
        for action, status in said:
            if action == wanted:
                return told, status
    return None


def _recipients(message: Message) -> Iterator[tuple[str, str]]:
    """Action and status of each recipient."""
    for part in _parts(message):
        if part.get_content_type() not in _STATUSES:
            continue
        for group in _groups(part):
            action = str(group.get("Action", "")).split("(")[0].strip().lower()
            if action:
                found = _STATUS.search(str(group.get("Status", ""))) or _STATUS.search(
                    str(group.get("Diagnostic-Code", ""))
                )
                yield action, found.group() if found else "5.0.0"


def _groups(part: Message) -> list[Message]:
    """The standard library parses the groups of fields, but not those that a server has encoded (RFC 6533)."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return _fields_in(part.get_payload(decode=True))
    groups = [group for group in payload if isinstance(group, Message)]
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return groups
    with suppress(ValueError):
        return _fields_in(b64decode("".join(str(group.get_payload()) for group in groups)))
    return []


def _fields_in(text: object) -> list[Message]:
    blocks = re.split(rb"\r?\n\s*\r?\n", text if isinstance(text, bytes) else b"")
    return [message_from_bytes(block, policy=policy.compat32) for block in blocks]


def _delivery(message: Message) -> str | None:
    """By the address that the notification went to, by what it answers, or by the mail that it returns."""
    for header in ("To", "Delivered-To", "X-Original-To", "In-Reply-To", "References"):
        if found := _ours(" ".join(map(str, message.get_all(header, [])))):
            return found
    for part in _parts(message):
        if part.get_content_type() in _RETURNED and (found := _ours(_message_id(part))):
            return found
    return None


def _message_id(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return str(payload[0].get("Message-ID", ""))
    raw = part.get_payload(decode=True)
    head = (raw if isinstance(raw, bytes) else b"").lstrip()
    return str(message_from_bytes(head, policy=policy.compat32).get("Message-ID", ""))


def _ours(text: str) -> str | None:
    for event, purpose in _OURS.findall(text):
        if purpose in set(Purpose):
            return delivery_id(_dashed(event), Purpose(purpose), Channel.EMAIL)
    return None


def _dashed(event: str) -> str:
    bare = event.replace("-", "")
    return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))


def _parts(message: Message) -> Iterator[Message]:
    """The report's own parts; not those of the mail that it returns."""
    if message.is_multipart():
        payload = message.get_payload()
        yield from [part for part in payload if isinstance(part, Message)][:_MOST_PARTS]
