"""Offers in the background what has become free to those who wait."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from prometheus_client import Counter

from services.booking.commands import WaitingList
from services.booking.memory import NotLoaded
from shared.mongo import PyMongoError
from shared.observability import get_logger

log = get_logger()

OFFERED = Counter("appointments_offered_total", "Times offered to the waiting list")


class Offering:
    """Runs in every booking process: an offer is one guarded write, so two processes only share the work."""

    def __init__(self, waiting_list: WaitingList, *, every: timedelta) -> None:
        self._waiting_list = waiting_list
        self._every = every.total_seconds()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_offering())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_offering(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                OFFERED.inc(await self._waiting_list.offer_all())
            except (PyMongoError, NotLoaded) as error:
                log.warning("nothing_offered", error=type(error).__name__)
            except Exception as error:
                log.error("nothing_offered", exc_info=error)
