"""Mails as bytes: readable by any program, and nothing in them can become a header."""

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest

from services.notification.channels.email.mime import (
    Mail,
    build,
    is_plain_address,
    message_id,
    recipient,
    return_path,
)
from tests.unit.notification.builders import NOW, SENDER

EVIL = "\r\nBcc: victim@example.org\r\n\r\n<b>evil</b>"
LONG_LINE = "wörter " * 200


def a_mail(**changes: Any) -> Mail:
    values: dict[str, Any] = {
        "reference": "0192aaaa-1:confirmation:email",
        "to": "someone@example.org",
        "sender_name": "Landratsamt Zollernalbkreis, Terminvergabe",
        "language": "de",
        "subject": "Ihr Termin ist bestätigt",
        "text": "Guten Tag,\n\nhier ist Ihr Termin.\n",
        "html": "<p>Guten Tag</p>\n",
    }
    return Mail(**{**values, **changes})


def parsed(mail: Mail, *, now: datetime = NOW) -> EmailMessage:
    raw = build(mail, sender=SENDER, now=now)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    message = BytesParser(policy=policy.default).parsebytes(raw)
    assert not message.defects
    return message


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_headers_say_who_what_and_that_it_is_automatic() -> None:
    message = parsed(a_mail())
    assert message["From"] == '"Landratsamt Zollernalbkreis, Terminvergabe" <termine@amt.example>'
    assert message["To"] == "someone@example.org"
    assert message["Subject"] == "Ihr Termin ist bestätigt"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "de"
    assert message["Date"].datetime == NOW


def test_message_id_is_the_same_for_every_attempt() -> None:
    first, second = parsed(a_mail()), parsed(a_mail(), now=datetime(2026, 11, 23, tzinfo=UTC))
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"] == "<0192aaaa-1.confirmation.email@amt.example>"
    assert message_id("a>\r\nX: y", SENDER) == "<a...X..y@amt.example>"


def test_text_and_html_come_back_unchanged() -> None:
    odd = f"Ünïcödé 🙂 \u202eRTL\u202c\n.\n..dots\nFrom the start\n{LONG_LINE}\nkönnen = wollen\ttrailing \n"
    message = parsed(a_mail(text=odd, html=f"<p>{odd}</p>\n"))
    assert text_of(message, "plain") == odd
    assert text_of(message, "html") == f"<p>{odd}</p>\n"
    assert message.get_content_type() == "multipart/alternative"


def test_calendar_is_inline_and_attached() -> None:
    calendar = "BEGIN:VCALENDAR\r\nSUMMARY:Termin für Sie\r\nEND:VCALENDAR\r\n".encode()
    message = parsed(a_mail(calendar=calendar, method="REQUEST"))
    assert message.get_content_type() == "multipart/mixed"
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]
    inline, attached = (p for p in message.walk() if p.get_content_type() in ("text/calendar", "application/ics"))
    assert inline.get_param("method") == "REQUEST"
    assert attached.get_filename() == "termin.ics"
    for part in (inline, attached):
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert content == calendar


def test_bodies_cannot_end_their_part() -> None:
    forged = "--=_alternative_=--\r\n\r\n--=_mixed_=\r\nContent-Type: text/html\r\n\r\nevil"
    message = parsed(a_mail(text=forged, calendar=b"BEGIN:VCALENDAR\r\n", method="CANCEL"))
    assert len([part for part in message.walk() if not part.is_multipart()]) == 4
    assert "evil" in text_of(message, "plain")


@pytest.mark.parametrize("field", ["subject", "to"])
def test_line_breaks_in_headers_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build(a_mail(**{field: "someone@example.org" + EVIL}), sender=SENDER, now=NOW)


@pytest.mark.parametrize("field", ["sender_name", "reference", "language"])
def test_line_breaks_elsewhere_become_harmless(field: str) -> None:
    message = parsed(a_mail(**{field: "x" + EVIL}))
    assert message["Bcc"] is None
    assert "evil" not in text_of(message, "plain")


@pytest.mark.parametrize("name", ["🙂 Amt", "\u202eAmt\u202c", 'Amt "für" <alles>', "A" * 300, "ديوان"])
def test_any_sender_name_is_encoded(name: str) -> None:
    message = parsed(a_mail(sender_name=name))
    address = message["From"].addresses[0]
    assert address.addr_spec == SENDER
    assert address.display_name == name


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("someone@example.org", True),
        ("first.last+tag@sub.example.org", True),
        ("o'neill@example.org", True),
        ("root@localhost", True),
        ("two@at@example.org", False),
        ("a@example.org, b@example.org", False),
        ("Name <a@example.org>", False),
        ("a@example.org\r\nBcc: b@example.org", False),
        ("a@example.org\n", False),
        ("ünï@example.org", False),
        ("a" * 250 + "@example.org", False),
        ("", False),
    ],
)
def test_only_plain_addresses_pass_unparsed(address: str, plain: bool) -> None:
    assert is_plain_address(address) is plain


@pytest.mark.parametrize("address", ["Name <a@example.org>", "a@example.org, b@example.org", "nobody", "@", ""])
def test_what_is_no_single_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build(a_mail(to=address), sender=SENDER, now=NOW)


def test_an_address_outside_ascii_is_kept_as_it_is() -> None:
    raw = build(a_mail(to="jürgen@example.org"), sender=SENDER, now=NOW)
    assert "To: jürgen@example.org\r\n".encode() in raw


def test_an_international_domain_becomes_ascii() -> None:
    assert recipient("info@zürich.example") == "info@xn--zrich-kva.example"
    assert parsed(a_mail(to="info@zürich.example"))["To"] == "info@xn--zrich-kva.example"


def test_only_what_nobody_needs_can_be_ended() -> None:
    assert parsed(a_mail())["List-Unsubscribe"] is None
    message = parsed(a_mail(unsubscribe="https://termine.example/manage/1?secret=abc", one_click=True))
    assert message["List-Unsubscribe"] == "<https://termine.example/manage/1?secret=abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    message = parsed(a_mail(unsubscribe="https://termine.example/manage/1?secret=abc"))
    assert message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    "link", [f"https://x{EVIL}", "https://x y", "https://x>", "javascript:alert(1)", "https://ü"]
)
def test_a_link_that_is_none_ends_nothing(link: str) -> None:
    message = parsed(a_mail(unsubscribe=link, one_click=True))
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None
    assert message["Bcc"] is None


def test_plain_http_is_no_one_click() -> None:
    assert parsed(a_mail(unsubscribe="http://127.0.0.1/x", one_click=True))["List-Unsubscribe-Post"] is None


def test_the_return_path_names_the_mail() -> None:
    longest = "0192aaaa-0000-7000-8000-000000000001:office_cancellation:email"
    path = return_path("bounces+{delivery}@amt.example", longest)
    assert path == "bounces+0192aaaa000070008000000000000001.office_cancellation@amt.example"
    assert is_plain_address(path)
    assert path.index("@") <= 64
    assert return_path("bounces@amt.example", longest) == "bounces@amt.example"
