"""Deliveries are forgotten long after they could matter: no address stands in them, and contacts go when booking
tells that a person was erased."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from services.notification.delivery.sending import Clock
from services.notification.storage import Deliveries
from shared.observability import get_logger

log = get_logger()


class Forgetting:
    """Runs in every process; two only share the work. `keep` counts from when a message would have been too late,
    so that one which is told again after that is not sent again."""

    def __init__(
        self, deliveries: Deliveries, *, clock: Clock, keep: timedelta, every: timedelta = timedelta(hours=1)
    ) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._keep = keep
        self._every = every.total_seconds()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_forgetting())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def forget(self) -> int:
        return await self._deliveries.forget(late_since=self._clock.now() - self._keep)

    async def _keep_forgetting(self) -> None:
        while True:
            try:
                if forgotten := await self.forget():
                    log.info("deliveries_forgotten", count=forgotten)
            except Exception as error:
                log.warning("forgetting_failed", error=type(error).__name__)
            await asyncio.sleep(self._every)
