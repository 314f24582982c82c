"""Bounces from a real IMAP server and a Maildir: what is ours fails its delivery, all else stays as it was."""

import asyncio
import imaplib
import mailbox
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from deploy.local.ports import Ports, answers
from services.notification.bounces import Bounces
from services.notification.channels.email.boxes import Box, BoxUnreadable, ImapBox, MaildirBox, OpenBox, Position
from services.notification.channels.email.mime import return_path
from services.notification.storage import Mailboxes
from shared.contracts import AppointmentConfirmed
from tests.integration.notification.harness import Notification
from tests.integration.notification.hearing import hearing
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.patience import until
from tests.integration.notification.test_failures import hear_confirmed, published, until_settled
from tests.unit.notification import bounce_letters as letters
from tests.waiting import eventually

pytestmark = pytest.mark.anyio

USER, PASSWORD = "bounces", 'geh"eim \\ 1'


@dataclass
class ImapServer:
    port: int
    certificate: Path

    def client(self) -> imaplib.IMAP4:
        one = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        one.starttls(ssl.create_default_context(cafile=str(self.certificate)))
        one.login(USER, PASSWORD)
        return one

    def fill(self, folder: str, *content: bytes) -> None:
        client = self.client()
        client.create(folder)
        for letter in content:
            assert client.append(folder, "", "", letter)[0] == "OK"
        client.logout()

    def flags(self, folder: str) -> list[bytes]:
        """Of each letter that is there."""
        client = self.client()
        client.select(folder, readonly=True)
        _, data = client.uid("FETCH", "1:*", "(FLAGS)")
        client.logout()
        return [part for part in data if isinstance(part, bytes)]

    def box(self, folder: str) -> ImapBox:
        password = SecretStr(PASSWORD)
        return ImapBox(
            host="127.0.0.1",
            port=self.port,
            username=USER,
            password=password,
            folder=folder,
            starttls=True,
            ca=self.certificate,
        )


@pytest.fixture(scope="module")
def imap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapServer]:
    folder = tmp_path_factory.mktemp("imap")
    certificate, key = folder / "server.pem", folder / "key.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    made = ("-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate)
    subprocess.run(["openssl", "req", "-x509", *made, *subject], check=True, capture_output=True)
    port = Ports(file=folder / "ports.json").of("imap")
    service = ("--no-service", "managesieve", "--no-service", "admin", "--host", "127.0.0.1", "--port", str(port))
    program = (sys.executable, "-W", "ignore", "-c", "from pymap.main import main; main()")
    user = ("--demo-user", USER, "--demo-password", PASSWORD)
    command = [*program, *service, "--cert", str(certificate), "--key", str(key)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, "dict", *user], stdout=log, stderr=log)
    try:
        eventually(lambda: answers(port), what="the IMAP server")
        yield ImapServer(port, certificate)
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def folder() -> str:
    return f"Bounces-{uuid4().hex[:8]}"


@dataclass
class Reader:
    notification: Notification
    bounces: Bounces
    mailboxes: Mailboxes

    async def sent(self, *, sms: bool = False) -> tuple[AppointmentConfirmed, str]:
        """A mail that was sent, and its Message-ID."""
        _, confirmed = await hear_confirmed(self.notification, sms_consent=sms)
        await self.notification.until(confirmed, "confirmation", "sent")
        return confirmed, f"<{confirmed.id}.confirmation.email@amt.example>"

    async def kinds(self, event: AppointmentConfirmed) -> list[str]:
        delivery = await self.notification.delivery(event, "confirmation")
        return [kind.split(".")[1] for kind, _ in published(delivery)]


@pytest.fixture
async def reading(notification: Notification) -> AsyncIterator["Reading"]:
    async with hearing(notification) as arrivals:

        def of(box: Box) -> Reader:
            mailboxes = Mailboxes(notification.database)
            bounces = Bounces(
                box,
                mailboxes=mailboxes,
                arrivals=arrivals,
                clock=notification.clock,
                every=timedelta(milliseconds=100),
            )
            return Reader(notification, bounces, mailboxes)

        yield Reading(of)


