"""The mail server of a proof: it records every mail that it takes over, and has its moods."""

import asyncio
import re
import threading
import time
from enum import StrEnum
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.reading import parse, text_of
from tests.prove.checks.evidence import Taken

_SECRET = re.compile(r"/confirm/\S+\?secret=(\S+)")


class Mood(StrEnum):
    """How the mail server behaves."""

    FAIR = "takes everything at once"
    LEISURELY = "takes a second and a half for each mail"
    GREYLISTING = "451 to everybody"
    SLOW = "lets everybody wait beyond their patience"
    FORGETFUL = "takes the mail and hangs up instead of saying so"


class MailSink:
    """An SMTP server in this process. It can be stopped and started again on the same port."""

    # Within the two seconds that the notifier waits here, and beyond them.
    leisure_s, slow_s = 1.5, 30.0

    def __init__(self, *, port: int) -> None:
        self.port = port
        self.mood = Mood.FAIR
        self._taken: list[Taken] = []
        self._bodies: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, decode_data=False)
        self._controller.start()

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    @property
    def taken(self) -> list[Taken]:
        with self._lock:
            return list(self._taken)

    def secret_for(self, address: str) -> str | None:
        """The secret of the link to confirm in the newest such mail to `address`."""
        with self._lock:
            body = self._bodies.pop(address, None)
        found = _SECRET.search(text_of(parse(body))) if body else None
        return found[1] if found else None

    async def handle_RCPT(  # noqa: N802 (the library's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mood is Mood.GREYLISTING:
            return "451 4.7.1 greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.mood is Mood.LEISURELY:
            await asyncio.sleep(self.leisure_s)
        if self.mood is Mood.SLOW:
            await asyncio.sleep(self.slow_s)
            return "451 4.3.0 too slow"
        # The controller leaves mails undecoded.
        self._take(cast(bytes, envelope.content), envelope.rcpt_tos[0])
        if self.mood is Mood.FORGETFUL:
            cast(asyncio.Transport, server.transport).abort()
        return "250 OK"

    def _take(self, content: bytes, address: str) -> None:
        head = content.partition(b"\r\n\r\n")[0].decode(errors="replace")
        found = re.search(r"^Message-ID: <(.+)@", head, re.MULTILINE | re.IGNORECASE)
        reference = found[1] if found else ""
        with self._lock:
            self._taken.append(Taken(at=time.time(), to=address, reference=reference, kind="email"))
            self._bodies[address] = content
