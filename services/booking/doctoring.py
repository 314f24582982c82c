"""Whether citizens reach booking by an address with a good certificate, and erasures find their journal."""

import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from pydantic import HttpUrl, ValidationError

from services.booking.settings import Settings
from shared import erasure_journal
from shared.doctor import certificates
from shared.doctor.findings import Finding, Level, well
from shared.setup import Trouble


def examine() -> Iterator[Finding]:
    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(sorted(f"BOOKING_{'_'.join(map(str, e['loc'])).upper()}" for e in error.errors()))
        do = "Set them here as they are for the service, or put them among the secrets."
        yield Finding("https", Level.UNKNOWN, f"missing or wrong: {names}", do)
        return
    yield _https(settings.public_url)
    yield _journal(settings.erasure_journal)


def _https(url: HttpUrl) -> Finding:
    host = url.host or ""
    if url.scheme == "https":
        return certificates.of_tls("https", host, url.port or 443)
    if _is_here(host):
        return well("https", f"{url} is this machine alone")
    do = "Put a proxy with TLS before booking, and set BOOKING_PUBLIC_URL to https://…"
    return Finding("https", Level.CRITICAL, f"citizens' names travel in the clear to {url}", do)


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
