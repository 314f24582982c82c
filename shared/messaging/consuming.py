"""Events from queues to handlers: at least once, retried by delay queues, parked with the reason."""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from aio_pika import IncomingMessage
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from faststream.rabbit.subscriber import RabbitSubscriber
from prometheus_client import Counter, Gauge, Histogram
from pydantic import SecretStr

from shared import tracing
from shared.contracts.event import Event, wire_type
from shared.contracts.reading import UnreadableEvent, parse_event
from shared.crashpoints import CrashPoint, crash_point
from shared.messaging.acknowledging import Acknowledger
from shared.messaging.publishing import Publisher, PublishFailed, being_cancelled, with_heartbeat
from shared.mongo import is_away
from shared.observability import get_logger

log = get_logger()

CONSUMED = Counter("events_consumed_total", "Messages taken from a queue", ["queue", "type", "outcome"])
PAUSED = Gauge("consumer_paused", "Messages held back because a dependency is down", ["queue"])
HANDLING = Histogram("event_handling_seconds", "Time in the handler", ["queue"])

# One delay queue per rung: a TTL per message would block at the queue's head.
RUNGS = ("5s", "30s", "5m", "30m")
ATTEMPT = "x-attempt"
_PAUSE = timedelta(seconds=1)
_LONGEST_ERROR = 2000
_LONGEST_START_S = 5

AnyHandler = Callable[[Any], Awaitable[None]]
Receiver = Callable[[IncomingMessage], Awaitable[None]]
H = TypeVar("H", bound=AnyHandler)


class DependencyDown(Exception):
    """A handler's dependency is away: keep the message and try again soon, without counting an attempt."""


class _Stopping(Exception):
    """The process ends: leave the message to the queue."""


class Handlers:
    """What a service hears: `@on("queue", EventType, …)` on each handler."""

    def __init__(self) -> None:
        self.by_queue: dict[str, dict[str, AnyHandler]] = {}

    def __call__(self, queue: str, *events: type[Event]) -> Callable[[H], H]:
        def register(handler: H) -> H:
            self.by_queue.setdefault(queue, {}).update({wire_type(e): handler for e in events})
            return handler

        return register


