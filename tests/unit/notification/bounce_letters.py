"""Delivery status notifications in the shapes of Postfix, Exim and Exchange, and letters that are none.

Written after RFC 3464 and what these programs send; names and addresses are invented.
"""

EVENT = "0192aaaa-0000-7000-8000-000000000001"
MESSAGE_ID = f"<{EVENT}.confirmation.email@amt.example>"
DELIVERY = f"{EVENT}:confirmation:email"
VERP = f"bounces+{EVENT.replace('-', '')}.confirmation@amt.example"


def lines(text: str) -> bytes:
    return text.lstrip("\n").replace("\n", "\r\n").encode()


def postfix(
    *,
    to: str = "bounces@amt.example",
    action: str = "failed",
    status: str = "5.1.1",
    message_id: str = MESSAGE_ID,
    returned: str = "message/rfc822",
) -> bytes:
    return lines(f"""
Return-Path: <>
Received: by mail.amt.example (Postfix)
\tid 4F1A2B3C; Tue,  1 Dec 2026 10:00:03 +0100 (CET)
Date: Tue,  1 Dec 2026 10:00:03 +0100 (CET)
From: MAILER-DAEMON@mail.amt.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F1A2B3C.1796115603/mail.amt.example"
Message-Id: <20261201090003.4F1A2B3C@mail.amt.example>

This is a MIME-encapsulated message.

--4F1A2B3C.1796115603/mail.amt.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<gone@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1
    <gone@example.org>: Recipient address rejected (in reply to RCPT TO command)

--4F1A2B3C.1796115603/mail.amt.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.amt.example
X-Postfix-Queue-ID: 4F1A2B3C
X-Postfix-Sender: rfc822; bounces@amt.example
Arrival-Date: Tue,  1 Dec 2026 10:00:01 +0100 (CET)

Final-Recipient: rfc822; gone@example.org
Original-Recipient: rfc822;gone@example.org
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <gone@example.org>: Recipient address rejected

--4F1A2B3C.1796115603/mail.amt.example
Content-Description: Undelivered Message
Content-Type: {returned}

Return-Path: <bounces@amt.example>
From: "Landratsamt" <termine@amt.example>
To: gone@example.org
Subject: Ihr Termin
Message-ID: {message_id}

Guten Tag

--4F1A2B3C.1796115603/mail.amt.example--
""")


def exim(*, to: str = "bounces@amt.example", message_id: str = MESSAGE_ID) -> bytes:
    """Status 5.0.0 whatever the cause; the mail's id also in References."""
    return lines(f"""
Return-path: <>
Envelope-to: {to}
Delivery-date: Tue, 01 Dec 2026 10:00:02 +0100
Received: from Debian-exim by relay.example.net with local (Exim 4.96)
\tid 1rAbCd-0001Xy-2z
\tfor {to};
\tTue, 01 Dec 2026 10:00:02 +0100
X-Failed-Recipients: gone@example.org
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@relay.example.net>
To: {to}
References: {message_id}
Content-Type: multipart/report; report-type=delivery-status; boundary=1796115602-eximdsn-1804289383
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1rAbCd-0001Xy-2z@relay.example.net>
Date: Tue, 01 Dec 2026 10:00:02 +0100

--1796115602-eximdsn-1804289383
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

  gone@example.org
    Unrouteable address

--1796115602-eximdsn-1804289383
Content-type: message/delivery-status

Reporting-MTA: dns; relay.example.net

Action: failed
Final-Recipient: rfc822;gone@example.org
Status: 5.0.0

--1796115602-eximdsn-1804289383
Content-type: message/rfc822

Return-path: <bounces@amt.example>
Message-ID: {message_id}
From: "Landratsamt" <termine@amt.example>
Subject: Ihr Termin

Guten Tag

--1796115602-eximdsn-1804289383--
""")