class Reading:
    def __init__(self, of: object) -> None:
        self._of = of

    def __call__(self, box: Box) -> Reader:
        made = self._of(box)  # type: ignore[operator]
        assert isinstance(made, Reader)
        return made


OTHERS = (letters.from_a_person(), letters.out_of_office(), letters.read_receipt(), letters.forwarded())
STRANGERS = letters.postfix(message_id="<of-another-system@example.org>")


async def test_a_bounce_makes_somebody_phone(reading: Reading, imap: ImapServer, folder: str) -> None:
    reader = reading(imap.box(folder))
    event, message_id = await reader.sent()
    imap.fill(folder, OTHERS[0], letters.postfix(message_id=message_id), *OTHERS[1:], STRANGERS)
    assert await reader.bounces.read() == 1
    delivery = await until_settled(reader.notification, event)
    assert await reader.kinds(event) == ["sent", "failed", "undeliverable"]
    assert (delivery["status"], delivery["error"]) == ("failed", "bounce 5.1.1")
    left = imap.flags(folder)
    assert len(left) == len(OTHERS) + 1
    assert not any(b"Seen" in one or b"Deleted" in one for one in left)


async def test_a_text_message_makes_up_for_the_bounce(
    reading: Reading, imap: ImapServer, folder: str, notification: Notification
) -> None:
    """Nobody is phoned who got the text message; here it is still on its way, so nothing is said yet."""
    reader = reading(imap.box(folder))
    event, message_id = await reader.sent()
    sms = {**(await notification.delivery(event, "confirmation")), "_id": f"{event.id}:confirmation:sms"}
    await notification.deliveries.collection.insert_one({**sms, "channel": "sms", "outbox": []})
    imap.fill(folder, letters.exchange(message_id=message_id))
    await reader.bounces.read()
    await until_settled(notification, event)
    assert await reader.kinds(event) == ["sent", "failed"]


async def test_each_bounce_counts_once_however_often_it_comes(
    reading: Reading, imap: ImapServer, folder: str
) -> None:
    reader = reading(imap.box(folder))
    event, message_id = await reader.sent()
    same = letters.postfix(message_id=message_id), letters.exim(message_id=message_id)
    imap.fill(folder, *same, letters.postfix(action="delayed", message_id=message_id))
    assert await reader.bounces.read() == 3
    await until_settled(reader.notification, event)
    imap.fill(folder, *same)
    assert await reader.bounces.read() == 2
    assert await reader.kinds(event) == ["sent", "failed", "undeliverable"]
    assert imap.flags(folder) == [] or imap.flags(folder) == [None]


async def test_a_delay_alone_changes_nothing(reading: Reading, imap: ImapServer, folder: str) -> None:
    reader = reading(imap.box(folder))
    event, message_id = await reader.sent()
    imap.fill(folder, letters.postfix(action="delayed", status="4.4.1", message_id=message_id))
    assert await reader.bounces.read() == 1
    assert await reader.kinds(event) == ["sent"]


@dataclass
class Dying:
    """A process that dies at its n-th removal, or just after it."""

    box: Box
    before: bool

    def open(self) -> OpenBox:
        opened = self.box.open()
        remove = opened.remove

        def die(keys: Sequence[str]) -> None:
            if not self.before:
                remove(keys)
            raise RuntimeError("died")

        opened.remove = die  # type: ignore[method-assign]
        return opened


@pytest.mark.parametrize("before", [True, False])
async def test_dying_between_loses_and_doubles_nothing(
    reading: Reading, imap: ImapServer, folder: str, before: bool
) -> None:
    """Seen to fail where the position is kept, or the letter removed, before the report is stored."""
    event, message_id = await reading(imap.box(folder)).sent()
    imap.fill(folder, letters.postfix(message_id=message_id), OTHERS[0])
    dying = reading(Dying(imap.box(folder), before))
    with pytest.raises(RuntimeError):
        await dying.bounces.read()
    assert await dying.mailboxes.position() == Position()
    after = reading(imap.box(folder))
    assert await after.bounces.read() == (1 if before else 0)
    await until_settled(after.notification, event)
    assert await after.kinds(event) == ["sent", "failed", "undeliverable"]
    assert len(imap.flags(folder)) == 1


