"""One real stack whose processes die at crash points, and what must be found when they are back."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from json import loads
from pathlib import Path
from shutil import copytree

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox as IntoMaildir
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.process import ROOT
from deploy.local.stack import SERVICES, Service, Stack
from shared.crashpoints import EXIT_CODE, VARIABLE, CrashPoint
from tests import wholeness
from tests.citizen import Citizen, Mailbox
from tests.ledger import Ledger
from tests.waiting import eventually

REFUSED = "refused-"
_ABOUT_A_LEASE = (CrashPoint.RELAY_AFTER_LEASE, CrashPoint.REPORTING_AFTER_MARKS)
# What was planned just before may be on its way to the provider when the process dies: the documented one more.
_WHILE_SENDING = (
    CrashPoint.NOTIFICATION_AFTER_HAND_OVER,
    CrashPoint.NOTIFICATION_AFTER_RECONSIDERED,
    CrashPoint.NOTIFICATION_AFTER_FAREWELL,
    CrashPoint.NOTIFICATION_AFTER_KEY_ERASED,
)
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class MailServer(IntoMaildir):
    """Keeps mails as the stack's own does, but can be away, and knows nobody called `refused-…`."""

    away = False

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return "451 4.3.2 later" if self.away else "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith(REFUSED):
            return "550 5.1.1 unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@dataclass
class Place:
    """The stack of a whole walk. `most` is how often a message of an appointment may go out, 1 where absent."""

    stack: Stack
    mail: MailServer
    offices: Path
    books: Ledger
    mailbox: Mailbox
    times: list[str] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)

    def crash_file(self, service: str) -> Path:
        """Where the process of `service` reads at which crash point it shall die."""
        return self.stack.folder / f"{service}.crash_at"

    def wait_until_stored_is_whole(self) -> None:
        """Without asking the broker, which takes half a second: enough before a process is armed."""
        self._wait(lambda: not self._wrong(), within=20)

    def wait_until_whole(self, *, within: float = 60) -> None:
        """Until nothing is on its way and all is right; then no message may be missing, parked or too many."""
        queues: dict[str, int] = {}

        def at_rest() -> bool:
            nonlocal queues
            if self._wrong():
                return False
            queues = self._messages()
            working = any(count for name, count in queues.items() if not name.endswith(".parking"))
            return not working and not self._wrong()

        self._wait(at_rest, within=within)
        assert {name: count for name, count in queues.items() if count} == {}
        wrong = wholeness.wrongly_sent(self.books.client, handed_over=self._handed_over(), most=self.most)
        assert list(wrong) == []

    def _wait(self, whole: Callable[[], bool], *, within: float) -> None:
        """Whole once is enough: booking tells the hour's free times when it likes, right afterwards too."""
        try:
            eventually(whole, within=within)
        except AssertionError:
            wholeness.assert_whole(self.books.client)

    def _wrong(self) -> bool:
        """The cheap question first: what is asked all the time must not slow down what it waits for."""
        client = self.books.client
        return next(wholeness.on_its_way(client), None) is not None or bool(wholeness.violations(client))

    def _messages(self) -> dict[str, int]:
        """By queue, taken ones that are not acknowledged included."""
        listed = self.stack.rabbitmq.ctl("list_queues", "-q", "-p", "amtstermin", "name", "messages").split()
        return {name: int(n) for name, n in zip(listed[::2], listed[1::2], strict=True) if n.isdecimal()}

    def _handed_over(self) -> Counter[str]:
        """By delivery: mails by their Message-ID, text messages by their reference."""
        ids = {d["_id"].replace(":", "."): d["_id"] for d in self.books.deliveries.find({}, {"_id": 1})}
        mails = (str(mail["Message-ID"]).strip("<>").rpartition("@")[0] for mail in self.mailbox.all())
        texts = self.stack.sms_file.read_text().splitlines() if self.stack.sms_file.exists() else []
        return Counter([*(ids.get(mail, mail) for mail in mails), *(loads(text)["reference"] for text in texts)])


