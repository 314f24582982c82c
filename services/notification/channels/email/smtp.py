"""SMTP, with connections that are kept and used again."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import aiosmtplib
from pydantic import SecretStr

from services.notification.channels import PermanentFailure, TemporaryFailure, Throttled, Unavailable
from services.notification.channels.email.mime import Mail, build, recipient, return_path

# Servers close what idles, and some close a connection after a hundred mails.
_LONGEST_IDLE_S = 20.0
_MAILS_PER_CONNECTION = 100
_ENHANCED_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_TAKEN = (aiosmtplib.SMTPStatus.completed, aiosmtplib.SMTPStatus.will_forward)
# Codes and, where servers have none of their own for it, words for a sender who sends too much. 4.5.3: too many
# recipients; 4.7.28: unusual rate of mail (Gmail).
_TOO_MUCH = re.compile(r"\b4\.(5\.3|7\.28)\b|too (many|much)|rate limit|throttl", re.IGNORECASE)
# "Try again on another connection": the server ends this one before it has taken anything.
_CLOSING = 421


class Sign(Protocol):
    def __call__(self, message: bytes, *, now: datetime) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """`tls` is none, starttls or tls; certificates are always verified, against `ca` or the system's list."""

    host: str
    port: int
    tls: str
    helo: str
    username: str | None = None
    password: SecretStr | None = None
    ca: Path | None = None


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    mails: int = 0
    used_at: float = 0.0

    @property
    def usable(self) -> bool:
        fresh = time.monotonic() - self.used_at < _LONGEST_IDLE_S
        return self.client.is_connected and fresh and self.mails < _MAILS_PER_CONNECTION


class EmailChannel:
    """Opens as many connections as there are sends at once; each send ends within `timeout`."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        sender: str,
        timeout: timedelta,
        return_path: str | None = None,
        sign: Sign | None = None,
    ) -> None:
        """Bounces go to `return_path`, else to `sender`; `sign` puts a signature before the mail."""
        self._server = server
        self._sender = sender
        self._return_path = return_path or sender
        self._sign = sign
        self._timeout = timeout.total_seconds()
        self._idle: list[_Connection] = []
        self._tls = ssl.create_default_context(cafile=server.ca) if server.tls != "none" else None

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Returns once the server has taken the mail over. Raises TemporaryFailure or PermanentFailure."""
        try:
            to, message = recipient(mail.to), build(mail, sender=self._sender, now=now)
            message = self._sign(message, now=now) if self._sign else message
        except ValueError as error:
            raise PermanentFailure("not a mail address") from error
        try:
            async with asyncio.timeout(self._timeout):
                await self._transfer(to, message, back=return_path(self._return_path, mail.reference))
        except TimeoutError as error:
            raise TemporaryFailure("timeout") from error
        except aiosmtplib.SMTPException as error:
            raise _failure(error) from error
        except (OSError, ssl.SSLError) as error:
            raise Unavailable(type(error).__name__) from error

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await connection.client.quit(timeout=2)
            connection.client.close()

    async def _transfer(self, to: str, message: bytes, *, back: str) -> None:
        connection = self._take_idle()
        if connection:
            try:
                await self._begin(connection, to, back=back)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPSenderRefused) as error:
                # An idle connection that the server has closed meanwhile: nothing was handed over yet.
                if getattr(error, "code", _CLOSING) != _CLOSING:
                    raise
                connection = None
        if connection is None:
            connection = await self._connect()
            await self._begin(connection, to, back=back)
        async with self._kept(connection):
            await connection.client.data(message)

    async def _begin(self, connection: _Connection, to: str, *, back: str) -> None:
        """MAIL and RCPT. A server without SMTPUTF8 cannot reach an address outside ASCII."""
        options: tuple[bytes, ...] = ()
        if not to.isascii():
            if not connection.client.supports_extension("smtputf8"):
                self._put_back(connection)
                raise PermanentFailure("the address needs SMTPUTF8")
            options = (b"SMTPUTF8",)
        async with self._kept(connection, until_success=True):
            # The library's own `mail` and `rcpt` parse the address anew each time.
            execute = connection.client.execute_command
            answer = await execute(b"MAIL", f"FROM:<{back}>".encode(), *options)
            if answer.code != aiosmtplib.SMTPStatus.completed:
                raise aiosmtplib.SMTPSenderRefused(answer.code, answer.message, back)
            answer = await execute(b"RCPT", f"TO:<{to}>".encode())
            if answer.code not in _TAKEN:
                raise aiosmtplib.SMTPRecipientRefused(answer.code, answer.message, to)

    @asynccontextmanager
    async def _kept(self, connection: _Connection, *, until_success: bool = False) -> AsyncIterator[None]:
        """Keeps the connection for the next mail, also after a refusal; closes it after anything unclear."""
        try:
            yield
        except aiosmtplib.SMTPResponseException:
            await self._reset(connection)
            raise
        except BaseException:
            connection.client.close()
            raise
        if not until_success:
            connection.mails += 1
            self._put_back(connection)

    async def _reset(self, connection: _Connection) -> None:
        usable = False
        try:
            with suppress(aiosmtplib.SMTPException, OSError):
                await connection.client.rset()
                usable = True
        finally:
            if usable:
                self._put_back(connection)
            else:
                connection.client.close()

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.client.close()
        return None

    def _put_back(self, connection: _Connection) -> None:
        connection.used_at = time.monotonic()
        self._idle.append(connection)

    async def _connect(self) -> _Connection:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=server.helo,
            username=server.username,
            password=server.password.get_secret_value() if server.password else None,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=self._tls,
            timeout=self._timeout,
        )
        try:
            async with asyncio.timeout(self._timeout / 2):
                await client.connect()
                await client.ehlo()
        except aiosmtplib.SMTPException as error:
            # Wrong password, refused STARTTLS, closed port: our matter with the server, no recipient's.
            raise Unavailable(_code(error)) from error
        except TimeoutError as error:
            raise Unavailable("timeout while connecting") from error
        return _Connection(client, used_at=time.monotonic())


def _failure(error: aiosmtplib.SMTPException) -> TemporaryFailure | PermanentFailure:
    """4xx and lost connections are temporary, 5xx permanent; a refused sender is never the recipient's fault,
    nor is it that we have sent too much."""
    if _says_too_much(error):
        return Throttled(_code(error))
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return Unavailable(_code(error))
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500:
        return PermanentFailure(_code(error))
    return TemporaryFailure(_code(error))


def _says_too_much(error: aiosmtplib.SMTPException) -> bool:
    if not isinstance(error, aiosmtplib.SMTPResponseException) or error.code >= 500:
        return False
    return _TOO_MUCH.search(error.message) is not None


def _code(error: aiosmtplib.SMTPException) -> str:
    """The reply's codes alone: its text often repeats the address."""
    if not isinstance(error, aiosmtplib.SMTPResponseException):
        return type(error).__name__
    enhanced = _ENHANCED_CODE.search(error.message)
    return f"SMTP {error.code}" + (f" {enhanced.group()}" if enhanced else "")