def exchange(*, to: str = "bounces@amt.example", message_id: str = MESSAGE_ID) -> bytes:
    """HTML inside multipart/alternative, headers only, a field of its own in the status."""
    return lines(f"""
From: <postmaster@example.org>
To: <{to}>
Date: Tue, 1 Dec 2026 09:00:02 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="_7b1f6f3e-0f5a-4f3e-9a39-000000000000_"
Content-Language: de-DE
Message-ID: <2c5f7c1e@EX01.example.org>
In-Reply-To: {message_id}
References: {message_id}
Subject: Unzustellbar: Ihr Termin
Auto-Submitted: auto-replied
MIME-Version: 1.0

--_7b1f6f3e-0f5a-4f3e-9a39-000000000000_
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="_alt_"

--_alt_
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Fehler bei der Nachrichtenzustellung an folgende Empf=E4nger.

--_alt_
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<html><body>Fehler</body></html>

--_alt_--

--_7b1f6f3e-0f5a-4f3e-9a39-000000000000_
Content-Type: message/delivery-status

Reporting-MTA: dns;EX01.example.org
Received-From-MTA: dns;mail.amt.example
Arrival-Date: Tue, 1 Dec 2026 09:00:01 +0000

Final-Recipient: rfc822;gone@example.org
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found
X-Display-Name: gone@example.org

--_7b1f6f3e-0f5a-4f3e-9a39-000000000000_
Content-Type: text/rfc822-headers

Received: from mail.amt.example (192.0.2.7) by EX01.example.org
From: Landratsamt <termine@amt.example>
To: gone@example.org
Subject: Ihr Termin
Message-ID: {message_id}

--_7b1f6f3e-0f5a-4f3e-9a39-000000000000_--
""")


def encoded() -> bytes:
    """A server that encodes what RFC 3464 wants as it is."""
    return lines(f"""
From: MAILER-DAEMON@example.org
To: {VERP}
MIME-Version: 1.0
Content-Type: multipart/report;
 Report-Type="delivery-status"; boundary=b

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status
Content-Transfer-Encoding: base64

UmVwb3J0aW5nLU1UQTogZG5zOyBteC5leGFtcGxlLm9yZwoKRmluYWwtUmVjaXBpZW50OiByZmM4
MjI7IGdvbmVAZXhhbXBsZS5vcmcKQWN0aW9uOiBmYWlsZWQKU3RhdHVzOiA1LjIuMQo=
--b--
""")


def from_a_person(*, text: str = "Komme ich mit dem Bus?") -> bytes:
    return lines(f"""
From: Person <someone@example.org>
To: bounces@amt.example
Subject: Re: Ihr Termin
In-Reply-To: {MESSAGE_ID}
References: {MESSAGE_ID}
Content-Type: text/plain; charset=utf-8

{text}
""")


def out_of_office() -> bytes:
    return lines(f"""
From: Person <someone@example.org>
To: {VERP}
Subject: Automatische Antwort: Ihr Termin
Auto-Submitted: auto-replied
In-Reply-To: {MESSAGE_ID}
Content-Type: text/plain; charset=utf-8

Ich bin im Urlaub.
""")


def read_receipt() -> bytes:
    """A report, but of another kind (RFC 8098)."""
    return lines(f"""
From: someone@example.org
To: bounces@amt.example
Subject: Gelesen: Ihr Termin
In-Reply-To: {MESSAGE_ID}
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b
Content-Type: message/disposition-notification

Original-Message-ID: {MESSAGE_ID}
Disposition: manual-action/MDN-sent-manually; displayed

--b--
""")


def forwarded() -> bytes:
    """A person sends a notification on."""
    inside = postfix().decode()
    return lines(
        "From: a@example.org\nTo: bounces@amt.example\nContent-Type: multipart/mixed; boundary=q\n\n--q\n"
    ) + (f"Content-Type: message/rfc822\r\n\r\n{inside}\r\n--q--\r\n".encode())