@dataclass
class Walk:
    """One death: the process of `service` is to die when it comes to `point` for the `nth` time."""

    place: Place
    point: CrashPoint
    service: str
    nth: int
    people: list[Citizen] = field(default_factory=list)

    @property
    def stack(self) -> Stack:
        return self.place.stack

    @contextmanager
    def death(self, *, while_starting: bool = False) -> Iterator[Service]:
        """Within, the process is armed; afterwards it has died at the point and is back, armed no more.

        Its leases count as over, to save time, but where the point is about one.
        """
        doomed, armed = self.stack[self.service], self.place.crash_file(self.service)
        if while_starting:
            doomed.stop()
        else:
            self.place.wait_until_stored_is_whole()
        if self.point in _WHILE_SENDING:
            self.place.most |= {person.booked["id"]: 2 for person in self.people}
        armed.write_text(f"{self.point}:{self.nth}")
        if while_starting:
            doomed.start()
        yield doomed
        eventually(lambda: not doomed.running, within=30, what=f"{self.service} comes to {self.point}")
        armed.unlink()
        doomed.stop()
        assert doomed.exit_code == EXIT_CODE
        assert f"crash point {self.point}:{self.nth}: " in doomed.log.read_text()
        if self.point not in _ABOUT_A_LEASE:
            self.end_leases()
        doomed.start()
        doomed.wait_until_ready()

    def end_leases(self) -> None:
        """As if their time were over."""
        self.place.books.client[self.service]["leases"].update_many({}, {"$set": {"until": _LONG_AGO}})

    def citizen(self) -> Citizen:
        self.people.append(Citizen(self.stack))
        return self.people[-1]

    def holder(self) -> Citizen:
        person = self.citizen()
        assert person.hold(self.place.times.pop()).status_code == 201
        return person

    def asker(self, **contact: object) -> Citizen:
        person = self.holder()
        assert person.request(**contact).status_code == 200
        person.mails()
        return person

    def booker(self) -> Citizen:
        person = self.asker()
        assert person.confirm_by_link(person.mails()[0]).status_code == 200
        return person

    def time_is_over(self, person: Citizen, field: str) -> None:
        """As if the clock had gone on: the stored end of a hold or of a cooling lies in the past."""
        past = datetime.now(UTC) - timedelta(minutes=1)
        self.place.books.appointments.update_one({"_id": person.booked["id"]}, {"$set": {field: past}})

    def ends(self, person: Citizen, *steps: str, **messages: str) -> None:
        """Once all is whole: the steps of the appointment, and what became of its e-mails by purpose."""
        self.place.wait_until_whole()
        found = self.place.books.appointments.find_one({"_id": person.booked["id"]})
        assert found is not None
        # Where it is confirmed, the record of the asking mail may have come after the answer to it.
        late = {"confirmation_sent"} if "confirmed" in steps else set()
        done = [step["step"] for step in found["steps"] if step["step"] not in late]
        assert done == [step for step in steps if step not in late]
        assert self.place.books.deliveries_of(person.booked["id"]) == messages


def tried(call: Callable[[], httpx.Response]) -> int | None:
    """The status, or None where the process died before it answered."""
    try:
        return call().status_code
    except httpx.TransportError:
        return None


def free_times(stack: Stack) -> list[str]:
    """Taken from the end, since what is freed within the last day before the visit does not cool.

    Every second one: a visit takes longer than the grid's ten minutes, and of the newest day one lane may be open.
    """
    person = Citizen(stack)
    times = person.free_times()
    person.http.close()
    return times[::2]


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    offices = Path(copytree(ROOT / "deploy" / "offices", folder / "offices"))
    (folder / "stack").mkdir()
    mail = MailServer(folder / "stack" / "mail")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mail, hostname="127.0.0.1", port=port)
    controller.start()
    environment = {
        "BOOKING_OFFICES": str(offices),
        "BOOKING_SWEEP_EVERY": "PT0.5S",
        "BOOKING_RETENTION_EVERY": "PT0.5S",
        "BOOKING_LIMITS": "off",
        "NOTIFICATION_SMTP_PORT": str(port),
        # The lease of a dead process ends after three times as long.
        "NOTIFICATION_SEND_TIMEOUT": "PT1S",
    }
    try:
        with Stack(folder=folder / "stack", services=(), environment=environment) as stack:
            books = Ledger(stack)
            found = Place(stack, mail, offices, books, Mailbox(stack.mail.maildir))
            for kind in SERVICES:
                stack.start_service(
                    kind, name=kind, environment={VARIABLE: f"@{found.crash_file(kind)}"}, wait=False
                )
            for service in stack.services.values():
                service.wait_until_ready()
            found.times = free_times(stack)
            told = [books.client["booking"][name] for name in ("demand", "capacity", "free_times")]
            eventually(lambda: all(each.count_documents({}) for each in told), what="search and supply are told")
            yield found
            books.close()
    finally:
        controller.stop()