async def test_a_full_mailbox_is_read_in_turns_and_once(reading: Reading, imap: ImapServer, folder: str) -> None:
    reader = reading(imap.box(folder))
    event, message_id = await reader.sent()
    imap.fill(folder, *[letters.from_a_person()] * 105, letters.postfix(message_id=message_id))
    assert await reader.bounces.read() == 1
    place = await reader.mailboxes.position()
    assert place.uid >= 106
    assert await reader.bounces.read() == 0
    await until_settled(reader.notification, event)


async def test_a_folder_made_anew_is_read_from_its_beginning(
    reading: Reading, imap: ImapServer, folder: str
) -> None:
    reader = reading(imap.box(folder))
    event, message_id = await reader.sent()
    imap.fill(folder, *[OTHERS[0]] * 3)
    await reader.bounces.read()
    client = imap.client()
    client.delete(folder)
    client.logout()
    imap.fill(folder, letters.postfix(message_id=message_id))
    place = await reader.mailboxes.position()
    assert place.validity
    assert await reader.bounces.read() == 1
    assert (await reader.mailboxes.position()).validity != place.validity
    await until_settled(reader.notification, event)


async def test_a_mailbox_that_refuses_is_told_without_its_secrets(imap: ImapServer, folder: str) -> None:
    stranger = replace(imap.box(folder), password=SecretStr("hunter2"))
    with pytest.raises(BoxUnreadable) as refused:
        stranger.open()
    assert str(refused.value) == "login: error"
    with pytest.raises(BoxUnreadable, match=r"^SSLCertVerificationError$"):
        replace(imap.box(folder), ca=None).open()
    with pytest.raises(BoxUnreadable):
        replace(imap.box(folder), port=1).open()


async def test_a_maildir_is_read_the_same_way(reading: Reading, tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "bounces")
    reader = reading(MaildirBox(tmp_path / "bounces"))
    event, message_id = await reader.sent()
    for letter in (*OTHERS, STRANGERS, letters.exim(message_id=message_id)):
        box.add(letter)
    before = sorted(path.name for path in (tmp_path / "bounces" / "new").iterdir())
    assert await reader.bounces.read() == 1
    await until_settled(reader.notification, event)
    left = sorted(path.name for path in (tmp_path / "bounces" / "new").iterdir())
    assert len(left) == len(before) - 1
    assert set(left) < set(before)
    assert await reader.bounces.read() == 0


async def test_one_process_reads_in_each_span(reading: Reading, imap: ImapServer, folder: str) -> None:
    reader = reading(imap.box(folder))
    now = reader.notification.clock.now()

    async def turn(minutes: float = 0) -> bool:
        at = now + timedelta(minutes=minutes)
        return await reader.mailboxes.take_turn(now=at, every=timedelta(minutes=1))

    assert sum(await asyncio.gather(*(turn() for _ in range(5)))) == 1
    assert not await turn(0.5)
    assert sum(await asyncio.gather(*(turn(1) for _ in range(5)))) == 1


async def test_the_loop_reads_by_itself(reading: Reading, imap: ImapServer, folder: str) -> None:
    reader = reading(imap.box(folder))
    event, message_id = await reader.sent()
    await reader.bounces.start()
    imap.fill(folder, letters.postfix(message_id=message_id))

    async def failed() -> bool:
        return "failed" in await reader.kinds(event)

    await until(failed, what="the bounce is read")
    await reader.bounces.stop()


async def test_the_return_path_leads_back_to_the_mail(
    reading: Reading, imap: ImapServer, folder: str, mailbox: Mailbox
) -> None:
    """A server that returns nothing of the mail still answers to where it came from."""
    reader = reading(imap.box(folder))
    event, _ = await reader.sent()
    path = return_path("bounces+{delivery}@amt.example", f"{event.id}:confirmation:email")
    imap.fill(folder, letters.postfix(to=path, message_id="<nothing@example.org>"))
    assert await reader.bounces.read() == 1
    await until_settled(reader.notification, event)
