"""Whether citizens reach booking by an address with a certificate that is good for a while."""

from collections.abc import Iterator
from ipaddress import ip_address

from pydantic import ValidationError

from services.booking.settings import Settings
from shared.doctor import certificates
from shared.doctor.findings import Finding, Level, well


def examine() -> Iterator[Finding]:
    try:
        url = Settings().public_url
    except ValidationError as error:
        names = ", ".join(sorted(f"BOOKING_{'_'.join(map(str, e['loc'])).upper()}" for e in error.errors()))
        do = "Set them here as they are for the service, or put them among the secrets."
        yield Finding("https", Level.UNKNOWN, f"missing or wrong: {names}", do)
        return
    host = url.host or ""
    if url.scheme == "https":
        yield certificates.of_tls("https", host, url.port or 443)
    elif _is_here(host):
        yield well("https", f"{url} is this machine alone")
    else:
        do = "Put a proxy with TLS before booking, and set BOOKING_PUBLIC_URL to https://…"
        yield Finding("https", Level.CRITICAL, f"citizens' names travel in the clear to {url}", do)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
