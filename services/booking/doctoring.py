"""Whether citizens reach booking by a good certificate, erasures find their journal, and names can be read."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from pydantic import HttpUrl, ValidationError

from services.booking.people import Erased, people_of
from services.booking.settings import Settings
from services.booking.storage.retention import Retained
from services.booking.tokens import Keys
from shared import erasure_journal
from shared.doctor import certificates
from shared.doctor.findings import Finding, Level, well
from shared.doctor.sealed import Stored, openable
from shared.mongo import DatabaseClock, connect, database
from shared.setup import CONTACT_KEYS, Trouble

# Of keys without a person: holds that are just being made, and what died between the two.
_PASSED_OVER = 20


def examine() -> Iterator[Finding]:
    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(sorted(f"BOOKING_{'_'.join(map(str, e['loc'])).upper()}" for e in error.errors()))
        do = "Set them here as they are for the service, or put them among the secrets."
        yield Finding("https", Level.UNKNOWN, f"missing or wrong: {names}", do)
        return
    yield _https(settings.public_url, at=settings.public_connect)
    yield _journal(settings.erasure_journal)
    yield openable("names", _opened(settings), secret=CONTACT_KEYS, then="restart booking")


def _https(url: HttpUrl, *, at: tuple[str, int] | None) -> Finding:
    host, port = url.host or "", url.port or 443
    if url.scheme == "https":
        return certificates.of_tls("https", host, port, at=at) if at or _resolves(host) else _unresolved(url)
    if _is_here(host):
        return well("https", f"{url} is this machine alone")
    do = "Put a proxy with TLS before booking, and set BOOKING_PUBLIC_URL to https://…"
    return Finding("https", Level.CRITICAL, f"citizens' names travel in the clear to {url}", do)


def _resolves(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host.strip("[]"), None))
    except socket.gaierror:
        return False


def _unresolved(url: HttpUrl) -> Finding:
    """An office's name may lead there from outside alone."""
    do = (
        f"Look from outside: `curl --head {url}`. To look from here, let BOOKING_PUBLIC_CONNECT say where the "
        "proxy with its certificate is, as proxy:8443."
    )
    return Finding("https", Level.UNKNOWN, f"nobody here knows an address of {url.host}", do)


def _journal(path: Path | None) -> Finding:
    """Booking destroys no key before the journal says so: where it cannot be written, nobody is erased."""
    if path is None:
        do = "Set BOOKING_ERASURE_JOURNAL to a file on another disk than the database's."
        return Finding(
            "journal", Level.WARNING, "after a restore nobody knows who was erased since the backup", do
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK | os.R_OK):
        do = "Bring that folder or file back, or give it to booking's user: erasures wait until then."
        return Finding("journal", Level.CRITICAL, f"{path} cannot be read and written", do)
    if path.exists() and path.stat().st_mode & 0o077:
        return Finding("journal", Level.WARNING, f"others may read or write {path}", f"chmod 600 {path}")
    try:
        erasures = sum(1 for _ in erasure_journal.read([path])) if path.exists() else 0
    except Trouble as trouble:
        do = "Somebody else wrote into it: a restore refuses it until that line is gone."
        return Finding("journal", Level.CRITICAL, str(trouble), do)
    return well("journal", f"{path} can be written and knows {erasures} erasures")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


async def _opened(settings: Settings) -> Stored:
    """The oldest too: whoever goes on with other keys has new names that open."""
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    secrets, clock = Keys.read(settings.signing_keys), DatabaseClock(client)
    retained = Retained(database(client, settings))
    try:
        people = people_of(settings, client=keys_client, secrets=secrets, clock=clock)
        ends = [await retained.persons(ids) for ids in await people.store.ends(most=_PASSED_OVER)]
        for appointment in [found[0] for found in ends if found]:
            with suppress(Erased):
                await people.open(appointment)
        if any(ends):
            return Stored.OPENS
        return Stored.WITHOUT_KEYS if await retained.any_person() else Stored.NOTHING
    finally:
        client.close()
        keys_client.close()
