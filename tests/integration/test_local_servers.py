"""The servers as `make up` starts them: rights, set-up, data that stays, nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aio_pika
import pymongo
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError
from pymongo.errors import OperationFailure

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from shared.setup import Trouble, broker_definitions, deploy_folder
from tests.waiting import eventually

Attempt = Callable[[AbstractChannel], Awaitable[Any]]


def as_user(stack: Stack, user: str, attempt: Attempt) -> Any:
    async def run() -> Any:
        async with await aio_pika.connect(stack.secret(f"{user}_amqp_url")) as connection:
            return await attempt(await connection.channel(on_return_raises=True))

    return asyncio.run(run())


def publish(exchange: str, key: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> None:
        target = await channel.get_exchange(exchange, ensure=False)
        await target.publish(aio_pika.Message(b"{}"), key, timeout=5)

    return attempt


def consume(queue: str) -> Attempt:
    async def attempt(channel: AbstractChannel) -> None:
        await (await channel.declare_queue(queue, passive=True)).get(fail=False, timeout=5)

    return attempt


def refused(stack: Stack, user: str, attempt: Attempt) -> bool:
    """By the broker, for want of rights: 403."""
    with pytest.raises(AMQPError, match=r"ACCESS.REFUSED"):
        as_user(stack, user, attempt)
    return True


def test_broker_has_every_queue_and_policy(servers: Stack) -> None:
    listed = servers.rabbitmq.ctl(
        "-q", "list_queues", "-p", "amtstermin", "name", "policy", "type", "--no-table-headers"
    )

    definitions = broker_definitions(deploy_folder())
    assert {tuple(line.split("\t")) for line in listed.splitlines()} == {
        (queue["name"], queue["name"], "quorum") for queue in definitions["queues"]
    }
    assert "guest" not in servers.rabbitmq.ctl("-q", "list_users")


def test_each_service_reads_only_its_own_queues(servers: Stack) -> None:
    queues = [queue["name"] for queue in broker_definitions(deploy_folder())["queues"]]

    for user in ("booking", "notification", "reporting"):
        own = [q for q in queues if q.startswith(f"{user}.") and not q.endswith(".parking")]
        for queue in own:
            as_user(servers, user, consume(queue))
        for queue in set(queues) - set(own):
            assert refused(servers, user, consume(queue))


def test_only_booking_tells_of_appointments_and_contacts(servers: Stack) -> None:
    for exchange in ("appointments", "contacts", "offices"):
        for user in ("notification", "reporting", "operator"):
            assert refused(servers, user, publish(exchange, "contact.provided.v1"))
    for user in ("booking", "reporting"):
        assert refused(servers, user, publish("notifications", "notification.sent.v1"))


def test_no_service_may_declare_or_bind(servers: Stack) -> None:
    async def declare(channel: AbstractChannel) -> None:
        await channel.declare_queue("listening.in", durable=True, arguments={"x-queue-type": "quorum"})

    async def bind(channel: AbstractChannel) -> None:
        queue = await channel.declare_queue("reporting.offices", passive=True)
        await queue.bind("contacts", "#")

    for user in ("booking", "notification", "reporting", "operator"):
        assert refused(servers, user, declare)
        assert refused(servers, user, bind)


def test_a_service_retries_and_parks_only_its_own(servers: Stack) -> None:
    as_user(servers, "booking", publish("parking", "booking.notifications"))
    as_user(servers, "operator", consume("booking.notifications.parking"))

    assert refused(servers, "booking", publish("parking", "reporting.offices"))
    assert refused(servers, "booking", publish("retry", "5s.notification.contacts"))
    assert refused(servers, "reporting", publish("requeue", "5s.reporting.offices"))


def test_a_failed_message_comes_back_after_its_rung(servers: Stack) -> None:
    async def come_back(channel: AbstractChannel) -> bool:
        """Other tests may have left events here that nobody hears."""
        queue = await channel.declare_queue("booking.notifications", passive=True)
        async with asyncio.timeout(20):
            async with queue.iterator() as messages:
                async for message in messages:
                    await message.ack()
                    if message.body == b"{}":
                        return True
        return False

    as_user(servers, "booking", publish("retry", "5s.booking.notifications"))

    assert as_user(servers, "booking", come_back)


def test_mongod_refuses_another_services_database(servers: Stack) -> None:
    with pymongo.MongoClient[dict[str, Any]](servers.secret("booking_mongodb_uri")) as client:
        client["booking"]["things"].insert_one({"a": 1})
        with client["booking"].watch(max_await_time_ms=10) as changes:
            assert changes.try_next() is None
        for attempt in (client["notification"]["things"].find_one, client["reporting"].list_collection_names):
            with pytest.raises(OperationFailure, match="not authorized"):
                attempt()
        with pytest.raises(OperationFailure, match="not authorized"):
            client["notification"]["things"].insert_one({"a": 1})
        client["booking"]["things"].drop()


def test_mongod_lets_nobody_in_without_a_password(servers: Stack) -> None:
    with pymongo.MongoClient[dict[str, Any]](servers.mongod.address, directConnection=True) as client:
        with pytest.raises(OperationFailure, match="requires authentication"):
            client["booking"]["things"].find_one()
        with pytest.raises(OperationFailure, match="requires authentication"):
            client["admin"].command("createUser", "thief", pwd="x", roles=["root"])


def test_second_start_finds_its_data_on_other_ports(tmp_path: Path) -> None:
    with Stack(folder=tmp_path, services=()) as first:
        as_user(first, "booking", publish("offices", "office.published.v1"))
        with pymongo.MongoClient[dict[str, Any]](first.secret("booking_mongodb_uri")) as client:
            client["booking"]["things"].insert_one({"_id": "kept"})
        password = first.secret("booking_password")
        with pytest.raises(Trouble, match="Another stack runs"):
            Stack(folder=tmp_path, services=())
    (tmp_path / "ports.json").unlink()

    with Stack(folder=tmp_path, services=()) as second:
        assert second.secret("booking_password") == password
        assert second.mongod.port != first.mongod.port
        with pymongo.MongoClient[dict[str, Any]](second.secret("booking_mongodb_uri")) as client:
            assert client["booking"]["things"].find_one() == {"_id": "kept"}
        assert waiting(second, "reporting.offices") == 1
        second.rabbitmq.stop()
        second.rabbitmq.wipe()
        second.rabbitmq.start()
        second.rabbitmq.wait_until_ready()
        assert waiting(second, "reporting.offices") == 0


def waiting(stack: Stack, queue: str) -> int:
    async def count(channel: AbstractChannel) -> int:
        return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count or 0

    # A quorum queue needs a moment to elect itself after a start.
    return int(eventually(lambda: as_user(stack, "reporting", count) + 1)) - 1


KILLED = """
    import os, pathlib, signal, sys
    from deploy.local.stack import Stack
    with Stack(folder=pathlib.Path(sys.argv[1]), services=()) as stack:
        print(*(process.pid for process in stack.processes), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_runs_on_after_the_starter_was_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 3
    eventually(lambda: not any(alive(pid) for pid in pids), what="every server ended")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An ended process stays as a zombie where init does not collect it.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "mongod").mkdir()
    for name in ("WiredTiger", "WiredTiger.turtle"):
        (tmp_path / "mongod" / name).write_text("not a database")
    stack = Stack(folder=tmp_path, services=())

    with pytest.raises(Trouble, match=r"mongod stopped while starting .*log: .*mongod\.log"):
        stack.start()

    assert not [process.name for process in stack.processes if process.running]
