"""Which letters are about a mail of ours, what they say, and which are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.arrivals import Report, Told
from services.notification.channels.email.dsn import report_in
from services.notification.channels.email.mime import message_id, return_path
from services.notification.domain import Channel, delivery_id
from services.notification.purposes import Purpose
from tests.unit.notification import bounce_letters as letters
from tests.unit.notification.bounce_letters import DELIVERY, EVENT, VERP


@pytest.mark.parametrize(
    ("letter", "status"),
    [
        (letters.postfix(), "5.1.1"),
        (letters.postfix(returned="text/rfc822-headers"), "5.1.1"),
        (letters.postfix(message_id="<other@example.org>", to=VERP), "5.1.1"),
        (letters.exim(), "5.0.0"),
        (letters.exim(to=VERP, message_id="<other@example.org>"), "5.0.0"),
        (letters.exchange(), "5.1.10"),
        (letters.encoded(), "5.2.1"),
        # Given up after days.
        (letters.postfix(status="4.4.1"), "4.4.1"),
    ],
)
def test_each_servers_bounce_is_understood(letter: bytes, status: str) -> None:
    expected = Report(by="mailbox", told=Told.FAILED, delivery=DELIVERY, error=f"bounce {status}")
    assert report_in(letter) == expected
    assert report_in(letter.replace(b"\r\n", b"\n")) == expected


def test_a_delay_is_no_end() -> None:
    report = report_in(letters.postfix(action="delayed", status="4.4.1"))
    assert report == Report(by="mailbox", told=Told.DELAYED, delivery=DELIVERY)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "", "Failure"])
def test_other_actions_say_nothing(action: str) -> None:
    assert report_in(letters.postfix(action=action, status="2.0.0")) is None


def test_the_worst_of_several_recipients_counts() -> None:
    more = b"\r\n\r\nFinal-Recipient: rfc822; other@example.org\r\nAction: delayed\r\nStatus: 4.2.2\r\n\r\n--4F"
    letter = letters.postfix().replace(b"rejected\r\n\r\n--4F", b"rejected" + more)
    report = report_in(letter)
    assert report
    assert (report.told, report.error) == (Told.FAILED, "bounce 5.1.1")


@pytest.mark.parametrize(
    "letter",
    [
        letters.from_a_person(),
        letters.from_a_person(text=letters.postfix().decode()),
        letters.out_of_office(),
        letters.read_receipt(),
        letters.forwarded(),
        letters.postfix(message_id="<other@example.org>"),
        letters.postfix(message_id=f"<{EVENT}.no_such_purpose.email@amt.example>"),
        letters.postfix(message_id=f"<{EVENT}.confirmation.sms@amt.example>"),
        letters.postfix(message_id="<confirmation.email@amt.example>"),
        b"",
        b"\x00\xff" * 50,
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n",
    ],
)
def test_what_is_no_bounce_of_ours_says_nothing(letter: bytes) -> None:
    assert report_in(letter) is None


@pytest.mark.parametrize("purpose", list(Purpose))
def test_every_mail_of_ours_is_found_again(purpose: Purpose) -> None:
    delivery = delivery_id(EVENT, purpose, Channel.EMAIL)
    by_id = report_in(letters.postfix(message_id=message_id(delivery, "termine@amt.example")))
    path = return_path("b+{delivery}@amt.example", delivery)
    by_path = report_in(letters.postfix(message_id="<x@y>", to=path))
    assert by_id
    assert by_path
    assert by_id.delivery == by_path.delivery == delivery


@given(st.binary(max_size=300), st.integers(0, 3000))
def test_broken_letters_break_nothing(noise: bytes, at: int) -> None:
    letter = letters.exchange()
    report_in(letter[:at] + noise + letter[at:])
    report_in(letter[:at])


def test_nothing_of_the_letter_but_its_code_is_kept() -> None:
    report = report_in(letters.exchange())
    assert "gone" not in repr(report)
    assert "RESOLVER" not in repr(report)
