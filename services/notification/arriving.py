"""Reports meet their deliveries: at once where they can, else as soon as the delivery's own record is there."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from services.notification import metrics
from services.notification.arrivals import Report, Then, what_follows
from services.notification.delivery.recording import entry_of, state_of
from services.notification.delivery.sending import Clock
from services.notification.domain import Status
from services.notification.purposes import TO_STAFF
from services.notification.storage import Deliveries, HandedOver, Reports
from shared.contracts import NotificationDelivered, NotificationFailed, NotificationSent
from shared.observability import get_logger
from shared.outbox import Entry, Relay

log = get_logger()


class Arrivals:
    """Any process may settle any report: the delivery's own version guards each write."""

    def __init__(
        self,
        *,
        reports: Reports,
        deliveries: Deliveries,
        relay: Relay,
        clock: Clock,
        every: timedelta = timedelta(seconds=2),
    ) -> None:
        self._reports = reports
        self._deliveries = deliveries
        self._relay = relay
        self._clock = clock
        self._every = every.total_seconds()
        self._task: asyncio.Task[None] | None = None

    async def hear(self, report: Report) -> None:
        """Returns once the report is stored; whoever told it may forget it then."""
        now = self._clock.now()
        if await self._reports.keep(report, now=now):
            metrics.REPORTS.labels(report.by, report.told.value).inc()
        try:
            await self._settle(report, looks=0, now=now)
        except Exception as error:
            # It is stored: the loop goes on with it.
            log.warning("report_settled_later", by=report.by, error=type(error).__name__)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_settling())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_settling(self) -> None:
        while True:
            try:
                now = self._clock.now()
                for one in await self._reports.open(now=now):
                    await self._settle(one.report, looks=one.looks, now=now)
            except Exception as error:
                log.warning("settling_reports_failed", error=type(error).__name__)
            await asyncio.sleep(self._every)

    async def _settle(self, report: Report, *, looks: int, now: datetime) -> None:
        handed_over = await self._deliveries.handed_over(report)
        if handed_over and await self._done(report, handed_over, now=now):
            await self._reports.settle(report)
        else:
            await self._reports.look_later(report, looks=looks, now=now)

    async def _done(self, report: Report, known: HandedOver, *, now: datetime) -> bool:
        match what_follows(report.told, status=known.status, leased=known.leased, arrived=known.arrived):
            case Then.ARRIVED:
                return await self._tell(known, _arrived(known, now=now), delivered_at=now)
            case Then.LOST:
                return await self._tell(known, _lost(known, report, now=now), error=report.error)
            case Then.NOTHING:
                return True
        return False

    async def _tell(
        self,
        known: HandedOver,
        entries: list[Entry],
        *,
        delivered_at: datetime | None = None,
        error: str | None = None,
    ) -> bool:
        """False where another process was quicker: it is looked at again."""
        if known.delivery.purpose in TO_STAFF:
            entries = []
        told = await self._deliveries.reported(known, entries, delivered_at=delivered_at, error=error)
        if told:
            id = known.delivery.id
            log.info("delivery_reported", delivery=id, arrived=delivered_at is not None, error=error)
            self._relay.submit(collection=self._deliveries.name, document_id=id, entries=entries)
        return told


def _arrived(known: HandedOver, *, now: datetime) -> list[Entry]:
    """Where our own record of the answer is missing, the receipt says both."""
    delivery, version = known.delivery, known.delivery.version
    sent_at = known.sent_at or now
    sent = state_of(delivery, status="sent", language=delivery.language, attempts=delivery.attempts)
    sent = sent.model_copy(update={"sent_at": sent_at})
    arrived = sent.model_copy(update={"status": "delivered", "delivered_at": now})
    entries = []
    if known.status is Status.DUE:
        version += 1
        entries.append(entry_of(NotificationSent, delivery, sent, version=version, now=now))
    return [*entries, entry_of(NotificationDelivered, delivery, arrived, version=version + 1, now=now)]


def _lost(known: HandedOver, report: Report, *, now: datetime) -> list[Entry]:
    delivery = known.delivery
    state = state_of(delivery, status="failed", language=delivery.language, attempts=delivery.attempts)
    state = state.model_copy(update={"sent_at": known.sent_at, "error": report.error})
    return [entry_of(NotificationFailed, delivery, state, version=delivery.version + 1, now=now)]
