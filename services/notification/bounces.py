"""Reads the mailbox that bounces come to: what is about a mail of ours becomes a report, all else stays untouched.

A letter is removed when its report is stored, and the position is kept after that: who dies between lets the next
one read the letter again, and its report is known by then.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

from services.notification import metrics
from services.notification.arriving import Arrivals
from services.notification.channels.email.boxes import Box, BoxUnreadable, OpenBox, Position
from services.notification.channels.email.dsn import report_in
from services.notification.delivery.sending import Clock
from services.notification.storage import Mailboxes
from shared.observability import get_logger

log = get_logger()

_AT_ONCE = 50


class Bounces:
    """Runs in every process; one of them reads in each span."""

    def __init__(
        self, box: Box, *, mailboxes: Mailboxes, arrivals: Arrivals, clock: Clock, every: timedelta
    ) -> None:
        self._box = box
        self._mailboxes = mailboxes
        self._arrivals = arrivals
        self._clock = clock
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_reading())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def read(self) -> int:
        """How many reports there were. Raises BoxUnreadable, and what the database raises."""
        box = await asyncio.to_thread(self._box.open)
        try:
            return await self._read(box)
        finally:
            await asyncio.to_thread(box.close)

    async def _read(self, box: OpenBox) -> int:
        position, reports, more = await self._mailboxes.position(), 0, True
        while more:
            position, found, more = await self._read_some(box, position)
            reports += found
        return reports

    async def _read_some(self, box: OpenBox, position: Position) -> tuple[Position, int, bool]:
        letters, after, more = await asyncio.to_thread(box.read, position, most=_AT_ONCE)
        ours: list[str] = []
        others: list[str] = []
        for letter in letters:
            report = report_in(letter.content)
            if report:
                await self._arrivals.hear(report)
            (ours if report else others).append(letter.key)
        await asyncio.to_thread(box.remove, ours)
        await asyncio.to_thread(box.leave, others)
        if after != position:
            await self._mailboxes.keep(after)
        return after, len(ours), more

    async def _keep_reading(self) -> None:
        while True:
            try:
                if await self._mailboxes.take_turn(now=self._clock.now(), every=self._every):
                    reports = await self.read()
                    metrics.BOUNCES_READABLE.set(1)
                    if reports:
                        log.info("bounces_read", count=reports)
            except BoxUnreadable as error:
                metrics.BOUNCES_READABLE.set(0)
                log.warning("bounces_not_read", error=str(error))
            except Exception as error:
                log.warning("bounces_not_read", error=type(error).__name__)
            await asyncio.sleep(self._every.total_seconds())
