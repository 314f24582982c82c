"""A lane for each channel, and what is looked after for all of them."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from services.notification import metrics
from services.notification.delivery.lanes import Lane, Pace, Room
from services.notification.delivery.recording import Recorder
from services.notification.delivery.sending import Clock, Sender
from services.notification.domain import Channel, Delivery
from services.notification.storage import Deliveries
from shared.observability import get_logger

log = get_logger()

_AS_MUCH_AS_COMES = 1_000_000


class Dispatcher:
    """Woken by whoever stores a delivery, and by itself about every second.

    Each channel has a lane of its own: an SMS gateway that lets everybody wait holds up no mail. `rooms` says what
    a channel can take; one without an entry takes all.
    """

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        sender: Sender,
        recorder: Recorder,
        clock: Clock,
        pace: Pace,
        rooms: Mapping[Channel, Room] | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._recorder = recorder
        self._clock = clock
        self._pace = pace
        self._lanes = {
            channel: Lane(
                channel,
                deliveries=deliveries,
                sender=sender,
                recorder=recorder,
                clock=clock,
                pace=pace,
                room=(rooms or {}).get(channel, _all),
                plan=self.plan,
            )
            for channel in Channel
        }
        self._looking_after: asyncio.Task[None] | None = None
        self._expired_at: datetime | None = None

    async def plan(self, delivery: Delivery) -> None:
        """Stores `delivery`; does nothing where it was stored before."""
        await self._lanes[delivery.channel].plan(delivery)

    def wake(self) -> None:
        """Something may be due that this process has not claimed."""
        for lane in self._lanes.values():
            lane.wake()

    async def start(self) -> None:
        await self._recorder.start()
        for lane in self._lanes.values():
            lane.start()
        self._looking_after = asyncio.create_task(self._keep_looking_after())

    async def stop(self) -> None:
        """Takes nothing new, gives back what it has not begun, finishes and records what is being sent."""
        if self._looking_after:
            self._looking_after.cancel()
            await asyncio.wait([self._looking_after])
        await asyncio.gather(*(lane.stop() for lane in self._lanes.values()))
        await self._recorder.stop()

    async def _keep_looking_after(self) -> None:
        """Measures how late the oldest delivery is, settles what failed, and lets expire what nobody can send."""
        while True:
            try:
                now = self._clock.now()
                oldest = await self._deliveries.oldest_due_at(now=now)
                metrics.OLDEST_DUE.set((now - oldest).total_seconds() if oldest else 0.0)
                await self._recorder.settle_failures(now=now)
                await self._expire(now)
            except Exception as error:
                log.warning("looking_after_failed", error=type(error).__name__)
            await asyncio.sleep(self._pace.look_after_every.total_seconds())

    async def _expire(self, now: datetime) -> None:
        if self._expired_at and now - self._expired_at < self._pace.expire_every:
            return
        self._expired_at = now
        for lane in self._lanes.values():
            await lane.expire()


def _all(_: datetime) -> int:
    return _AS_MUCH_AS_COMES
