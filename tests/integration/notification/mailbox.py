"""A real SMTP server that keeps what it gets, and answers as a test wants."""

import asyncio
import random
import ssl
from collections import defaultdict
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType
from typing import Any, Self

from aiosmtpd import smtp
from aiosmtpd.controller import Controller

from deploy.local.ports import is_free
from tests.integration.notification.patience import until
from tests.waiting import eventually


@dataclass
class Mailbox:
    """`refusals` are answers, by recipient, that come before the first yes; `held` keeps every mail waiting.

    `tls` is asked for by STARTTLS, or with `at_once` spoken from the first byte.
    """

    tls: ssl.SSLContext | None = None
    at_once: bool = False
    port: int = 0
    raw: list[bytes] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    greetings: list[str] = field(default_factory=list)
    held: bool = False
    under_way: int = 0
    most_at_once: int = 0
    connections: int = 0
    _controller: Any = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        self.port = self.port or _free_port()
        context = self.tls if self.at_once else None
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port, ssl_context=context)
        self._controller.start()

    def close(self) -> None:
        if self._controller:
            self._controller.stop(no_assert=True)
            self._controller = None
            eventually(lambda: is_free(self.port), what="the SMTP port is free again")

    @property
    def recipients(self) -> list[str]:
        return [str(mail["To"]) for mail in self.mails]

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]

    async def wait_for(self, count: int) -> list[EmailMessage]:
        async def enough() -> bool:
            return len(self.mails) >= count

        await until(enough, what=f"{count} mails, not only {len(self.mails)}")
        return self.mails

    # What aiosmtpd calls, in the server's own thread.

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.greetings:
            return self.greetings.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.refusals[address]:
            return self.refusals[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            while self.held:  # noqa: ASYNC110 - the test sets it from its own thread
                await asyncio.sleep(0.01)
            self.raw.append(envelope.content)
            self.senders.append(envelope.mail_from)
            self.mails.append(BytesParser(policy=policy.default).parsebytes(envelope.content))
        finally:
            self.under_way -= 1
        return "250 kept"


class _Controller(Controller):
    def __init__(self, mailbox: Mailbox, **values: Any) -> None:
        super().__init__(mailbox, **values)
        self._mailbox = mailbox

    def factory(self) -> smtp.SMTP:
        tls = None if self._mailbox.at_once else self._mailbox.tls
        return smtp.SMTP(
            self.handler, enable_SMTPUTF8=True, ident="test", tls_context=tls, require_starttls=tls is not None
        )


def _free_port() -> int:
    """Not the kernel's choice: a port of that range may be given to an outgoing connection while we are closed."""
    return next(port for port in iter(lambda: random.randint(15_000, 31_999), None) if is_free(port))  # noqa: S311
