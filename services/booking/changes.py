"""A collection's changes, followed on a thread of its own and handed over in bursts.

The driver's asynchronous change stream takes one trip to a thread and back for each change. While the loop is
busy that is too slow: the stream falls behind just when many people book.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pymongo.change_stream import CollectionChangeStream
from pymongo.errors import InvalidOperation

from shared.mongo import Collection, Document

# The thread notices after its present question to the database; a frozen one need not keep the process.
_LONGEST_CLOSING_S = 2.0


@dataclass(frozen=True, slots=True)
class News:
    """One change; or none, and then nothing had happened until `asked_at` that was not told before."""

    asked_at: datetime
    change: Mapping[str, Any] | None


class Changes:
    """`async with Changes(…) as changes`: from here on every change is told, in order.

    Raises PyMongoError where the stream is lost for good; the driver resumes a broken connection by itself.
    """

    def __init__(
        self,
        collection: Collection,
        pipeline: Sequence[Mapping[str, Any]],
        *,
        now: Callable[[], datetime],
        await_ms: int = 250,
    ) -> None:
        self._collection = collection
        self._pipeline = list(pipeline)
        self._await_ms = await_ms
        self._now = now
        self._news: deque[News] = deque()
        self._some = asyncio.Event()
        self._woken = False
        self._closing = False
        self._error: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._follow, name="changes", daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        try:
            await self._some.wait()
        except asyncio.CancelledError:
            self._closing = True
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        await asyncio.to_thread(self._thread.join, _LONGEST_CLOSING_S)

    async def burst(self) -> Iterator[News]:
        """What has come since the last call; waits where that is nothing."""
        await self._some.wait()
        self._some.clear()
        self._woken = False
        if self._error:
            raise self._error
        return self._drain()

    def _drain(self) -> Iterator[News]:
        while self._news:
            yield self._news.popleft()

    def _follow(self) -> None:
        try:
            # The synchronous collection below Motor's.
            with self._collection.delegate.watch(self._pipeline, max_await_time_ms=self._await_ms) as stream:
                while stream.alive and not self._closing:
                    self._tell(self._next(stream))
            raise InvalidOperation("the change stream has ended")
        except Exception as error:
            self._error = error
            self._wake()

    def _next(self, stream: CollectionChangeStream[Document]) -> News:
        asked_at = self._now()
        return News(asked_at, stream.try_next())

    def _tell(self, news: News) -> None:
        self._news.append(news)
        if not self._woken:
            self._woken = True
            self._wake()

    def _wake(self) -> None:
        if not self._closing:
            self._loop.call_soon_threadsafe(self._some.set)