@dataclass(slots=True)
class Consumers:
    """Runs `handlers` on their queues, up to `prefetch` messages of a queue at once.

    `log_handled` writes a line for each event that went well; failures are always logged.
    """

    url: SecretStr
    publisher: Publisher
    handlers: Handlers
    prefetch: int = 100
    log_handled: bool = True
    stop_within: timedelta = timedelta(seconds=25)
    _broker: RabbitBroker | None = None
    _starting: asyncio.Task[None] | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _acknowledger: Acknowledger = field(default_factory=Acknowledger)

    @property
    def healthy(self) -> bool:
        return self._broker is not None and self._starting is not None and self._starting.done()

    async def start(self) -> None:
        """Returns at once; the broker may come later."""
        self._starting = asyncio.create_task(self._keep_starting())

    async def stop(self) -> None:
        """Takes no more messages and waits for the running handlers."""
        self._stopping.set()
        if self._starting:
            # Not cancelled: the library takes a cancellation for a lost connection, and connects again for ever.
            await asyncio.wait({self._starting}, timeout=_LONGEST_START_S)
        if self._broker:
            await self._broker.stop()

    async def ping(self) -> str | None:
        if not self.healthy or self._broker is None or not await self._broker.ping(timeout=2):
            return "RabbitMQ does not answer; events wait, and nothing is lost"
        return None

    async def _keep_starting(self) -> None:
        while not self._stopping.is_set():
            broker = self._new_broker()
            try:
                await broker.start()
            except (Exception, asyncio.CancelledError) as error:
                if being_cancelled():
                    raise
                log.warning("consumers_wait_for_rabbitmq", error=type(error).__name__)
                with suppress(Exception, asyncio.CancelledError):
                    await broker.stop()
            else:
                self._broker = broker
                log.info("consuming", queues=sorted(self.handlers.by_queue))
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), random.uniform(0.5, 1.5))  # noqa: S311 (jitter)

    def _new_broker(self) -> RabbitBroker:
        broker = RabbitBroker(
            with_heartbeat(self.url),
            reconnect_interval=1.0,
            graceful_timeout=self.stop_within.total_seconds(),
            apply_types=False,
            logger=None,
        )
        for queue in self.handlers.by_queue:
            subscriber = broker.subscriber(
                RabbitQueue(queue, queue_type=QueueType.QUORUM, durable=True, declare=False),
                channel=Channel(prefetch_count=self.prefetch),
                ack_policy=AckPolicy.MANUAL,
            )
            receive = self._receiver(queue)
            subscriber(receive)
            _straight(subscriber, receive)
        return broker

    def _receiver(self, queue: str) -> Receiver:
        async def receive(message: IncomingMessage) -> None:
            try:
                outcome, kind = await self._handle(queue, message)
            except (_Stopping, asyncio.CancelledError):
                return
            CONSUMED.labels(queue, kind, outcome).inc()
            # A lost channel brings the message again, and handlers are idempotent by key.
            await self._acknowledger.finish(message.channel, message.delivery_tag or 0)

        return receive

    async def _handle(self, queue: str, message: IncomingMessage) -> tuple[str, str]:
        handlers = self.handlers.by_queue[queue]
        try:
            event = parse_event(message.body)
            if event.type not in handlers:
                raise UnreadableEvent(f"unsupported event type {event.type!r}")
        except UnreadableEvent as error:
            log.error("event_unreadable", queue=queue, reason=error.reason)
            await self._park(queue, message, reason="unreadable", error=error.reason)
            return "parked", "unreadable"
        trace = tracing.new(correlation_id=event.correlationid, traceparent=event.traceparent)
        with tracing.within(trace), HANDLING.labels(queue).time():
            try:
                crash_point(CrashPoint.CONSUMER_BEFORE_HANDLER)
                await self._until_dependencies_answer(queue, handlers[event.type], event)
            except _Stopping:
                raise
            except Exception as error:
                return await self._retry_or_park(queue, message, event, error), event.type
            crash_point(CrashPoint.CONSUMER_AFTER_HANDLER)
            if self.log_handled:
                log.info("event_handled", queue=queue, event_id=event.id, type=event.type)
        return "done", event.type

    async def _until_dependencies_answer(self, queue: str, handler: AnyHandler, event: Event) -> None:
        while True:
            try:
                return await handler(event)
            except Exception as error:
                if not (isinstance(error, DependencyDown) or is_away(error)):
                    raise
                log.warning("consumer_paused", queue=queue, event_id=event.id, error=type(error).__name__)
                with PAUSED.labels(queue).track_inprogress():
                    await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), _PAUSE.total_seconds())
        if self._stopping.is_set():
            raise _Stopping

    async def _retry_or_park(self, queue: str, message: IncomingMessage, event: Event, error: Exception) -> str:
        attempt = _attempt(message)
        log.error(
            "handler_failed", queue=queue, event_id=event.id, type=event.type, attempt=attempt, exc_info=error
        )
        if attempt >= len(RUNGS):
            await self._park(queue, message, reason="failed", error=repr(error), cause=error)
            return "parked"
        await self._republish(
            "retry", f"{RUNGS[attempt]}.{queue}", message, {**message.headers, ATTEMPT: attempt + 1}
        )
        crash_point(CrashPoint.CONSUMER_AFTER_RETRY)
        return "retried"

    async def _park(
        self, queue: str, message: IncomingMessage, *, reason: str, error: str, cause: Exception | None = None
    ) -> None:
        trace = "".join(traceback.format_exception(cause)) if cause else ""
        log.error("event_parked", queue=queue, event_id=message.message_id, reason=reason)
        headers = {
            **message.headers,
            "x-parked-queue": queue,
            "x-parked-reason": reason,
            "x-parked-error": error[:_LONGEST_ERROR],
            "x-parked-trace": trace[-_LONGEST_ERROR:],
            "x-parked-at": datetime.now(UTC).isoformat(),
        }
        await self._republish("parking", queue, message, headers)
        crash_point(CrashPoint.CONSUMER_AFTER_PARKING)

    async def _republish(
        self, exchange: str, routing_key: str, message: IncomingMessage, headers: dict[str, Any]
    ) -> None:
        """Until the broker confirms: only then may the original be acknowledged."""
        crash_point(CrashPoint.CONSUMER_BEFORE_REPUBLISH)
        while True:
            try:
                return await self.publisher.publish(
                    exchange=exchange,
                    routing_key=routing_key,
                    body=message.body,
                    message_id=message.message_id or uuid4().hex,
                    correlation_id=message.correlation_id,
                    headers=headers,
                )
            except PublishFailed as error:
                log.warning("republish_failed", exchange=exchange, error=str(error))
                await self._pause()


def _straight(subscriber: RabbitSubscriber, receive: Receiver) -> None:
    """Leads each delivery past the library's own steps (middlewares, context, parser, filters) to `receive`.

    None of them is used here, and together they took as long as a fact of reporting. The lock stays: the
    library waits for it when it stops.
    """

    async def process(message: IncomingMessage) -> None:
        with subscriber.lock:
            await receive(message)

    subscriber.process_message = process  # type: ignore[method-assign, assignment]


def _attempt(message: IncomingMessage) -> int:
    value = message.headers.get(ATTEMPT, 0)
    return value if isinstance(value, int) and value >= 0 else 0
