"""Group commit: what many handlers want to write at the same time becomes one write."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# One answer or error per item, in the items' order. An error raised instead holds for all of them.
WriteMany = Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]


# One is on its way to the database or back while the other is carried out there.
_WRITES_AT_ONCE = 2


class Batch(Generic[T, R]):
    """Collects items for `linger`, at most `size`, and writes them together.

    While two writes run the next batch collects, so batches grow with the load, and one lone item never waits
    for others longer than `linger`.
    """

    def __init__(
        self, write: WriteMany[T, R], *, size: int = 100, linger: timedelta = timedelta(milliseconds=2)
    ) -> None:
        self._write = write
        self._size = size
        self._linger = linger.total_seconds()
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._writes: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_WRITES_AT_ONCE)

    async def add(self, item: T) -> R:
        """Returns when `item` is written; raises what its write raised."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return await answer

    async def _flush(self) -> None:
        while self._waiting:
            await self._room.acquire()
            if len(self._waiting) < self._size:
                await asyncio.sleep(self._linger)
            batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            write = asyncio.create_task(self._write_out(batch))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def _write_out(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        outcomes = await self._outcomes([item for item, _ in batch])
        self._room.release()
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            _settle(answer, outcome)

    async def _outcomes(self, items: Sequence[T]) -> Sequence[R | Exception]:
        try:
            return await self._write(items)
        except Exception as error:
            return [error] * len(items)


def _settle(answer: asyncio.Future[R], outcome: R | Exception) -> None:
    if answer.done():  # its handler was cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
