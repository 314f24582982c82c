"""Whether mail and text messages can leave, and contacts be opened: connections are made, nothing is sent."""

import os
import smtplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from services.notification.channels.sms import WrongSms
from services.notification.opening import Opener
from services.notification.settings import Settings
from services.notification.storage import Known
from shared.doctor import certificates
from shared.doctor.findings import Finding, Level, well
from shared.doctor.sealed import Stored, openable
from shared.mongo import connect, database
from shared.sealing import PrivateKeys
from shared.setup import CONTACT_PRIVATE_KEYS

_TIMEOUT = 10
# Of contacts whose key has not come yet.
_PASSED_OVER = 20
_LOOK = "Look at NOTIFICATION_SMTP_HOST and _PORT, at the way there, and ask the mail administrators."


def examine() -> Iterator[Finding]:
    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(sorted(f"NOTIFICATION_{'_'.join(map(str, e['loc'])).upper()}" for e in error.errors()))
        do = "Set them here as they are for the service, or put them among the secrets."
        yield Finding("mail", Level.UNKNOWN, f"missing or wrong: {names}", do)
        return
    yield from _mail(settings)
    yield from _sms(settings)
    then = "run `amtstermin setup secrets`, and restart notification and booking"
    yield openable("contacts", _opened(settings), secret=CONTACT_PRIVATE_KEYS, then=then)


def _mail(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        with _client(settings) as client:
            client.ehlo()
            yield well("mail", f"{where} says hello")
            if settings.smtp_tls == "starttls":
                host = settings.smtp_host
                yield certificates.of_started_tls("mail_tls", client, host, ca=settings.smtp_ca)
    except (OSError, smtplib.SMTPException) as error:
        yield Finding("mail", Level.CRITICAL, f"{where} does not say hello: {error!s:.120}", _LOOK)
        return
    if settings.smtp_tls == "tls":
        yield certificates.of_tls("mail_tls", settings.smtp_host, settings.smtp_port, ca=settings.smtp_ca)


def _client(settings: Settings) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_tls != "tls":
        return smtplib.SMTP(host, port, timeout=_TIMEOUT)
    ca = str(settings.smtp_ca) if settings.smtp_ca else None
    context = ssl.create_default_context(cafile=ca)
    return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=context)


def _sms(settings: Settings) -> Iterator[Finding]:
    try:
        gateways = settings.sms_gateways
    except WrongSms as error:
        yield Finding("sms", Level.CRITICAL, str(error), "Mend NOTIFICATION_SMS or its file of providers.")
        return
    if not gateways:
        yield well("sms", "no provider is configured")
    for gateway in gateways:
        yield _gateway(f"sms_{gateway.name}", str(getattr(gateway, "url", "") or ""), settings)


def _gateway(check: str, url: str, settings: Settings) -> Finding:
    if settings.sms.startswith("file:"):
        return _file(check, Path(settings.sms.removeprefix("file:")))
    parts = urlsplit(url)
    if not parts.hostname:
        return Finding(check, Level.OK, "its address is its library's business, and not tried")
    if parts.scheme == "https":
        return certificates.of_tls(check, parts.hostname, parts.port or 443)
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), _TIMEOUT):
            return well(check, f"{parts.hostname} takes connections")
    except OSError as error:
        do = "Ask the provider, and look at the way there."
        return Finding(check, Level.CRITICAL, f"{parts.hostname} takes no connection: {error!s:.120}", do)


def _file(check: str, path: Path) -> Finding:
    if os.access(path if path.exists() else path.parent, os.W_OK):
        return Finding(check, Level.OK, f"text messages go into {path}, to nobody")
    return Finding(check, Level.CRITICAL, f"{path} cannot be written", "Look at NOTIFICATION_SMS and that folder.")


async def _opened(settings: Settings) -> Stored:
    """The newest contact is as booking seals now, the oldest as it did."""
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    try:
        opener = Opener(PrivateKeys.read(settings.contact_private_keys))
        known = Known(database(client, settings), keys=keys_client[settings.keys_database])
        ends = await known.ends(most=_PASSED_OVER)
        for contact in [found[0] for found in ends if found]:
            opener.open(contact)
        if any(ends):
            return Stored.OPENS
        return Stored.WITHOUT_KEYS if await known.any_contact() else Stored.NOTHING
    finally:
        client.close()
        keys_client.close()
