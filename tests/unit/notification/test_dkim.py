"""What receivers do with our signatures: each mail's holds, and nothing can be changed or added."""

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from services.notification.channels.email.dkim import DkimKey
from services.notification.channels.email.mime import Mail, build
from tests.unit.notification.builders import NOW, SENDER
from tests.unit.notification.dkim import verified
from tests.unit.notification.test_mime import a_mail

DOMAIN = "amt.example"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()

# RFC 8463, appendix A.3, its Ed25519 signature.
SAMPLE = (
    b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    b" d=football.example.com; i=@football.example.com;\r\n"
    b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    b" subject : date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    b" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    b"From: Joe SixPack <joe@football.example.com>\r\n"
    b"To: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    b"\r\n"
    b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
)
SAMPLE_DNS = {
    "brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; "
    "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
}


def pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def dns(key: PrivateKeyTypes) -> dict[str, str]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        kind, public = "ed25519", key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        assert isinstance(key, rsa.RSAPrivateKey)
        kind, public = "rsa", key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {f"k1._domainkey.{DOMAIN}": f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"}


def signed(mail: Mail, key: PrivateKeyTypes = RSA) -> bytes:
    signer = DkimKey(selector="k1", domain=DOMAIN, pem=pem(key))
    return signer.signed(build(mail, sender=SENDER, now=NOW), now=NOW)


def test_the_receiver_verifies_what_others_sign() -> None:
    assert verified(SAMPLE, SAMPLE_DNS)
    assert not verified(SAMPLE.replace(b"hungry", b"thirsty"), SAMPLE_DNS)


@pytest.mark.parametrize("key", [RSA, ED25519])
@pytest.mark.parametrize(
    "mail",
    [
        a_mail(),
        a_mail(text="Zeile  mit \t Raum \n\n\n", html="<p>\t</p>\n\n\n"),
        a_mail(calendar=b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", method="REQUEST", subject="Ä" * 200),
        a_mail(unsubscribe="https://amt.example/manage/1?secret=x", one_click=True, to="jürgen@example.org"),
    ],
)
def test_every_mails_signature_holds(mail: Mail, key: PrivateKeyTypes) -> None:
    assert verified(signed(mail, key), dns(key))


@pytest.mark.parametrize(
    "change",
    [
        lambda mail: mail.replace(b"Guten Tag", b"Guten Abend", 1),
        lambda mail: mail.replace(b"someone@example.org", b"somebody@example.org", 1),
        lambda mail: mail.replace(b"From: ", b"From: evil@example.org\r\nFrom: ", 1),
        lambda mail: mail.replace(b"\r\n\r\n", b"\r\nSubject: Hallo\r\n\r\n", 1),
        lambda mail: mail + b"more\r\n",
        lambda mail: mail.replace(b"One-Click", b"Two-Click", 1),
    ],
)
def test_whatever_is_changed_breaks_the_signature(change: Callable[[bytes], bytes]) -> None:
    """Seen to fail, for what is added, where each header is named once."""
    mail = signed(a_mail(unsubscribe="https://amt.example/manage/1?secret=x", one_click=True))
    changed = change(mail)
    assert changed != mail
    assert verified(mail, dns(RSA))
    assert not verified(changed, dns(RSA))


def test_space_that_servers_change_breaks_nothing() -> None:
    mail = signed(a_mail(subject="Ihr Termin")).replace(b"Subject: Ihr Termin", b"subject:  Ihr\r\n  Termin ")
    assert verified(mail + b"\r\n\r\n", dns(RSA))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "1024 bits"),  # noqa: S505
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
    ],
)
def test_a_key_that_receivers_do_not_accept_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DkimKey(selector="k1", domain=DOMAIN, pem=text)
