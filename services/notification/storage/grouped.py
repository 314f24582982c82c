"""Writes of concurrent callers, sent as one bulk."""

import asyncio

from pymongo import InsertOne, UpdateMany, UpdateOne
from pymongo.errors import WTimeoutError

from shared.mongo import BulkWriteError, Collection, Document

Write = InsertOne[Document] | UpdateOne | UpdateMany

_DUPLICATE_KEY = 11000
_LARGEST_GROUP = 500


class GroupedWrites:
    """While one bulk is under way the next writes gather: nobody waits for a timer, and a burst costs few trips.

    Each caller learns of its own write only. What a group fails with, every caller in it gets.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._waiting: list[tuple[Write, asyncio.Future[bool]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def write(self, write: Write) -> bool:
        """False where a unique key refused it: what the write would bring is there already."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, done))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return await done

    async def _flush(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_LARGEST_GROUP], self._waiting[_LARGEST_GROUP:]
                await self._send(group)
        finally:
            self._flushing = None

    async def _send(self, group: list[tuple[Write, asyncio.Future[bool]]]) -> None:
        try:
            await self._collection.bulk_write([write for write, _ in group], ordered=False)
            refused: dict[int, Exception | None] = {}
        except BulkWriteError as error:
            refused = _refusals(error, len(group))
        except Exception as error:  # whatever it is, it belongs to the callers
            refused = dict.fromkeys(range(len(group)), error)
        for place, (_, done) in enumerate(group):
            if done.done():
                continue
            error_or_none = refused.get(place)
            if error_or_none:
                done.set_exception(error_or_none)
            else:
                done.set_result(place not in refused)


def _refusals(error: BulkWriteError, size: int) -> dict[int, Exception | None]:
    """By place in the group: None for a key that exists, else the error."""
    details = error.details or {}
    if concerns := details.get("writeConcernErrors"):
        # As for a single write: the database is about to be away, so the callers wait instead of failing.
        return dict.fromkeys(range(size), WTimeoutError(str(concerns[0].get("errmsg"))))
    return {e["index"]: None if e["code"] == _DUPLICATE_KEY else error for e in details["writeErrors"]}
