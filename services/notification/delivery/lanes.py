"""One channel's work: claims what is due as far as the channel can take it, and keeps so much in flight."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from uuid import uuid4

from services.notification import metrics
from services.notification.delivery.recording import Recorder
from services.notification.delivery.sending import Clock, Facts, Plan, Sender
from services.notification.domain import Channel, Delivery
from services.notification.storage import Claimed, Deliveries, Record
from shared import tracing
from shared.crashpoints import CrashPoint, crash_point
from shared.mongo import PyMongoError
from shared.observability import get_logger

log = get_logger()

# How many messages may be begun at this moment.
Room = Callable[[datetime], int]

# Events carry their publisher's time, which may be a little ahead of ours.
_ABOUT_NOW = timedelta(seconds=1)
# Of what is claimed, so much is for each lower priority while a higher one alone would take all.
_SHARE = 1 / 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Of each channel `in_flight` messages are sent at once, each for `send_timeout` at most.

    A lease is three times as long.
    """

    in_flight: int = 16
    send_timeout: timedelta = timedelta(seconds=10)
    poll_every: timedelta = timedelta(seconds=1)
    look_after_every: timedelta = timedelta(seconds=5)
    # Reads all that waits for a channel that is closed.
    expire_every: timedelta = timedelta(seconds=10)
    stop_within: timedelta = timedelta(seconds=25)

    @property
    def lease(self) -> timedelta:
        return 3 * self.send_timeout

    @property
    def claimed_at_once(self) -> int:
        """More than is sent at once: no sender waits for the next claim. The rest is for other processes."""
        return 3 * self.in_flight


