"""Processes die at the worst moment. Faults are made from outside, on processes started as `make up` does."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from email.message import Message

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.stack import Stack
from tests.e2e.conftest import NewCitizen
from tests.ledger import Ledger
from tests.waiting import eventually


def test_booking_killed_between_write_and_publish_sends_one_mail(
    stack: Stack, ledger: Ledger, a_citizen: NewCitizen
) -> None:
    """The broker is frozen, so what is written cannot be published before the process is killed.

    Seen to fail without the relay's sweep: no mail ever came.
    """
    citizen = a_citizen()
    citizen.hold_any()
    stack.rabbitmq.freeze()
    try:
        assert citizen.request().status_code == 200
        stack["booking"].kill()
    finally:
        stack.rabbitmq.thaw()
    assert ledger.appointments.find_one({"_id": citizen.booked["id"]}, {"outbox": 1})["outbox"]  # type: ignore[index]
    stack["booking"].start()
    stack["booking"].wait_until_ready()

    citizen.mails(within=30)
    ledger.quiet()
    assert len(citizen.mailbox.to(citizen.email)) == 1


class Stalling:
    """Stops answering before it has the mail, or has it and never says so."""

    def __init__(self) -> None:
        self.takes_mail = True
        self.asked: list[str] = []
        self.taken: list[str] = []
        self.released = threading.Event()

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked.append(address)
        if not self.takes_mail:
            await self._stall()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken += envelope.rcpt_tos
        await self._stall()
        return "250 OK"

    async def _stall(self) -> None:
        while not self.released.is_set():  # noqa: ASYNC110 (released from another thread)
            await asyncio.sleep(0.05)


@pytest.fixture
def stalling_server() -> Iterator[tuple[Stalling, int]]:
    handler = Stalling()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    handler.released.set()
    controller.stop()


@pytest.mark.parametrize("takes_mail", [True, False])
def test_notification_killed_between_claim_and_record_sends_at_most_one_more(
    stack: Stack,
    ledger: Ledger,
    a_citizen: NewCitizen,
    stalling_server: tuple[Stalling, int],
    takes_mail: bool,
) -> None:
    """The mail server has said nothing when the process is killed; the lease brings the mail again.

    Seen to fail with deliveries marked as sent when they are claimed: a mail that the server had not taken
    was never sent.
    """
    handler, port = stalling_server
    handler.takes_mail = takes_mail
    citizen = a_citizen()
    citizen.hold_any()
    stack["notification"].stop()
    doomed = stack.start_service("notification", name="doomed", environment={"NOTIFICATION_SMTP_PORT": str(port)})
    citizen.request()
    reached = handler.taken if takes_mail else handler.asked
    eventually(lambda: citizen.email in reached, what="the mail server has got so far")
    doomed.kill()
    stack["notification"].start()
    stack["notification"].wait_until_ready()

    ledger.quiet()

    mails: list[Message] = list(citizen.mailbox.to(citizen.email))
    assert 1 <= len(mails) + handler.taken.count(citizen.email) <= 2
    assert ledger.deliveries_of(citizen.booked["id"]) == {"confirm_request": "sent"}


def test_graceful_stop_loses_nothing(stack: Stack, ledger: Ledger, a_citizen: NewCitizen) -> None:
    people = [a_citizen() for _ in range(5)]
    for citizen in people:
        citizen.hold_any()
        citizen.request()
    for name in ("notification", "booking", "reporting"):
        stack[name].restart()

    ledger.quiet()

    assert [len(citizen.mails()) for citizen in people] == [1] * 5
