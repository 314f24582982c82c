"""What operators do with parked messages: look, send back to their queue, or throw away with a reason.

Browsing takes messages without acknowledging them; the broker puts them back when the connection closes.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity

from shared.setup import Trouble

SUFFIX = ".parking"
_OURS = (
    "x-parked-",
    "x-attempt",
    "x-death",
    "x-first-death-",
    "x-last-death-",
    "x-delivery-count",
    "x-acquired-count",
)
_TIMEOUT = 10


@dataclass(frozen=True)
class Parked:
    """One parked message. `id` is the message's own, or its place in the queue where it has none."""

    id: str
    type: str
    reason: str
    error: str
    trace: str
    at: str
    body: bytes
    headers: dict[str, Any]


async def count(*, url: str, queues: Sequence[str]) -> dict[str, int]:
    """How many messages are parked for each work queue."""
    async with _channel(url) as channel:
        return {queue: _size(await _parking_queue(channel, queue)) for queue in queues}


async def browse(*, url: str, queue: str, limit: int) -> list[Parked]:
    """The oldest `limit` messages that are parked for `queue`."""
    async with _channel(url) as channel:
        parking = await _parking_queue(channel, queue)
        return [parked async for parked, _ in _messages(parking, limit=limit)]


async def find(*, url: str, queue: str, id: str) -> Parked:
    async with _channel(url) as channel:
        async for parked, _ in _messages(await _parking_queue(channel, queue)):
            if parked.id == id:
                return parked
    raise Trouble(
        f"No message {id} is parked for {queue}: `amtstermin parking list {queue}` shows those that are."
    )


async def replay(*, url: str, queue: str, ids: Collection[str], done: Callable[[Parked], None]) -> None:
    """Sends the messages with these ids, or all for no id, back to `queue` with a fresh count of attempts.
    Each leaves the parking queue only when the broker has stored it in the work queue."""
    async with _channel(url) as channel:
        requeue = await channel.get_exchange("requeue", ensure=False)
        async for parked, message in _chosen(channel, queue, ids):
            await requeue.publish(_as_new(message), f"cli.{queue}", mandatory=True, timeout=_TIMEOUT)
            await message.ack()
            done(parked)


async def discard(*, url: str, queue: str, ids: Collection[str], done: Callable[[Parked], None]) -> None:
    """Throws the messages with these ids away, or all for no id."""
    async with _channel(url) as channel:
        async for parked, message in _chosen(channel, queue, ids):
            await message.ack()
            done(parked)


async def _chosen(
    channel: AbstractChannel, queue: str, ids: Collection[str]
) -> AsyncIterator[tuple[Parked, AbstractIncomingMessage]]:
    missing = set(ids)
    async for parked, message in _messages(await _parking_queue(channel, queue)):
        if not ids or parked.id in missing:
            missing.discard(parked.id)
            yield parked, message
        if ids and not missing:
            return
    if missing:
        raise Trouble(f"Not parked for {queue}: {', '.join(sorted(missing))}. The others were dealt with.")


async def _messages(
    parking: AbstractQueue, limit: int | None = None
) -> AsyncIterator[tuple[Parked, AbstractIncomingMessage]]:
    size = _size(parking)
    for place in range(1, min(size, limit if limit is not None else size) + 1):
        message = await parking.get(no_ack=False, fail=False, timeout=_TIMEOUT)
        if message is None:
            return
        yield _parked(message, place), message


def _parked(message: AbstractIncomingMessage, place: int) -> Parked:
    headers = dict(message.headers)
    # What the broker dead-lettered itself, for too many deliveries, carries its own headers instead of ours.
    death = headers.get("x-first-death-reason") or headers.get("x-last-death-reason") or "unknown"
    return Parked(
        id=message.message_id or f"#{place}",
        type=_type(message.body),
        reason=_text(headers.get("x-parked-reason", death)),
        error=_text(headers.get("x-parked-error", "")),
        trace=_text(headers.get("x-parked-trace", "")),
        at=_text(headers.get("x-parked-at", "")),
        body=message.body,
        headers=headers,
    )


def _type(body: bytes) -> str:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return "not JSON"
    return str(content.get("type", "no type")) if isinstance(content, dict) else "no object"


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _as_new(message: AbstractIncomingMessage) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers={name: value for name, value in message.headers.items() if not name.startswith(_OURS)},
        content_type=message.content_type,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


def _size(queue: AbstractQueue) -> int:
    return queue.declaration_result.message_count or 0


async def _parking_queue(channel: AbstractChannel, queue: str) -> AbstractQueue:
    try:
        return await channel.declare_queue(f"{queue}{SUFFIX}", passive=True)
    except ChannelNotFoundEntity as error:
        raise Trouble(f"There is no queue {queue}: `amtstermin parking list` names them.") from error


@asynccontextmanager
async def _channel(url: str) -> AsyncIterator[AbstractChannel]:
    """Everything taken and not acknowledged is back in its queue when this ends."""
    place = urlsplit(url)
    try:
        connection = await aio_pika.connect(url, timeout=_TIMEOUT)
    except (OSError, AMQPError, TimeoutError) as error:
        raise Trouble(
            f"RabbitMQ does not let {place.username} in at {place.hostname}:{place.port} "
            f"({type(error).__name__}): does it run, and are these its secrets?"
        ) from error
    async with connection:
        try:
            yield await connection.channel(publisher_confirms=True, on_return_raises=True)
        except (AMQPError, TimeoutError) as error:
            raise Trouble(f"RabbitMQ refused or was lost on the way ({error}): look, then try again.") from error
