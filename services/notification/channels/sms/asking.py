"""One question to a gateway over HTTP, and what it is where no answer comes."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import httpx

from services.notification.channels import TemporaryFailure, Unavailable
from services.notification.channels.sms.answers import pause_asked


def client_for(url: httpx.URL, *, timeout: timedelta) -> httpx.AsyncClient:
    """`timeout` is for one message. Certificates are always verified, against the system's list."""
    seconds = timeout.total_seconds()
    return httpx.AsyncClient(
        # Whoever cannot be reached is known before the whole send times out.
        timeout=httpx.Timeout(seconds, connect=seconds / 2),
        # As many connections as there are sends at once.
        limits=httpx.Limits(),
        verify=ssl.create_default_context(),
        # A proxy of the environment would carry plain http off this machine.
        trust_env=url.scheme == "https",
    )


async def ask(client: httpx.AsyncClient, method: str, url: httpx.URL, **content: Any) -> httpx.Response:
    """Raises Unavailable where nothing can have been taken over, TemporaryFailure where nobody knows."""
    try:
        return await client.request(method, url, **content)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise Unavailable(type(error).__name__) from error
    except httpx.TimeoutException as error:
        raise TemporaryFailure("timeout") from error
    except httpx.HTTPError as error:
        raise TemporaryFailure(type(error).__name__) from error


def retry_after(answer: httpx.Response) -> timedelta | None:
    return pause_asked(answer.headers.get("Retry-After"), now=datetime.now(UTC))


def gateway_address(address: str, *, secret: str) -> httpx.URL:
    """Raises ValueError unless it is https, or http on this machine. `secret` says where a password belongs."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise ValueError("is no valid address") from error
    if not url.host:
        raise ValueError("names no host")
    if url.userinfo:
        raise ValueError(f"holds a password; it belongs into {secret}")
    if url.scheme not in ("http", "https"):
        raise ValueError("must be https")
    if url.scheme == "http" and not _is_this_machine(url.host):
        raise ValueError("must be https: plain http is for a gateway on this machine only")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
