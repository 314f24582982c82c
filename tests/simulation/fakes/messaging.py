"""A process's two connections to the broker. Retries, parking and acknowledgements are the product's own."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from aio_pika import IncomingMessage
from aio_pika.exceptions import ChannelInvalidStateError
from faststream.rabbit import RabbitBroker
from pydantic import SecretStr

from shared.messaging import Consumers, Handlers, Publisher, PublishFailed
from shared.messaging.consuming import Receiver
from tests.simulation.fakes.rabbitmq import Broker, Channel, Message, Session
from tests.simulation.process import Call, Process

_CONFIRM_WITHIN_S = 5
_HEARTBEATS_S = 4
_URL = SecretStr("amqp://simulated")


class FakePublisher:
    """Fails as the real one does: at once without a connection, after 5 s without a confirm."""

    def __init__(self, process: Process, broker: Broker) -> None:
        self._process = process
        self._broker = broker
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self.on_connected: Callable[[], None] | None = None
        self.published: list[str] = []

    @property
    def connected(self) -> bool:
        return self._session is not None and self._session.open

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_connected())
        self._process.at_death.append(self._cut)
        self._process.at_freeze.append(partial(_misses_heartbeats, self._process, self.lose))

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
        self._cut()

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
        session = self._session
        if session is None or not session.open:
            raise PublishFailed("not connected to RabbitMQ")
        message = Message(message_id, exchange, routing_key, body, correlation_id, headers or {})
        try:
            async with asyncio.timeout(_CONFIRM_WITHIN_S):
                await self._process.call("publish", partial(self._send, session, message), travel=self._travel)
        except TimeoutError as error:
            raise PublishFailed("TimeoutError") from error

    def _send(self, session: Session, message: Message, call: Call) -> None:
        session.unconfirmed.append(call)
        self._broker.publish(session, message, call)

    def _travel(self) -> float:
        return self._broker.travel()

    def lose(self) -> None:
        """The connection breaks."""
        if self._session:
            self._broker.cut(self._session)

    _cut = lose

    async def _keep_connected(self) -> None:
        while True:
            try:
                await self._process.call("connect", self._accept, travel=self._travel)
            except OSError:
                pass
            else:
                await self._stay()
            await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311

    def _accept(self, call: Call) -> None:
        if self._broker.away:
            call.fail(ConnectionRefusedError())
        else:
            call.answer()

    async def _stay(self) -> None:
        lost = asyncio.Event()
        self._session = Session(lose=lost.set)
        self._broker.connects(self._session)
        if self.on_connected:
            self.on_connected()
        await lost.wait()


class SimulatedConsumers(Consumers):
    """The product's consumers, on a connection to the simulated broker."""

    def __init__(
        self, *, process: Process, broker: Broker, publisher: Publisher, handlers: Handlers, prefetch: int
    ) -> None:
        super().__init__(
            url=_URL, publisher=publisher, handlers=handlers, prefetch=prefetch, log_handled=process.world.tracing
        )
        self.connection = FakeRabbit(process, broker, self._receiver, tuple(handlers.by_queue), prefetch)

    def _new_broker(self) -> RabbitBroker:
        return cast(RabbitBroker, self.connection)


@dataclass(eq=False)
class FakeRabbit:
    """What the library does for consumers: connects, again and again, and waits for handlers when it stops."""

    process: Process
    broker: Broker
    receiver: Callable[[str], Receiver]
    queues: tuple[str, ...]
    prefetch: int

    def __post_init__(self) -> None:
        self._channels: list[FakeChannel] = []
        self._running: set[asyncio.Task[None]] = set()
        self._wanted = False

    async def start(self) -> None:
        await self.process.call("connect", self._accept, travel=self.broker.travel)
        if not self._wanted:
            self._wanted = True
            self.process.at_death.append(self._leave)
            self.process.at_freeze.append(partial(_misses_heartbeats, self.process, self.lose))
        self._open()

    async def stop(self) -> None:
        for channel in self._channels:
            channel.taking = False
        if self._running:
            await asyncio.wait(self._running, timeout=25)
        self._leave()

    def lose(self) -> None:
        """The connection breaks, and comes back by itself."""
        if not any(channel.side.open for channel in self._channels):
            return
        self._close()
        self.broker.world.later(self.broker.world.chance.uniform(0.5, 1.5), self._reopen)

    def _accept(self, call: Call) -> None:
        if self.broker.away:
            call.fail(ConnectionRefusedError())
        else:
            call.answer()

    def _open(self) -> None:
        self._channels = [FakeChannel(self, queue, self.receiver(queue)) for queue in self.queues]

    def _reopen(self) -> None:
        if not self._wanted or not self.process.alive:
            return
        if self.broker.away or self.broker.world.now < self.process.frozen_until:
            self.broker.world.later(1.0, self._reopen)
        elif not any(channel.side.open for channel in self._channels):
            self._open()

    def _leave(self) -> None:
        self._wanted = False
        self._close()

    def _close(self) -> None:
        for channel in self._channels:
            self.broker.close(channel.side)

    def handle(self, receive: Receiver, message: IncomingMessage) -> None:
        task = self.process.loop.create_task(receive(message))  # type: ignore[arg-type]
        self._running.add(task)
        task.add_done_callback(self._running.discard)


class FakeChannel:
    """One consumer's end: gives messages to the product, takes its acknowledgements."""

    def __init__(self, rabbit: FakeRabbit, queue: str, receive: Receiver) -> None:
        self._rabbit = rabbit
        self._receive = receive
        self._sent = 0
        self.taking = True
        self.side = Channel(queue=queue, take=self._take, lose=rabbit.lose, prefetch=rabbit.prefetch)
        rabbit.broker.consumes(self.side)

    def _take(self, message: Message, tag: int) -> None:
        process = self._rabbit.process
        if not process.alive or not self.taking:
            return
        if process.world.now < process.frozen_until:
            process.at_the_door.append(lambda: self._take(message, tag))
            return
        if process.world.tracing:
            process.world.note(f"{process.name}  hears {message.key} {message.id}")
        incoming = _Incoming(message.body, message.headers, message.id, message.correlation_id, self, tag)
        self._rabbit.handle(self._receive, cast(IncomingMessage, incoming))

    async def basic_ack(self, tag: int, multiple: bool = False) -> None:
        if not self.side.open:
            raise ChannelInvalidStateError
        broker = self._rabbit.broker
        self._sent += 1
        acknowledge = partial(broker.acknowledge, self.side, self._sent, tag, multiple)
        await self._rabbit.process.post("ack", acknowledge, travel=broker.travel)


@dataclass(slots=True, eq=False)
class _Incoming:
    body: bytes
    headers: dict[str, Any]
    message_id: str
    correlation_id: str | None
    channel: FakeChannel
    delivery_tag: int


def _misses_heartbeats(process: Process, lose: Callable[[], None], span: float) -> None:
    """The broker gives up whoever stands still for long."""
    world = process.world
    if span > _HEARTBEATS_S and world.chance.random() < 0.7:
        world.later(world.chance.uniform(_HEARTBEATS_S, span), lose)


def as_publisher(publisher: FakePublisher) -> Publisher:
    return cast(Publisher, publisher)
