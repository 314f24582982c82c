"""The mail channel against a real SMTP server."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notification.channels import PermanentFailure, TemporaryFailure, Unavailable
from services.notification.channels.email import EmailChannel, SmtpServer
from services.notification.channels.email.dkim import DkimKey
from services.notification.channels.email.mime import Mail
from tests.integration.notification.mailbox import Mailbox
from tests.unit.notification.builders import NOW, SENDER
from tests.unit.notification.dkim import verified
from tests.unit.notification.test_dkim import DOMAIN, RSA, dns, pem
from tests.unit.notification.test_mime import a_mail

pytestmark = pytest.mark.anyio


def a_server(mailbox: Mailbox, **changes: Any) -> SmtpServer:
    return replace(SmtpServer(host="127.0.0.1", port=mailbox.port, tls="none", helo="test.example"), **changes)


def a_channel(mailbox: Mailbox, *, timeout: float = 5, **server: Any) -> EmailChannel:
    return EmailChannel(a_server(mailbox, **server), sender=SENDER, timeout=timedelta(seconds=timeout))


@pytest.fixture
async def channel(mailbox: Mailbox) -> AsyncIterator[EmailChannel]:
    open_channel = a_channel(mailbox)
    yield open_channel
    await open_channel.close()


async def send(channel: EmailChannel, **mail: Any) -> None:
    message: Mail = a_mail(**mail)
    await channel.send(message, now=NOW)


async def test_one_connection_carries_many_mails(channel: EmailChannel, mailbox: Mailbox) -> None:
    for _ in range(10):
        await send(channel)
    assert len(mailbox.mails) == 10
    # The library says EHLO once per connection, and we once more to learn what the server can do.
    assert mailbox.connections <= 2


async def test_refusals_leave_the_connection_usable(channel: EmailChannel, mailbox: Mailbox) -> None:
    mailbox.refusals["gone@example.org"] = ["550 5.1.1 gone@example.org is unknown"]
    mailbox.refusals["later@example.org"] = ["451 4.3.0 try later"]
    with pytest.raises(PermanentFailure, match=r"^SMTP 550 5\.1\.1$"):
        await send(channel, to="gone@example.org")
    with pytest.raises(TemporaryFailure, match=r"^SMTP 451 4\.3\.0$"):
        await send(channel, to="later@example.org")
    await send(channel)
    assert mailbox.recipients == ["someone@example.org"]
    assert mailbox.connections <= 2


async def test_a_closing_connection_is_replaced_at_once(channel: EmailChannel, mailbox: Mailbox) -> None:
    await send(channel)
    mailbox.greetings = ["421 4.4.2 idle for too long"]
    await send(channel)
    assert len(mailbox.mails) == 2


async def test_a_restarted_server_costs_no_failure(channel: EmailChannel, mailbox: Mailbox) -> None:
    await send(channel)
    mailbox.close()
    mailbox.open()
    await send(channel)
    assert len(mailbox.mails) == 2


async def test_a_refused_sender_is_not_the_recipients_fault(channel: EmailChannel, mailbox: Mailbox) -> None:
    mailbox.greetings = ["550 5.7.1 not your domain"]
    with pytest.raises(Unavailable, match=r"^SMTP 550 5\.7\.1$"):
        await send(channel)


async def test_a_closed_port_is_unavailable(channel: EmailChannel, mailbox: Mailbox) -> None:
    mailbox.close()
    with pytest.raises(Unavailable):
        await send(channel)


async def test_every_send_ends_in_time(mailbox: Mailbox) -> None:
    channel = a_channel(mailbox, timeout=0.3)
    mailbox.held = True
    with pytest.raises(TemporaryFailure, match="timeout"):
        await send(channel)
    mailbox.held = False
    await send(channel)
    await channel.close()


@pytest.mark.parametrize("to", ["a@example.org\r\nBcc: b@example.org", "a@example.org, b@example.org", "<x>", ""])
async def test_what_is_no_address_never_reaches_the_server(
    channel: EmailChannel, mailbox: Mailbox, to: str
) -> None:
    with pytest.raises(PermanentFailure):
        await send(channel, to=to)
    assert mailbox.connections == 0


async def test_addresses_of_any_script_are_reached(channel: EmailChannel, mailbox: Mailbox) -> None:
    await send(channel, to="jürgen@example.org")
    await send(channel, to="info@zürich.example")
    assert mailbox.recipients == ["jürgen@example.org", "info@xn--zrich-kva.example"]


async def test_only_a_known_authority_is_trusted(starttls: ssl.SSLContext, certificate: Path) -> None:
    with Mailbox(tls=starttls) as mailbox:
        stranger = a_channel(mailbox, tls="starttls")
        with pytest.raises(Unavailable):
            await send(stranger)
        trusted = a_channel(mailbox, tls="starttls", ca=certificate)
        await send(trusted)
        await trusted.close()
        assert len(mailbox.mails) == 1


async def test_a_server_without_encryption_is_refused(mailbox: Mailbox) -> None:
    channel = a_channel(mailbox, tls="starttls")
    with pytest.raises(Unavailable):
        await send(channel)
    assert mailbox.mails == []


async def test_tls_from_the_first_byte_is_verified_too(starttls: ssl.SSLContext, certificate: Path) -> None:
    with Mailbox(tls=starttls, at_once=True) as mailbox:
        with pytest.raises(Unavailable):
            await send(a_channel(mailbox, tls="tls"))
        trusted = a_channel(mailbox, tls="tls", ca=certificate)
        for _ in range(3):
            await send(trusted)
        await trusted.close()
        assert (len(mailbox.mails), mailbox.connections) == (3, 1)


async def test_an_encrypted_connection_is_used_again(starttls: ssl.SSLContext, certificate: Path) -> None:
    with Mailbox(tls=starttls) as mailbox:
        channel = a_channel(mailbox, tls="starttls", ca=certificate)
        for _ in range(3):
            await send(channel)
        await channel.close()
        # The server is greeted once in the clear and once encrypted.
        assert (len(mailbox.mails), mailbox.connections) == (3, 2)


@pytest.mark.parametrize(
    ("template", "envelope"),
    [
        (None, SENDER),
        ("bounces@amt.example", "bounces@amt.example"),
        ("b+{delivery}@amt.example", "b+0192aaaa1.confirmation@amt.example"),
    ],
)
async def test_bounces_go_where_the_return_path_says(
    mailbox: Mailbox, template: str | None, envelope: str
) -> None:
    channel = EmailChannel(a_server(mailbox), sender=SENDER, timeout=timedelta(seconds=5), return_path=template)
    await send(channel)
    await channel.close()
    assert mailbox.senders == [envelope]
    assert SENDER in mailbox.mails[0]["From"]


@pytest.mark.parametrize("to", ["someone@example.org", "jürgen@example.org"])
async def test_a_signature_survives_the_journey(mailbox: Mailbox, to: str) -> None:
    key = DkimKey(selector="k1", domain=DOMAIN, pem=pem(RSA))
    channel = EmailChannel(a_server(mailbox), sender=SENDER, timeout=timedelta(seconds=5), sign=key.signed)
    # A line that begins with a point is sent with two.
    await send(channel, to=to, text="Zeile\n.\n..\n. \n\n\nEnde  \n\n")
    await channel.close()
    assert verified(mailbox.raw[0], dns(RSA))
