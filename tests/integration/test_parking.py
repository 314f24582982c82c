"""The operators' commands on parked messages, on the real broker."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from uuid import uuid4

import aio_pika
import pytest

from deploy.local.process import ROOT
from deploy.local.stack import Stack

QUEUE = "booking.notifications"


def park(stack: Stack, *ids: str, body: bytes = b"not json") -> None:
    async def run() -> None:
        async with await aio_pika.connect(stack.secret("booking_amqp_url")) as connection:
            channel = await connection.channel(on_return_raises=True)
            parking = await channel.get_exchange("parking", ensure=False)
            for id in ids:
                headers = {
                    "x-attempt": 4,
                    "x-parked-reason": "unreadable",
                    "x-parked-error": "no JSON",
                    "kept": "yes",
                }
                message = aio_pika.Message(body, message_id=id, headers=headers)  # type: ignore[arg-type]
                await parking.publish(message, QUEUE)

    asyncio.run(run())


def work_queue(stack: Stack) -> list[tuple[str, set[str]]]:
    """Takes what waits for the service: ids, and the names of their headers."""

    async def run() -> list[tuple[str, set[str]]]:
        taken = []
        async with await aio_pika.connect(stack.secret("booking_amqp_url")) as connection:
            queue = await (await connection.channel()).declare_queue(QUEUE, passive=True)
            while message := await queue.get(no_ack=True, fail=False):
                taken.append((message.message_id or "", set(message.headers)))
        return taken

    return asyncio.run(run())


def amtstermin(stack: Stack, *arguments: str, ok: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", *arguments],
        cwd=ROOT,
        env={"AMTSTERMIN_SECRETS_DIR": str(stack.secrets), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def listed(stack: Stack) -> Sequence[str]:
    lines = amtstermin(stack, "parking", "list", QUEUE).splitlines()
    return [line.split()[0] for line in lines if not line.startswith("Nothing")]


@pytest.fixture
def parked(servers: Stack) -> list[str]:
    """Three messages, oldest first, and nothing else."""
    amtstermin(servers, "parking", "discard", QUEUE, "--all", "--reason", "a fresh test")
    work_queue(servers)
    ids = [str(uuid4()) for _ in range(3)]
    park(servers, *ids)
    return ids


def test_looking_at_parked_messages_moves_none(servers: Stack, parked: list[str]) -> None:
    counts = {line.split()[1]: line.split()[0] for line in amtstermin(servers, "parking", "list").splitlines()}
    shown = amtstermin(servers, "parking", "show", QUEUE, parked[1])

    assert counts[QUEUE] == "3"
    assert len(counts) == 8
    assert "unreadable" in shown
    assert "no JSON" in shown
    assert "not json" in shown
    assert listed(servers) == parked


def test_replay_sends_back_with_fresh_attempts(servers: Stack, parked: list[str]) -> None:
    assert "1 sent back" in amtstermin(servers, "parking", "replay", QUEUE, parked[1])

    assert listed(servers) == [parked[0], parked[2]]
    assert work_queue(servers) == [(parked[1], {"kept", "x-delivery-count"})]


def test_discard_needs_and_logs_a_reason(servers: Stack, parked: list[str]) -> None:
    assert "--reason" in amtstermin(servers, "parking", "discard", QUEUE, parked[0], ok=False)
    out = amtstermin(servers, "parking", "discard", QUEUE, parked[0], "--reason", "sent by mistake")

    logged = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    assert logged["reason"] == "sent by mistake"
    assert logged["message_id"] == parked[0]
    assert listed(servers) == parked[1:]
    assert work_queue(servers) == []


def test_unknown_queue_or_message_is_said(servers: Stack, parked: list[str]) -> None:
    assert "There is no queue" in amtstermin(servers, "parking", "list", "booking.nothing", ok=False)
    assert "No message nowhere" in amtstermin(servers, "parking", "show", QUEUE, "nowhere", ok=False)
    assert "Not parked" in amtstermin(servers, "parking", "replay", QUEUE, "nowhere", ok=False)
    assert "--all" in amtstermin(servers, "parking", "replay", QUEUE, ok=False)
    assert listed(servers) == parked
