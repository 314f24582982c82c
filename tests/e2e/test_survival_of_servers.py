"""Servers go away and come back, and nothing is lost. Faults are made from outside the services."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import aio_pika
import httpx

from bench.lean_http import Connection
from deploy.local.stack import Stack
from tests.citizen import Mailbox
from tests.e2e.conftest import NewCitizen
from tests.ledger import Ledger, growth
from tests.waiting import eventually

BOOKINGS = 200


def test_rabbitmq_away_for_20_s_during_200_bookings(stack: Stack, ledger: Ledger, a_citizen: NewCitizen) -> None:
    """Every booking is accepted at once, every mail comes when the broker is back.

    Seen to fail with publishing awaited before the answer (bookings refused), and with an event pulled
    from the outbox before its confirm (mails missing).
    """
    times = a_citizen().free_times()[::2]
    away = threading.Thread(target=broker_away, args=(stack, 20.0))
    away.start()
    answers = asyncio.run(book_steadily(stack["booking"].url, times, seconds=20))
    away.join()

    assert answers == [(201, 200)] * BOOKINGS
    ledger.quiet(within=120)
    mailbox = Mailbox(stack.mail.maildir)
    counts = [len(mailbox.to(address(number))) for number in range(BOOKINGS)]
    assert counts == [1] * BOOKINGS


def broker_away(stack: Stack, seconds: float) -> None:
    stack.rabbitmq.stop()
    threading.Event().wait(seconds)
    stack.rabbitmq.start()
    stack.rabbitmq.wait_until_ready()


def address(number: int) -> str:
    return f"steady-{number}-x@example.org"


async def book_steadily(url: str, times: list[str], *, seconds: float) -> list[tuple[int, int]]:
    """At an open rate: the next one begins whether or not the last one is done."""

    async def one(number: int) -> tuple[int, int]:
        await asyncio.sleep(seconds * number / BOOKINGS)
        async with Connection(url) as http:
            wish = {
                "office": "zollernalbkreis",
                "service": "eat_pickup",
                "starts_at": times[number % len(times)],
                "family_name": "Öztürk",
                "members": [{"municipality": "08417031"}],
                "preconditions": {"pin_letter": True},
            }
            held = await http.send("POST", "/v1/appointments", wish, {"Idempotency-Key": f"steady-{number}"})
            if held.status != 201:
                return held.status, 0
            booked = held.json()
            token = {"Authorization": f"Bearer {booked['token']}"}
            contact = {"email": address(number), "language": "de"}
            asked = await http.send("PUT", f"/v1/appointments/{booked['id']}/contact", contact, token)
            return held.status, asked.status

    return await asyncio.gather(*(one(number) for number in range(BOOKINGS)))


def test_republish_after_the_brokers_disk_was_lost(stack: Stack, ledger: Ledger, a_citizen: NewCitizen) -> None:
    """What the broker had confirmed and nobody had heard comes again from history.

    Seen to fail without history: republish had nothing to send.
    """
    before = ledger.figures()
    since = datetime.now(UTC).isoformat()
    stack["notification"].stop()
    stack["reporting"].stop()
    citizen = a_citizen()
    citizen.hold_any()
    citizen.request()
    eventually(lambda: not ledger.appointments.count_documents({"outbox.0": {"$exists": True}}), what="published")
    stack.rabbitmq.stop()
    stack.rabbitmq.wipe()
    stack.rabbitmq.start()
    stack.rabbitmq.wait_until_ready()
    for name in ("notification", "reporting"):
        stack[name].start()
        stack[name].wait_until_ready()
    assert not citizen.mailbox.to(citizen.email)

    for queue in ("notification.contacts", "notification.appointments", "reporting.appointments"):
        amtstermin(stack, "republish", "--to", queue, "--since", since)

    citizen.mails()
    assert citizen.confirm_by_link(citizen.mails()[0]).status_code == 200
    for _ in range(2):
        amtstermin(stack, "republish", "--to", "reporting.appointments", "--since", since)
        amtstermin(stack, "republish", "--to", "notification.appointments", "--since", since)
    expected = {"held": 1, "requested": 1, "confirmed": 1}
    assert growth(before, ledger.figures(), expected) == expected
    assert len(citizen.mails(at_least=2)) == 2


def amtstermin(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", *arguments],
        env={**os.environ, "AMTSTERMIN_SECRETS_DIR": str(stack.secrets)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mongodb_away_for_10_s_answers_503_and_mends(stack: Stack, ledger: Ledger, a_citizen: NewCitizen) -> None:
    """A clear answer in time, and everything goes on without a restart.

    Seen to fail without the handler of the driver's errors: no 503, the connection just broke.
    """
    citizen = a_citizen()
    wanted = citizen.free_times()[:3]
    stack.mongod.stop()
    until = time.monotonic() + 10
    refused = []
    while time.monotonic() < until:
        refused.append(citizen.hold(wanted[0]))
    stack.mongod.start()
    stack.mongod.wait_until_ready()

    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert refused[0].json()["type"] == "unavailable"
    assert all(answer.elapsed.total_seconds() < 9 for answer in refused)
    for name in ("booking", "notification", "reporting"):
        stack[name].wait_until_ready()
    assert eventually(lambda: held(citizen.hold, wanted), within=30, what="a hold")
    citizen.request()
    assert citizen.confirm_by_link(citizen.mails(within=30)[0]).status_code == 200
    ledger.quiet()


def held(hold: Callable[[str], httpx.Response], wanted: list[str]) -> bool:
    return any(hold(time).status_code == 201 for time in wanted)


def test_event_without_a_bound_queue_stays_and_shows_in_the_metrics(
    stack: Stack, ledger: Ledger, a_citizen: NewCitizen
) -> None:
    """Seen to fail without `on_return_raises` on the relay's channel: the event was gone."""
    ledger.quiet()
    asyncio.run(bind(stack, bound=False))
    try:
        citizen = a_citizen()
        citizen.hold_any()
        waiting = {"_id": citizen.booked["id"], "outbox.0.type": "appointment.held.v1"}
        eventually(lambda: metric(stack, "outbox_unroutable_total") > 0, what="the metric")
        eventually(lambda: metric(stack, 'outbox_waiting{collection="appointments"}') >= 1, what="it waits")
        assert ledger.appointments.count_documents(waiting) == 1
    finally:
        asyncio.run(bind(stack, bound=True))
    eventually(lambda: not ledger.appointments.count_documents(waiting), what="it leaves")


async def bind(stack: Stack, *, bound: bool) -> None:
    connection = await aio_pika.connect(stack.secret("admin_amqp_url"))
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue("reporting.appointments", ensure=False)
        change = queue.bind if bound else queue.unbind
        await change("appointments", "appointment.*.v1")


def metric(stack: Stack, name: str) -> float:
    lines = httpx.get(f"{stack['booking'].url}/metrics", timeout=10).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))
