"""SMS by the setting NOTIFICATION_SMS: to any gateway that speaks HTTP, or into a file, for development."""

import asyncio
import json
import os
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path

import httpx
from pydantic import SecretStr

from services.notification.channels import PermanentFailure, SmsProvider, TemporaryFailure, Unavailable

_LEAST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(hours=1)

# What says nothing about this one message: our token, our account, our address of the gateway, its load.
_OUR_MATTER = frozenset({401, 402, 403, 404, 405, 407, 429, 503})
# Refused for the moment: too slow, or the same message is under way already.
_FOR_NOW = frozenset({408, 409, 425})


class FileProvider:
    """Appends each message as one JSON line `{at, to, text, reference}`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, *, to: str, text: str, reference: str) -> None:
        line = {"at": datetime.now(UTC).isoformat(), "to": to, "text": text, "reference": reference}
        try:
            await asyncio.to_thread(self._append, json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise TemporaryFailure(type(error).__name__) from error

    async def close(self) -> None:
        """Each line opens the file anew."""

    def _append(self, line: bytes) -> None:
        # One write in append mode: lines of several processes do not mix.
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)


class HttpProvider:
    """POSTs `{to, text, reference}` as JSON; any 2xx means that the gateway has taken the message over.

    A gateway that knows `Idempotency-Key` drops what it is given twice: after a timeout or a lost connection
    nobody here knows whether it has taken the message, and the next attempt repeats it.
    """

    def __init__(self, url: httpx.URL, *, token: SecretStr | None, timeout: timedelta) -> None:
        self._url = url
        seconds = timeout.total_seconds()
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token.get_secret_value()}"} if token else {},
            # Whoever cannot be reached is known before the whole send times out.
            timeout=httpx.Timeout(seconds, connect=seconds / 2),
            # As many connections as there are sends at once.
            limits=httpx.Limits(),
            verify=ssl.create_default_context(),
            # A proxy of the environment would carry plain http off this machine.
            trust_env=url.scheme == "https",
        )

    async def send(self, *, to: str, text: str, reference: str) -> None:
        message = {"to": to, "text": text, "reference": reference}
        try:
            answer = await self._client.post(self._url, json=message, headers={"Idempotency-Key": reference})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise Unavailable(type(error).__name__) from error
        except httpx.TimeoutException as error:
            raise TemporaryFailure("timeout") from error
        except httpx.HTTPError as error:
            raise TemporaryFailure(type(error).__name__) from error
        asked = answer.headers.get("Retry-After")
        failure = failure_of(answer.status_code, retry_after=pause_asked(asked, now=datetime.now(UTC)))
        if failure:
            raise failure

    async def close(self) -> None:
        await self._client.aclose()


def failure_of(status: int, *, retry_after: timedelta | None) -> TemporaryFailure | PermanentFailure | None:
    """What an HTTP status means for the message, None where it is taken over."""
    error = f"HTTP {status}"
    if 200 <= status < 300:
        return None
    if status in _OUR_MATTER or status < 400:
        return Unavailable(error, retry_after=retry_after)
    if status in _FOR_NOW or status >= 500:
        return TemporaryFailure(error, retry_after=retry_after)
    return PermanentFailure(error)


def pause_asked(value: str | None, *, now: datetime) -> timedelta | None:
    """The pause that a Retry-After header asks for, in seconds or as a date, between a second and an hour.

    None where there is none that can be read.
    """
    try:
        pause = timedelta(seconds=int(value)) if value and value.isdecimal() else _until(value or "", now)
    except ValueError:
        return None
    except OverflowError:
        return _LONGEST_PAUSE
    return min(max(pause, _LEAST_PAUSE), _LONGEST_PAUSE)


def _until(date: str, now: datetime) -> timedelta:
    """Raises ValueError where `date` is none."""
    moment = parsedate_to_datetime(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def destination(setting: str) -> Path | httpx.URL | None:
    """Where NOTIFICATION_SMS leads to: `none`, `file:<path>`, or the address of a gateway.

    Raises ValueError for anything else.
    """
    kind, _, value = setting.partition(":")
    if kind == "none":
        return None
    if kind == "file" and value:
        return Path(value)
    if kind in ("http", "https"):
        return _gateway(setting)
    raise ValueError(f"NOTIFICATION_SMS is {kind!r}; it can be 'none', 'file:<path>' or 'https://…'")


def provider(setting: str, *, token: SecretStr | None, timeout: timedelta) -> SmsProvider | None:
    """`timeout` is for one message. Raises ValueError as `destination`."""
    match destination(setting):
        case Path() as path:
            return FileProvider(path)
        case httpx.URL() as url:
            return HttpProvider(url, token=token, timeout=timeout)
    return None


def _gateway(setting: str) -> httpx.URL:
    try:
        url = httpx.URL(setting)
    except httpx.InvalidURL as error:
        raise ValueError("NOTIFICATION_SMS is no valid address") from error
    if not url.host:
        raise ValueError("NOTIFICATION_SMS names no host")
    if url.userinfo:
        raise ValueError("NOTIFICATION_SMS holds a password; it belongs into NOTIFICATION_SMS_TOKEN")
    if url.scheme == "http" and not _is_this_machine(url.host):
        raise ValueError("NOTIFICATION_SMS must be https: plain http is for a gateway on this machine only")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
