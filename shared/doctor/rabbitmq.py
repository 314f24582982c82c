"""The broker: whether it answers, who listens, what is parked."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import aio_pika
from aio_pika.exceptions import AMQPError, ChannelClosed

from shared.doctor.findings import Finding, Level, well

_TIMEOUT = 10
_ALONE = (".parking", ".rebuild")
LOAD = "Load deploy/rabbitmq/definitions.json: `rabbitmqctl import_definitions`."


def examine(url: str, *, definitions: dict[str, Any]) -> Iterator[Finding]:
    try:
        queues = asyncio.run(_queues(url, [queue["name"] for queue in definitions["queues"]]))
    except (OSError, AMQPError, TimeoutError) as error:
        do = "Look whether RabbitMQ runs (its log), and whether these are its secrets."
        yield Finding("rabbitmq", Level.CRITICAL, f"does not answer: {type(error).__name__}", do)
        return
    yield well("rabbitmq", "answers")
    yield _missing(queues)
    yield _consumers(queues)
    yield _parked(queues)


async def _queues(url: str, names: Sequence[str]) -> dict[str, tuple[int, int] | None]:
    """Messages and consumers by queue; None where it is missing."""
    found: dict[str, tuple[int, int] | None] = {}
    connection = await aio_pika.connect(url, timeout=_TIMEOUT)
    async with connection:
        for name in names:
            try:
                async with connection.channel() as channel:
                    declared = (await channel.declare_queue(name, passive=True)).declaration_result
                    found[name] = declared.message_count or 0, declared.consumer_count or 0
            except ChannelClosed:
                found[name] = None
    return found


def _missing(queues: dict[str, tuple[int, int] | None]) -> Finding:
    missing = [name for name, found in queues.items() if found is None]
    if missing:
        return Finding(
            "queues", Level.CRITICAL, f"missing: {', '.join(missing)}", f"{LOAD} Then republish to them."
        )
    return well("queues", f"all {len(queues)} are there")


def _consumers(queues: dict[str, tuple[int, int] | None]) -> Finding:
    """Retries wait for their time, what is parked for a person, and a rebuild listens while it runs."""
    work = {n: q for n, q in queues.items() if q and not n.startswith("retry.") and not n.endswith(_ALONE)}
    silent = [f"{name} ({found[0]} waiting)" for name, found in work.items() if not found[1]]
    if not silent:
        return well("consumers", f"every one of {len(work)} queues is listened to")
    services = sorted({name.split(".")[0] for name in silent})
    do = f"Start {', '.join(services)}, or look into the log for `consumer`."
    return Finding("consumers", Level.CRITICAL, f"nobody listens to {', '.join(silent)}", do)


def _parked(queues: dict[str, tuple[int, int] | None]) -> Finding:
    parked = {n: q[0] for n, q in queues.items() if q and n.endswith(".parking") and q[0]}
    if not parked:
        return well("parked", "no message is parked")
    said = ", ".join(f"{count} for {name.removesuffix('.parking')}" for name, count in parked.items())
    do = "`amtstermin parking list QUEUE` says why; then replay or discard."
    return Finding("parked", Level.WARNING, said, do)
