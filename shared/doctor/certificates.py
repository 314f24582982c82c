"""How long the certificates of servers are still good, as a client of theirs sees it."""

import smtplib
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from shared.doctor.findings import Finding, Level, well

_WARNING_DAYS, _CRITICAL_DAYS = 21, 7
_TIMEOUT = 10
_RENEW = "Renew it; where that is automatic, look at the log of what should have."


def of_tls(
    check: str, host: str, port: int, *, ca: Path | None = None, at: tuple[str, int] | None = None
) -> Finding:
    """`ca` is a file with the house's own authority; `at` is where to connect, for the certificate of `host`."""
    where = f"{host}:{port}" + (f" at {at[0]}:{at[1]}" if at else "")
    try:
        context = _context(ca)
        with (
            socket.create_connection(at or (host, port), _TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as sealed,
        ):
            return _judged(check, where, sealed)
    except (OSError, ValueError) as error:
        return _broken(check, where, error)


def of_started_tls(check: str, client: smtplib.SMTP, host: str, *, ca: Path | None = None) -> Finding:
    """On a connection to a mail server that has said hello."""
    where = f"{host}:{client.sock.getpeername()[1] if client.sock else 0}"
    try:
        client._host = host  # type: ignore[attr-defined]
        client.starttls(context=_context(ca))
        assert isinstance(client.sock, ssl.SSLSocket)
        return _judged(check, where, client.sock)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        return _broken(check, where, error)


def of_uri(check: str, uri: str) -> Finding:
    """Of an `amqp(s)://` or `mongodb://` address, with the certificate authority that it names."""
    parts = urlsplit(uri)
    options = parse_qs(parts.query)
    # Of several members the first stands for all.
    first = urlsplit(f"//{parts.netloc.rpartition('@')[2].split(',')[0]}")
    encrypted = parts.scheme == "amqps" or "true" in options.get("tls", options.get("ssl", []))
    host, port = first.hostname or "", first.port or (5671 if parts.scheme == "amqps" else 27017)
    if not encrypted:
        return _plain(check, host)
    named = options.get("cafile", options.get("tlsCAFile", [""]))[0]
    return of_tls(check, host, port, ca=Path(named) if named else None)


def _plain(check: str, host: str) -> Finding:
    if host in ("localhost", "::1") or host.startswith("127."):
        return well(check, "no TLS, on this machine alone")
    do = "Where anybody else is on that network, let the address say TLS (docs/operations.md)."
    return Finding(check, Level.OK, f"no TLS to {host}", do)


def _context(ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca) if ca else None)


def _judged(check: str, where: str, sealed: ssl.SSLSocket) -> Finding:
    certificate = sealed.getpeercert() or {}
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (until - datetime.now(UTC)).days
    said = f"the certificate of {where} is good for {days} days"
    if days >= _WARNING_DAYS:
        return well(check, said)
    return Finding(check, Level.CRITICAL if days < _CRITICAL_DAYS else Level.WARNING, said, _RENEW)


def _broken(check: str, where: str, error: Exception) -> Finding:
    reason = getattr(error, "verify_message", "") or str(error) or type(error).__name__
    do = (
        _RENEW
        if isinstance(error, ssl.SSLCertVerificationError)
        else "Look whether the server runs, and how to reach it."
    )
    return Finding(check, Level.CRITICAL, f"no TLS with {where}: {reason}", do)
