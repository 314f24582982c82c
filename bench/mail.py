"""`mail`: from the event to the mail that an SMTP server has accepted, beside the SMTP library alone.

Mails per second for a backlog; the time from a click on "confirm" to the mail for single ones.
"""

import asyncio
import smtplib
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiosmtplib
import uvloop

from bench.citizens import Citizens
from bench.lean_http import Connection
from bench.lives import lives
from bench.measuring import ROUNDS, Figure, Run, in_turns, median_rate, percentile_ms, say
from bench.processes import Helper
from bench.stage import Stage
from deploy.local.stack import Service
from services.notification.domain import Priority, message_for
from services.notification.purposes import Purpose
from services.notification.storage.deliveries import document_of
from shared.contracts import AppointmentConfirmed, parse_event

_SINGLES = 60
_BACKLOG = 1000
_LIMIT_SECONDS = 3.0
_PATIENCE_S = 120
_WAITING, _INSERTED_AT_ONCE = 100_000, 5_000
_SENDER = "termine@amtstermin.example"


class Taken:
    """What the sink has taken: recipient → the times, of the monotonic clock."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "taken").open("rb")
        self._rest = b""
        self.by_recipient: dict[str, list[float]] = {}
        self.number = 0

    def look(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            at, recipient = line.decode().split(" ")
            self.by_recipient.setdefault(recipient, []).append(float(at))
            self.number += 1

    async def wait_for(self, recipient: str, *, number: int) -> float:
        """The time at which so many mails had come."""
        deadline = time.monotonic() + _PATIENCE_S
        while len(found := self.by_recipient.get(recipient, [])) < number:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no mail within {_PATIENCE_S} s")
            await asyncio.sleep(0.002)
            self.look()
        return found[number - 1]


def measure(stage: Stage) -> Figure:
    stage.clear()
    folder = stage.folder / "sink"
    with ExitStack() as running:
        sink = running.enter_context(stage.helper("sink", folder))
        smtp = {"NOTIFICATION_SMTP_PORT": str(sink.port)}
        (notification,) = running.enter_context(stage.running("notification", **smtp))
        with stage.running("booking") as (booking,):
            single = uvloop.run(_singles(Citizens(stage), booking.url, Taken(folder)))
        message = _newest(sink, folder)
        limit, runs = in_turns(
            limit=lambda width: uvloop.run(_limit(sink, message, width)),
            program=lambda: _backlog(stage, notification, folder),
        )
    stage.clear()
    return Figure(
        name="mail",
        unit="mails/s",
        value=median_rate(runs),
        limit=limit,
        target=0.5,
        p50_ms=percentile_ms([single], 0.5),
        p99_ms=percentile_ms([single], 0.99),
        within_ms=("p50", 100),
        notes=(f"mail: p50 and p99 from confirm to mail, {_SINGLES} one after the other",),
    )


async def _singles(citizens: Citizens, url: str, taken: Taken) -> Run:
    """From the click to the accepted mail, nothing else going on."""
    seconds = []
    async with Connection(url) as http:
        for _ in range(_SINGLES):
            id, email = await citizens.request(http)
            await taken.wait_for(email, number=1)
            # The booking hears that the mail is out and writes that down; a person is slower anyway.
            await asyncio.sleep(0.1)
            clicked = time.monotonic()
            await citizens.confirm(http, id)
            seconds.append(await taken.wait_for(email, number=2) - clicked)
    return Run(_SINGLES / sum(seconds), tuple(seconds))


def _backlog(stage: Stage, notification: Service, folder: Path) -> Run:
    """The service stands still while its queues are filled, so that nothing but its work is measured."""
    told = lives(stage, _BACKLOG)
    bodies = {
        "notification.contacts": [body for life in told for body in life.bodies("contacts")],
        # The confirmed one only: what came before is superseded and sends nothing.
        "notification.appointments": [life.bodies("appointments")[-1] for life in told],
    }
    taken = Taken(folder)
    taken.look()
    expected = taken.number + _BACKLOG
    notification.freeze()
    try:
        stage.fill(bodies)
        started = time.monotonic()
    finally:
        notification.thaw()
    while taken.number < expected:
        if time.monotonic() - started > _PATIENCE_S:
            raise RuntimeError(f"{expected - taken.number} mails are missing after {_PATIENCE_S} s")
        time.sleep(0.02)
        taken.look()
    last = max(at for times in taken.by_recipient.values() for at in times)
    return Run(_BACKLOG / (last - started))


def measure_waiting(stage: Stage) -> Figure:
    """The same backlog while very many deliveries wait for tomorrow, beside itself without them."""
    stage.clear()
    folder = stage.folder / "sink_waiting"
    with ExitStack() as running:
        sink = running.enter_context(stage.helper("sink", folder, name="sink_waiting"))
        smtp = {"NOTIFICATION_SMTP_PORT": str(sink.port)}
        (notification,) = running.enter_context(stage.running("notification", **smtp))
        _tell_office(stage)
        _backlog(stage, notification, folder)
        without = [_backlog(stage, notification, folder) for _ in range(ROUNDS)]
        _wait_for_tomorrow(stage)
        waiting = [_backlog(stage, notification, folder) for _ in range(ROUNDS)]
    stage.clear()
    for one, other in zip(without, waiting, strict=True):
        say(f"  alone {one.rate:,.0f}/s, with {_WAITING:,} waiting {other.rate:,.0f}/s")
    return Figure(
        name="mail_waiting",
        unit="mails/s",
        value=median_rate(waiting),
        limit=median_rate(without),
        target=0.9,
        notes=(
            f"mail_waiting: with {_WAITING:,} deliveries that are due tomorrow; the limit is `mail` without them",
        ),
    )


def _tell_office(stage: Stage) -> None:
    """Booking tells its offices when it starts."""
    deadline = time.monotonic() + _PATIENCE_S
    with stage.running("booking"), stage.database() as client:
        while not client["notification"]["offices"].count_documents({}):
            if time.monotonic() > deadline:
                raise RuntimeError("the office was not told")
            time.sleep(0.05)


def _wait_for_tomorrow(stage: Stage) -> None:
    """Reminders of people of whom nothing else is known: nobody looks at them before they are due."""
    (life,) = lives(stage, 1)
    event = parse_event(life.bodies("appointments")[-1])
    assert isinstance(event, AppointmentConfirmed)
    planned = message_for(event)
    assert planned
    due_at = datetime.now(UTC) + timedelta(days=1)
    with stage.database() as client:
        collection = client["notification"]["deliveries"]
        for start in range(0, _WAITING, _INSERTED_AT_ONCE):
            numbers = range(start, start + _INSERTED_AT_ONCE)
            ids = [f"waiting-{number}" for number in numbers]
            reminders = (
                replace(planned, id=f"{id}:reminder:email", appointment=id, purpose=Purpose.REMINDER,
                        priority=Priority.LATER, due_at=due_at)
                for id in ids
            )  # fmt: skip
            collection.insert_many([document_of(one) for one in reminders], ordered=False)


def _newest(sink: Helper, folder: Path) -> bytes:
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.verify("newest")
    return (folder / "newest.eml").read_bytes()


async def _limit(sink: Helper, message: bytes, in_flight: int) -> float:
    """Mails per second, each connection kept."""
    clients = [aiosmtplib.SMTP(hostname="127.0.0.1", port=sink.port, start_tls=False) for _ in range(in_flight)]
    for client in clients:
        await client.connect()
        await client.ehlo()
    started, sent = time.perf_counter(), 0

    async def send(client: aiosmtplib.SMTP) -> None:
        nonlocal sent
        while time.perf_counter() - started < _LIMIT_SECONDS:
            await client.mail(_SENDER)
            await client.rcpt("someone@example.org")
            await client.data(message)
            sent += 1

    await asyncio.gather(*(send(client) for client in clients))
    rate = sent / (time.perf_counter() - started)
    for client in clients:
        client.close()
    return rate
