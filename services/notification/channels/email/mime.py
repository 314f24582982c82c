"""A mail as bytes: plain text, accessible HTML, and the calendar entry both inline and attached.

The standard library's own builder takes 5 ms for such a mail, more than everything else together, so the
parts are put together here. Headers with text go through its policy, which folds, encodes and refuses line
breaks; the bodies are quoted-printable and can hold no header.
"""

import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache

_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"\w(?:[\w-]*\w)?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_WEB_ADDRESS = re.compile(r"https?://[!#-;=?-Z\[\]_a-z~]{1,900}")
_UNSAFE_IN_ID = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """`calendar` is an iCalendar object, `method` its iTIP method.

    `unsubscribe` is where the reader ends such mails; with `one_click` a POST there does it (RFC 8058).
    """

    reference: str
    to: str
    sender_name: str
    language: str
    subject: str
    text: str
    html: str
    calendar: bytes | None = None
    method: str | None = None
    unsubscribe: str | None = None
    one_click: bool = False


def is_plain_address(value: str) -> bool:
    """ASCII, unquoted, no more than SMTP allows: such an address cannot hold anything but an address."""
    return len(value) <= 254 and value.isascii() and _ADDRESS.fullmatch(value) is not None


def recipient(address: str) -> str:
    """`address` as it can be sent to, its domain in ASCII where that makes all of it ASCII.

    Raises ValueError for anything that is not exactly one address.
    """
    if is_plain_address(address):
        return address
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise ValueError("not a mail address")
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}" if local.isascii() else address


def message_id(reference: str, sender: str) -> str:
    """The same for every attempt, so that a mail that went out twice shows as one where the reader supports it."""
    return f"<{_UNSAFE_IN_ID.sub('.', reference)}@{sender.rpartition('@')[2]}>"


def return_path(template: str, reference: str) -> str:
    """The envelope's sender. `{delivery}` in it becomes the delivery's own sign, so that a bounce names its mail
    even where it carries nothing of it."""
    return template.replace("{delivery}", sign_of(reference))


def sign_of(reference: str) -> str:
    """Short enough for a local part: the event's id without its dashes, and the purpose."""
    event, _, rest = reference.partition(":")
    return f"{event.replace('-', '')}.{rest.partition(':')[0]}"


def build(mail: Mail, *, sender: str, now: datetime) -> bytes:
    """Raises ValueError where the recipient is no address, or the subject has line breaks."""
    headers = (
        _from(mail.sender_name, sender),
        f"To: {recipient(mail.to)}\r\n",
        _text_header("Subject", mail.subject),
        f"Date: {format_datetime(now)}\r\n",
        f"Message-ID: {message_id(mail.reference, sender)}\r\n",
        f"Content-Language: {_UNSAFE_IN_ID.sub('', mail.language)}\r\n",
        "Auto-Submitted: auto-generated\r\n",
        *_list_headers(mail),
        "MIME-Version: 1.0\r\n",
    )
    return "".join(headers).encode() + _body(mail)


def _list_headers(mail: Mail) -> tuple[str, ...]:
    """None where the address could hold more than an address."""
    if not mail.unsubscribe or not _WEB_ADDRESS.fullmatch(mail.unsubscribe):
        return ()
    link = f"List-Unsubscribe: <{mail.unsubscribe}>\r\n"
    if mail.one_click and mail.unsubscribe.startswith("https:"):
        return (link, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    return (link,)


def _body(mail: Mail) -> bytes:
    parts = [_part("text/plain", mail.text.encode()), _part("text/html", mail.html.encode())]
    if mail.calendar is None:
        return _multipart("alternative", parts)
    inline = _part(f"text/calendar; method={mail.method}", mail.calendar)
    alternative = _multipart("alternative", [*parts, inline])
    attached = _part("application/ics; name=termin.ics", mail.calendar, "attachment; filename=termin.ics")
    return _multipart("mixed", [alternative, attached])


def _multipart(subtype: str, parts: list[bytes]) -> bytes:
    """Quoted-printable never yields `=_`, so no part can hold the boundary."""
    boundary = f"=_{subtype}_="
    delimiter = f"--{boundary}".encode()
    header = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    body = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts)
    return header + body + delimiter + b"--\r\n"


def _part(content_type: str, content: bytes, disposition: str | None = None) -> bytes:
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    header = f"Content-Type: {content_type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    if disposition:
        header += f"Content-Disposition: {disposition}\r\n"
    return header.encode() + b"\r\n" + binascii.b2a_qp(lines, istext=True)


@lru_cache(maxsize=256)
def _from(name: str, sender: str) -> str:
    address = str(Address(display_name=" ".join(name.split()), addr_spec=sender))
    return str(SMTP.fold(*SMTP.header_store_parse("From", address)))


@lru_cache(maxsize=256)
def _text_header(name: str, value: str) -> str:
    """Raises ValueError for a line break."""
    return str(SMTP.fold(*SMTP.header_store_parse(name, value)))