class Lane:
    """`room` says what the channel can take: nothing while it is paused or its provider is away."""

    def __init__(
        self,
        channel: Channel,
        *,
        deliveries: Deliveries,
        sender: Sender,
        recorder: Recorder,
        clock: Clock,
        pace: Pace,
        room: Room,
        plan: Plan,
    ) -> None:
        self.channel = channel
        self._deliveries = deliveries
        self._sender = sender
        self._recorder = recorder
        self._clock = clock
        self._pace = pace
        self._may_begin = room
        self._plan_beside = plan
        self._slots = asyncio.Semaphore(pace.in_flight)
        self._running: dict[str, asyncio.Task[None]] = {}
        # Claimed, and nothing begun: `_claimed` waits for its facts, `_given_back` goes to whoever can send it.
        self._claimed: list[Claimed] = []
        self._given_back: list[Claimed] = []
        self._sending = 0
        self._planning = 0
        self._owed = 0.0
        self._more_may_be_due = True
        self._tokens = (f"{uuid4().hex}-{n}" for n in count())
        self._woken = asyncio.Event()
        self._taking = False
        self._task: asyncio.Task[None] | None = None

    async def plan(self, delivery: Delivery) -> None:
        """Stores `delivery`, claimed at once where this process has room: that saves the trip of claiming it.

        Does nothing where it was stored before.
        """
        now = self._clock.now()
        if delivery.due_at > now + _ABOUT_NOW or self._room(now) < 1:
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

    async def expire(self) -> None:
        """Records of what waits for a channel that takes nothing that it is too late: somebody may have to phone.

        Nothing is sent for that. While the channel takes something, its usual way does it.
        """
        now = self._clock.now()
        if not self._taking or self._may_begin(now) > 0:
            return
        claimed = await self._deliveries.claim(
            channel=self.channel,
            limit=self._pace.claimed_at_once,
            now=now,
            lease=self._pace.lease,
            without=self._running.keys() | self._recorder.unrecorded,
            useless=True,
        )
        if claimed:
            facts = await self._sender.facts([c.delivery for c in claimed])
            for one in claimed:
                self._recorder.put(await self._send(one, facts), now=now)

    def wake(self) -> None:
        """Something may be due that this process has not claimed."""
        self._more_may_be_due = True
        self._woken.set()

    def start(self) -> None:
        self._taking = True
        self._task = asyncio.create_task(self._keep_dispatching())

    async def stop(self) -> None:
        """Takes nothing new, gives back what it has not begun, finishes what is being sent."""
        self._taking = False
        self.wake()
        if self._task:
            await self._task
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self._pace.stop_within.total_seconds())
        await self._give_back(self._given_back + self._claimed)

    async def _keep_dispatching(self) -> None:
        while self._taking:
            self._woken.clear()
            try:
                await self._begin_claimed()
                await self._claim()
            except Exception as error:
                # The loop must outlive whatever it meets: a database that is away, most of all.
                log.warning("dispatch_failed", channel=self.channel.value, error=type(error).__name__)
                await asyncio.sleep(min(1.0, self._pace.poll_every.total_seconds()))
            if not self._claimed:
                await self._until_woken()

    async def _until_woken(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), self._pace.poll_every.total_seconds())
        except TimeoutError:
            self._more_may_be_due = True

    @property
    def _free(self) -> int:
        taken = len(self._running) + len(self._claimed) + self._planning
        return self._pace.claimed_at_once - taken if self._taking else 0

    def _room(self, now: datetime) -> int:
        """What the channel can take is less what is claimed for it already."""
        not_begun = len(self._running) - self._sending + len(self._claimed) + self._planning
        return min(self._free, self._may_begin(now) - not_begun)

    async def _claim(self) -> None:
        now = self._clock.now()
        room = self._room(now)
        if not self._more_may_be_due or room < 1 or self._free < self._pace.in_flight:
            return
        self._more_may_be_due = False
        self._owed += room * _SHARE
        claimed = await self._deliveries.claim(
            channel=self.channel,
            limit=room,
            now=now,
            lease=self._pace.lease,
            without=self._running.keys() | self._recorder.unrecorded,
            for_later=int(self._owed),
        )
        self._owed %= 1
        self._claimed.extend(claimed)
        if len(claimed) == room:
            self.wake()

    async def _begin_claimed(self) -> None:
        """Where the facts cannot be read, claims stay for the next round."""
        back, self._given_back = self._given_back, []
        await self._give_back(back)
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

    async def _give_back(self, claimed: list[Claimed]) -> None:
        if not claimed:
            return
        try:
            await self._deliveries.release(claimed, now=self._clock.now())
        except PyMongoError as error:
            log.warning("claims_end_with_their_lease", count=len(claimed), error=type(error).__name__)

    def _has_time(self, claimed: Claimed) -> bool:
        return claimed.has_time_for(self._pace.send_timeout, now=self._clock.now())

    def _ended(self, id: str, task: asyncio.Task[None]) -> None:
        del self._running[id]
        if not task.cancelled() and (error := task.exception()):
            log.warning("delivery_left_to_its_lease", delivery=id, error=type(error).__name__)
        if len(self._running) == self._pace.in_flight or not self._running:
            self.wake()

    async def _deliver(self, claimed: Claimed, facts: Facts) -> None:
        async with self._slots:
            if not self._taking or self._may_begin(self._clock.now()) < 1:
                self._given_back.append(claimed)
                return
            if not self._has_time(claimed):
                return
            self._sending += 1
            try:
                record = await self._send(claimed, facts)
            finally:
                self._sending -= 1
        self._recorder.put(record, now=self._clock.now())
        if record.look_again_at:
            self._look_again(record.look_again_at)

    async def _send(self, claimed: Claimed, facts: Facts) -> Record:
        delivery = claimed.delivery
        trace = tracing.new(correlation_id=delivery.correlation_id, traceparent=delivery.traceparent)
        with tracing.within(trace), metrics.IN_FLIGHT.track_inprogress():
            record = await self._sender.send(claimed, facts, plan=self._plan_beside)
            _log(record)
        return record

    def _look_again(self, at: datetime) -> None:
        """Sooner than the poll would."""
        pause = at - self._clock.now()
        if pause < self._pace.poll_every:
            asyncio.get_running_loop().call_later(max(0.0, pause.total_seconds()), self.wake)


def _log(record: Record) -> None:
    """No line for each look at what has to wait."""
    if not record.waits_for:
        id, status = record.claimed.delivery.id, record.status.value
        log.info("delivery_tried", delivery=id, status=status, attempts=record.attempts, error=record.error)
