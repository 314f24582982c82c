"""Claims what is due and keeps as many sends in flight as there is room for."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from uuid import uuid4

from services.notification import metrics
from services.notification.delivery.recording import Recorder
from services.notification.delivery.sending import Clock, Facts, Sender
from services.notification.domain import Delivery
from services.notification.storage import Claimed, Deliveries, Record
from shared import tracing
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import PyMongoError
from shared.observability import get_logger

log = get_logger()

# Events carry their publisher's time, which may be a little ahead of ours.
_ABOUT_NOW = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`in_flight` messages are sent at once, each for `send_timeout` at most; a lease is three times that."""

    in_flight: int = 16
    send_timeout: timedelta = timedelta(seconds=10)
    poll_every: timedelta = timedelta(seconds=1)
    look_after_every: timedelta = timedelta(seconds=5)
    stop_within: timedelta = timedelta(seconds=25)

    @property
    def lease(self) -> timedelta:
        return 3 * self.send_timeout

    @property
    def claimed_at_once(self) -> int:
        """More than is sent at once: no sender waits for the next claim. The rest is for other processes."""
        return 3 * self.in_flight


class Dispatcher:
    """Woken by whoever stores a delivery, and by itself about every second."""

    def __init__(
        self, *, deliveries: Deliveries, sender: Sender, recorder: Recorder, clock: Clock, pace: Pace
    ) -> None:
        self._deliveries = deliveries
        self._sender = sender
        self._recorder = recorder
        self._clock = clock
        self._pace = pace
        self._slots = asyncio.Semaphore(pace.in_flight)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._claimed: list[Claimed] = []
        self._planning = 0
        self._more_may_be_due = True
        self._tokens = (f"{uuid4().hex}-{n}" for n in count())
        self._woken = asyncio.Event()
        self._taking = False
        self._tasks: list[asyncio.Task[None]] = []

    async def plan(self, delivery: Delivery) -> None:
        """Stores `delivery`, claimed at once where this process has room: that saves the trip of claiming it.

        Does nothing where it was stored before.
        """
        now = self._clock.now()
        if self._room < 1 or delivery.due_at > now + _ABOUT_NOW:
            await self._deliveries.plan(delivery)
            return
        claimed = Claimed(delivery, token=next(self._tokens), lease_until=now + self._pace.lease)
        self._planning += 1
        try:
            if await self._deliveries.plan(delivery, claimed=claimed):
                crash_point(CrashPoint.NOTIFICATION_AFTER_PLAN)
                self._claimed.append(claimed)
                self._woken.set()
        finally:
            self._planning -= 1

    def wake(self) -> None:
        """Something may be due that this process has not claimed."""
        self._more_may_be_due = True
        self._woken.set()

    async def start(self) -> None:
        await self._recorder.start()
        self._taking = True
        self._tasks = [
            asyncio.create_task(self._keep_dispatching()),
            asyncio.create_task(self._keep_looking_after()),
        ]

    async def stop(self) -> None:
        """Takes nothing new, gives back what it has not begun, finishes and records what is being sent."""
        self._taking = False
        self.wake()
        self._tasks[1].cancel()
        await asyncio.wait(self._tasks)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self._pace.stop_within.total_seconds())
        await self._give_back()
        await self._recorder.stop()

    async def _give_back(self) -> None:
        if not self._claimed:
            return
        try:
            await self._deliveries.release(self._claimed, now=self._clock.now())
        except PyMongoError as error:
            log.warning("claims_end_with_their_lease", count=len(self._claimed), error=type(error).__name__)

    async def _keep_dispatching(self) -> None:
        while self._taking:
            self._woken.clear()
            try:
                await self._begin_claimed()
                await self._claim()
            except Exception as error:
                # The loop must outlive whatever it meets: a database that is away, most of all.
                log.warning("dispatch_failed", error=type(error).__name__)
                await asyncio.sleep(min(1.0, self._pace.poll_every.total_seconds()))
            if not self._claimed:
                await self._until_woken()

    async def _until_woken(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), self._pace.poll_every.total_seconds())
        except TimeoutError:
            self._more_may_be_due = True

    @property
    def _room(self) -> int:
        taken = len(self._running) + len(self._claimed) + self._planning
        return self._pace.claimed_at_once - taken if self._taking else 0

    async def _claim(self) -> None:
        room = self._room
        if not self._more_may_be_due or room < self._pace.in_flight:
            return
        self._more_may_be_due = False
        claimed = await self._deliveries.claim(
            limit=room,
            now=self._clock.now(),
            lease=self._pace.lease,
            without=self._running.keys() | self._recorder.unrecorded,
        )
        self._claimed.extend(claimed)
        if len(claimed) == room:
            self.wake()

    async def _begin_claimed(self) -> None:
        """Where the facts cannot be read, claims stay for the next round."""
        claimed = list(self._claimed)
        if not claimed:
            return
        facts = await self._sender.facts([c.delivery for c in claimed])
        del self._claimed[: len(claimed)]
        for one in claimed:
            # Storing it took longer than its lease: it may be claimed anew already, perhaps by this process.
            if not self._has_time(one):
                continue
            task = asyncio.create_task(self._deliver(one, facts))
            self._running[one.delivery.id] = task
            task.add_done_callback(partial(self._ended, one.delivery.id))

    def _has_time(self, claimed: Claimed) -> bool:
        return claimed.has_time_for(self._pace.send_timeout, now=self._clock.now())

    def _ended(self, id: str, task: asyncio.Task[None]) -> None:
        del self._running[id]
        if not task.cancelled() and (error := task.exception()):
            log.warning("delivery_left_to_its_lease", delivery=id, error=type(error).__name__)
        if len(self._running) == self._pace.in_flight or not self._running:
            self.wake()

    async def _deliver(self, claimed: Claimed, facts: Facts) -> None:
        delivery = claimed.delivery
        async with self._slots:
            if not self._taking:
                self._claimed.append(claimed)
                return
            if not self._has_time(claimed):
                return
            trace = tracing.new(correlation_id=delivery.correlation_id, traceparent=delivery.traceparent)
            with tracing.within(trace), metrics.IN_FLIGHT.track_inprogress():
                record = await self._sender.send(claimed, facts, plan=self.plan)
                _log(record)
        self._recorder.put(record, now=self._clock.now())
        if record.look_again_at:
            self._look_again(record.look_again_at)

    def _look_again(self, at: datetime) -> None:
        """Sooner than the poll would."""
        pause = at - self._clock.now()
        if pause < self._pace.poll_every:
            asyncio.get_running_loop().call_later(max(0.0, pause.total_seconds()), self.wake)

    async def _keep_looking_after(self) -> None:
        """Measures how late the oldest delivery is, and settles what failed."""
        while True:
            try:
                now = self._clock.now()
                oldest = await self._deliveries.oldest_due_at(now=now)
                metrics.OLDEST_DUE.set((now - oldest).total_seconds() if oldest else 0.0)
                await self._recorder.settle_failures(now=now)
            except PyMongoError as error:
                log.warning("looking_after_failed", error=type(error).__name__)
            await asyncio.sleep(self._pace.look_after_every.total_seconds())


def _log(record: Record) -> None:
    """No line for each look at what has to wait."""
    if not record.waits_for:
        id, status = record.claimed.delivery.id, record.status.value
        log.info("delivery_tried", delivery=id, status=status, attempts=record.attempts, error=record.error)
