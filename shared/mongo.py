"""The one place that knows the driver: a move to PyMongo's own async client is a change of this file."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

# Motor runs each operation on a thread; its default of five per core leaves the journal's group commit idle.
os.environ.setdefault("MOTOR_MAX_WORKERS", "32")

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pydantic import SecretStr
from pymongo import errors

from shared.observability import get_logger
from shared.settings import CommonSettings

log = get_logger()

T = TypeVar("T")

_WAIT_FOR_START_S = 1.0
# A reading is wrong by up to half its round trip: one that took longer would let the clock jump, and back again.
_LONGEST_READING_S = 1.0
_READINGS_AT_START = 5

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession

# What the driver raises while no primary answers; the same call may succeed later.
DATABASE_DOWN: tuple[type[Exception], ...] = (
    errors.AutoReconnect,
    errors.ExecutionTimeout,
    errors.NetworkTimeout,
    errors.ServerSelectionTimeoutError,
    errors.WaitQueueTimeoutError,
    errors.WTimeoutError,
    # A server that is shutting down took the write and cannot say whether it is on the journal.
    errors.WriteConcernError,
)

# The cluster's time is signed, and a member that has just started may not have read the keys yet.
_KEY_NOT_FOUND = 211

DuplicateKeyError = errors.DuplicateKeyError
BulkWriteError = errors.BulkWriteError
OperationFailure = errors.OperationFailure
PyMongoError = errors.PyMongoError


def is_away(error: BaseException) -> bool:
    """Whether `error` says that the database cannot answer now: one of DATABASE_DOWN, or as good as that."""
    if isinstance(error, errors.OperationFailure) and error.code == _KEY_NOT_FOUND:
        return True
    return isinstance(error, DATABASE_DOWN)


def connect(settings: CommonSettings, *, uri: SecretStr | None = None) -> Client:
    """A client whose writes are on the majority's journal before they count as done.

    `uri` reaches another server than the one where the service's own database is.
    """
    return AsyncIOMotorClient(
        (uri or settings.mongodb_uri).get_secret_value(),
        tz_aware=True,
        tzinfo=UTC,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        serverSelectionTimeoutMS=3000,
        connectTimeoutMS=3000,
        socketTimeoutMS=10000,
        waitQueueTimeoutMS=3000,
        maxPoolSize=64,
        minPoolSize=4,
    )


def database(client: Client, settings: CommonSettings) -> Database:
    return client[settings.mongodb_database]


async def once_it_answers(attempt: Callable[[], Awaitable[T]]) -> T:
    """Waits for the database rather than dying: it may start later than we do."""
    while True:
        try:
            return await attempt()
        except PyMongoError as error:
            if not is_away(error):
                raise
            log.warning("waiting_for_mongodb", error=type(error).__name__)
            await asyncio.sleep(_WAIT_FOR_START_S)


class DatabaseClock:
    """The database's clock, read every few seconds and carried on by this process's monotonic clock.

    Holds and leases end by it, so processes whose own clocks differ still agree. While the database is away, or
    answers too slowly to tell the time, the last known difference holds.
    """

    def __init__(self, client: Client, *, every: timedelta = timedelta(seconds=5)) -> None:
        self._client = client
        self._every = every.total_seconds()
        self._epoch_at_zero = time.time() - time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._quickest = float("inf")

    def now(self) -> datetime:
        """Aware, UTC, whole milliseconds as the database stores them."""
        seconds = self._epoch_at_zero + time.monotonic()
        return datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)

    async def start(self) -> None:
        """Returns once the clock is read; raises one of DATABASE_DOWN where nobody answers.

        A database that is slow all the time is asked a few times, and the quickest answer counts.
        """
        if self._task:
            return
        for _ in range(_READINGS_AT_START):
            await self._read()
            if self._quickest <= _LONGEST_READING_S:
                break
        self._task = asyncio.create_task(self._keep_reading())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_reading(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            with suppress(PyMongoError):
                await self._read()

    async def _read(self) -> None:
        before = time.monotonic()
        answer = await self._client.admin.command("hello")
        after = time.monotonic()
        round_trip = after - before
        if round_trip > _LONGEST_READING_S and round_trip >= self._quickest:
            return
        self._quickest = min(self._quickest, round_trip)
        server: datetime = answer["localTime"]
        self._epoch_at_zero = server.timestamp() - (before + after) / 2


async def ping(client: Client) -> str | None:
    """None where a primary takes writes, else what is wrong in one phrase."""
    try:
        answer = await asyncio.wait_for(client.admin.command("hello"), timeout=2)
    except (TimeoutError, PyMongoError) as error:
        return f"MongoDB does not answer ({type(error).__name__})"
    return None if answer.get("isWritablePrimary") else "MongoDB has no primary"
