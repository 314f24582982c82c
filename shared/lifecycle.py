"""Parts of a process that run in the background: started in order, stopped in the opposite one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Protocol


class Part(Protocol):
    """May be started twice: a part that others need early is started before them."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@asynccontextmanager
async def running(*parts: Part) -> AsyncIterator[None]:
    """Name first what carries work out and last what takes it in: it then stops first."""
    async with AsyncExitStack() as stack:
        for part in parts:
            stack.push_async_callback(part.stop)
            await part.start()
        yield


class Repeating:
    """Does `work` again and again, with a pause of `every` before each time.

    `work` tells its own failures: what it raises would end the loop.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], *, every: timedelta) -> None:
        self._work = work
        self._every = every.total_seconds()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            await self._work()
