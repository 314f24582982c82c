"""Outcomes become records and events, many in one write."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from services.notification import metrics
from services.notification.domain import Delivery, Status, is_undeliverable
from services.notification.purposes import TO_STAFF
from services.notification.storage import Deliveries, Record, Stored
from shared import tracing
from shared.contracts import (
    DeliveryState,
    Event,
    NotificationExpired,
    NotificationFailed,
    NotificationSent,
    NotificationSuperseded,
    NotificationUndeliverable,
    new_event,
)
from shared.crashpoints import CrashPoint, crash_point
from shared.observability import get_logger
from shared.outbox import Entry, Relay, outbox_entry

log = get_logger()

_EVENTS: dict[Status, type[Event]] = {
    Status.SENT: NotificationSent,
    Status.FAILED: NotificationFailed,
    Status.EXPIRED: NotificationExpired,
    Status.SUPERSEDED: NotificationSuperseded,
}
_RETRY_AFTER_S = 0.5


class Recorder:
    """While one write is under way the next outcomes gather.

    A database that is away keeps outcomes here: they are written as soon as it answers, and until then nobody
    claims these deliveries anew as long as their lease lasts.
    """

    def __init__(self, *, deliveries: Deliveries, relay: Relay) -> None:
        self._deliveries = deliveries
        self._relay = relay
        self._waiting: dict[str, Record] = {}
        self._writing: dict[str, Record] = {}
        self._something = asyncio.Event()
        self._nothing_left = asyncio.Event()
        self._nothing_left.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def unrecorded(self) -> set[str]:
        """Ids of deliveries whose outcome is not stored yet."""
        return self._waiting.keys() | self._writing.keys()

    def put(self, record: Record, *, now: datetime) -> None:
        delivery = record.claimed.delivery
        metrics.DELIVERIES.labels(delivery.purpose.value, delivery.channel.value, _outcome(record)).inc()
        if record.status is Status.SUPERSEDED:
            metrics.SUPERSEDED.labels(delivery.purpose.value).inc()
        self._waiting[delivery.id] = _with_event(record, now=now)
        self._nothing_left.clear()
        self._something.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_writing())

    async def stop(self, *, within: timedelta = timedelta(seconds=5)) -> None:
        """Writes what is left."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nothing_left.wait(), within.total_seconds())
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def settle_failures(self, *, now: datetime) -> None:
        """Says `undeliverable`, once, where nothing that was planned for one purpose can arrive any more."""
        for failed in await self._deliveries.to_settle():
            planned = await self._deliveries.planned_together(failed)
            statuses = {p.status for p in planned}
            if Status.DUE in statuses and Status.SENT not in statuses:
                continue
            if is_undeliverable(statuses):
                await self._say_undeliverable(planned[0], now=now)
            crash_point(CrashPoint.NOTIFICATION_BEFORE_SETTLE)
            await self._deliveries.settle(failed)
            crash_point(CrashPoint.NOTIFICATION_AFTER_SETTLE)

    async def _say_undeliverable(self, first: Stored, *, now: datetime) -> None:
        delivery, version = first.delivery, first.delivery.version + 1
        state = state_of(delivery, status="undeliverable", language=delivery.language, attempts=delivery.attempts)
        state = state.model_copy(update={"error": first.error})
        entry = entry_of(NotificationUndeliverable, delivery, state, version=version, now=now)
        entries = [] if delivery.purpose in TO_STAFF else [entry]
        if await self._deliveries.mark_undeliverable(delivery.id, version=version, entries=entries):
            crash_point(CrashPoint.NOTIFICATION_AFTER_UNDELIVERABLE)
            metrics.UNDELIVERABLE.labels(delivery.purpose.value).inc()
            log.warning("undeliverable", delivery=delivery.id, appointment=delivery.appointment)
            self._relay.submit(collection=self._deliveries.name, document_id=delivery.id, entries=entries)

    async def _keep_writing(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            self._writing, self._waiting = self._waiting, {}
            try:
                await self._write(list(self._writing.values()))
            except Exception as error:
                # Whatever it is, an outcome that is lost is a message that goes out twice.
                log.warning("outcomes_not_stored", error=type(error).__name__)
                self._waiting = self._writing | self._waiting
                self._something.set()
                await asyncio.sleep(_RETRY_AFTER_S)
            self._writing = {}
            if not self._waiting:
                self._nothing_left.set()

    async def _write(self, records: list[Record]) -> None:
        lost = {r.claimed.delivery.id for r in await self._deliveries.record(records)}
        crash_point(CrashPoint.NOTIFICATION_AFTER_RECORD)
        if lost:
            metrics.LEASES_LOST.inc(len(lost))
            log.warning("leases_lost", deliveries=sorted(lost))
        for record in records:
            delivery = record.claimed.delivery
            if record.entries and delivery.id not in lost:
                self._relay.submit(
                    collection=self._deliveries.name, document_id=delivery.id, entries=record.entries
                )


def _outcome(record: Record) -> str:
    """For the metrics: as the status, but of two kinds while a delivery stays due."""
    if record.status is Status.DUE:
        return "waiting" if record.waits_for else "retried"
    return record.status.value


def _with_event(record: Record, *, now: datetime) -> Record:
    event = _EVENTS.get(record.status)
    delivery = record.claimed.delivery
    if event is None or delivery.purpose in TO_STAFF:
        return record
    state = state_of(delivery, status=record.status.value, language=record.language, attempts=record.attempts)
    state = state.model_copy(update={"sent_at": record.sent_at, "error": record.error})
    return replace(record, entries=(entry_of(event, delivery, state, version=delivery.version + 1, now=now),))


def entry_of(cls: type[Event], delivery: Delivery, state: DeliveryState, *, version: int, now: datetime) -> Entry:
    trace = tracing.new(correlation_id=delivery.correlation_id, traceparent=delivery.traceparent)
    with tracing.within(trace):
        return outbox_entry(new_event(cls, subject=delivery.id, sequence=version, data=state, time=now))


def state_of(delivery: Delivery, *, status: str, language: str, attempts: int) -> DeliveryState:
    return DeliveryState(
        delivery=delivery.id,
        appointment=delivery.appointment,
        office=delivery.office,
        purpose=delivery.purpose.value,
        channel=delivery.channel.value,
        language=language,
        status=status,
        attempts=attempts,
        caused_by=delivery.caused_by,
        created_at=delivery.created_at,
        due_at=delivery.due_at,
    )
