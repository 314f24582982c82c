"""Confirmed publishing over a connection of its own."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, PublishError
from aiormq import Channel
from pamqp.commands import Basic
from prometheus_client import Counter, Gauge
from pydantic import SecretStr

from shared.contracts.event import CONTENT_TYPE
from shared.observability import get_logger

log = get_logger()

PUBLISHED = Counter("amqp_published_total", "Messages that the broker has stored and routed", ["exchange"])
CONNECTED = Gauge("amqp_connected", "1 while this process can publish", ["connection"])

# Heartbeats of 5 to 20 s are RabbitMQ's own advice; FastStream and aio-pika take them from the URL only.
_HEARTBEAT = 10
_RECONNECT = timedelta(seconds=1)
_WAIT_FOR_SOCKET_EVERY = 16


class PublishFailed(Exception):
    """Nobody knows whether the broker has the message: publish it again."""


class Unroutable(PublishFailed):
    """The broker answered, and no queue is bound for this routing key."""


def being_cancelled() -> bool:
    """Whether the current task is cancelled by its owner: a dying connection raises CancelledError as well."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def with_heartbeat(url: SecretStr) -> str:
    plain = url.get_secret_value()
    return f"{plain}{'&' if '?' in plain else '?'}heartbeat={_HEARTBEAT}"


class Publisher:
    """Publishes with confirms over a connection of its own, which it keeps re-opening."""

    def __init__(self, *, url: SecretStr, name: str, timeout: timedelta = timedelta(seconds=5)) -> None:
        self._url = url
        self._name = name
        self._timeout = timeout.total_seconds()
        self._channel: Channel | None = None
        self._published = 0
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.on_connected: Callable[[], None] | None = None

    @property
    def connected(self) -> bool:
        return self._channel is not None and not self._channel.is_closed

    async def start(self) -> None:
        """Returns at once: bookings go on while the broker is away."""
        self._task = asyncio.create_task(self._keep_connected())

    async def wait_until_connected(self, *, within: timedelta) -> None:
        """For commands that end; raises PublishFailed where the broker does not come."""
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while not self.connected:
            if asyncio.get_running_loop().time() > deadline:
                raise PublishFailed("not connected to RabbitMQ")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def publish(
        self,
        *,
        exchange: str,
        routing_key: str,
        body: bytes,
        message_id: str,
        correlation_id: str | None = None,
        headers: dict[str, Any] | None = None,
    ) -> None:
        """Returns when the broker has stored *and* routed the message.

        Raises Unroutable or PublishFailed, and CancelledError only where the caller itself is cancelled.
        """
        properties = Basic.Properties(
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message_id,
            correlation_id=correlation_id,
            headers=headers,
        )
        try:
            # The layer below aio-pika: half its cost, and only here a publish need not wait for the socket. Every
            # so-many-th does, so that a broker that does not read cannot fill our memory. Confirms all await.
            self._published += 1
            await self._open().basic_publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                properties=properties,
                mandatory=True,
                wait=self._published % _WAIT_FOR_SOCKET_EVERY == 0,
                timeout=self._timeout,
            )
        except PublishError as error:
            raise Unroutable(f"no queue is bound for {routing_key!r} on {exchange!r}") from error
        except asyncio.CancelledError as error:
            # A dying connection cancels its waiting publishers: only our own cancellation may go on.
            if being_cancelled():
                raise
            raise PublishFailed("the connection died") from error
        except (TimeoutError, DeliveryError, AMQPError, ChannelInvalidStateError, OSError) as error:
            raise PublishFailed(type(error).__name__) from error
        PUBLISHED.labels(exchange).inc()

    def _open(self) -> Channel:
        if self._channel is None or self._channel.is_closed:
            raise PublishFailed("not connected to RabbitMQ")
        return self._channel

    async def _keep_connected(self) -> None:
        """Whatever the library raises while it connects: without this loop nothing was published ever again.

        Besides its own errors that can be StopAsyncIteration, where the peer closes before it has said a word,
        and a cancellation that is nobody's.
        """
        failures = 0
        while True:
            try:
                await self._connect_once()
                failures = 0
            except (Exception, asyncio.CancelledError) as error:
                if being_cancelled():
                    raise
                failures += 1
                if failures == 1:
                    log.warning("rabbitmq_away", connection=self._name, error=type(error).__name__)
            await asyncio.sleep(_RECONNECT.total_seconds() * random.uniform(0.5, 1.5))  # noqa: S311 (jitter)

    async def _connect_once(self) -> None:
        """Connects and stays until the connection or its channel is lost."""
        connection = await aio_pika.connect(
            with_heartbeat(self._url), timeout=5, client_properties={"connection_name": self._name}
        )
        try:
            await self._open_channel(connection)
            CONNECTED.labels(self._name).set(1)
            log.info("rabbitmq_connected", connection=self._name)
            if self.on_connected:
                self.on_connected()
            await self._lost.wait()
            log.warning("rabbitmq_lost", connection=self._name)
        finally:
            CONNECTED.labels(self._name).set(0)
            self._channel = None
            with suppress(Exception):
                await asyncio.wait_for(connection.close(), timeout=2)

    async def _open_channel(self, connection: AbstractConnection) -> None:
        self._lost.clear()
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        connection.close_callbacks.add(lambda *_: self._lost.set())
        channel.close_callbacks.add(lambda *_: self._lost.set())
        self._channel = cast(Channel, await channel.get_underlay_channel())
