"""Events leave with the state change that caused them: they stand in the same document until confirmed.

A write pushes its events into the document's `outbox`. The relay publishes them and pulls each one only when
the broker has confirmed that it was stored and routed. Nothing else publishes events.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from prometheus_client import Counter, Gauge

from shared.contracts.event import Event
from shared.crashpoints import CrashPoint, crash_point
from shared.messaging import Publisher, PublishFailed, Unroutable
from shared.mongo import Collection, DatabaseClock, Document, DuplicateKeyError, PyMongoError
from shared.observability import get_logger

log = get_logger()

WAITING = Gauge("outbox_waiting", "Documents with events that the broker has not confirmed", ["collection"])
OLDEST = Gauge("outbox_oldest_age_seconds", "Age of the oldest event that is not confirmed", ["collection"])
UNROUTABLE = Counter("outbox_unroutable_total", "Publishes of an event for which no queue is bound", ["type"])
FAILED = Counter("outbox_publish_failed_total", "Publishes that the broker did not confirm")

Entry = dict[str, Any]
# A sweep reads on before the publisher has nothing left to do, and holds no more than this in memory.
_FEW, _MANY = 500, 1000
_HAS_EVENTS = {"outbox.0": {"$exists": True}}


def outbox_entry(event: Event) -> Entry:
    """`event` as it waits in a document's `outbox`; `body` is the JSON as published."""
    return {
        "id": event.id,
        "exchange": event.exchange,
        "type": event.type,
        "at": event.time,
        "sequence": event.sequence,
        "correlation_id": event.correlationid,
        "body": event.body().decode(),
    }


async def ensure_outbox_index(collection: Collection) -> None:
    """Holds just the documents that have events to publish, oldest first."""
    await collection.create_index([("outbox.0.at", 1)], name="outbox", partialFilterExpression=dict(_HAS_EVENTS))


class Relay:
    """Publishes at once what this process wrote, and sweeps up what a dead process left behind.

    One process at a time sweeps, by a lease in the collection `leases`. Publishing twice is harmless
    (consumers are idempotent), so the lease saves work; it does not guard anything.
    """

    def __init__(
        self,
        *,
        publisher: Publisher,
        collections: Sequence[Collection],
        clock: DatabaseClock,
        in_flight: int = 256,
        sweep_every: timedelta = timedelta(seconds=2),
        stale_after: timedelta = timedelta(seconds=5),
    ) -> None:
        self._publisher = publisher
        self._collections = {c.name: c for c in collections}
        self._leases: Collection = collections[0].database["leases"]
        self._clock = clock
        self._slots = asyncio.Semaphore(in_flight)
        self._sweep_every = sweep_every
        self._stale_after = stale_after
        self._holder = uuid4().hex
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[str] = set()
        self._confirmed: dict[str, dict[Any, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._to_pull = asyncio.Event()
        self._sweep_now = asyncio.Event()
        self._room = asyncio.Event()
        self._background: list[asyncio.Task[None]] = []

    def submit(self, *, collection: str, document_id: Any, entries: Iterable[Entry]) -> None:
        """Call after a write that pushed `entries`. Never blocks or fails: the sweep is the safety net."""
        if not self._publisher.connected:
            return
        for entry in entries:
            if entry["id"] not in self._sending:
                self._sending.add(entry["id"])
                task = asyncio.create_task(self._send(collection, document_id, entry))
                self._tasks.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if len(self._tasks) < _FEW:
            self._room.set()

    async def start(self) -> None:
        self._publisher.on_connected = self._sweep_now.set
        self._background = [
            asyncio.create_task(self._keep_pulling()),
            asyncio.create_task(self._keep_sweeping()),
        ]

    async def stop(self) -> None:
        """Publishes what is under way and pulls what was confirmed, then ends."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        for task in self._background:
            task.cancel()
        for task in self._background:
            with suppress(asyncio.CancelledError):
                await task
        with suppress(PyMongoError):
            await self._pull()
            await self._leases.delete_one({"_id": "relay", "holder": self._holder})

    async def _send(self, collection: str, document_id: Any, entry: Entry) -> None:
        try:
            async with self._slots:
                crash_point(CrashPoint.RELAY_BEFORE_PUBLISH)
                await self._publisher.publish(
                    exchange=entry["exchange"],
                    routing_key=entry["type"],
                    body=entry["body"].encode(),
                    message_id=entry["id"],
                    correlation_id=entry.get("correlation_id"),
                )
        except PublishFailed as error:
            self._sending.discard(entry["id"])
            self._count_failure(entry, error)
        except asyncio.CancelledError:
            self._sending.discard(entry["id"])
            raise
        else:
            crash_point(CrashPoint.RELAY_AFTER_CONFIRM)
            self._confirmed[collection][document_id].append(entry["id"])
            self._to_pull.set()

    def _count_failure(self, entry: Entry, error: PublishFailed) -> None:
        if isinstance(error, Unroutable):
            UNROUTABLE.labels(entry["type"]).inc()
            log.error("event_unroutable", event_id=entry["id"], type=entry["type"])
        else:
            FAILED.inc()

    async def _keep_pulling(self) -> None:
        while True:
            await self._to_pull.wait()
            self._to_pull.clear()
            try:
                await self._pull()
            except Exception as error:
                log.warning("outbox_pull_failed", error=type(error).__name__)
                await asyncio.sleep(1)
                self._to_pull.set()

    async def _pull(self) -> None:
        confirmed, self._confirmed = self._confirmed, defaultdict(lambda: defaultdict(list))
        for name in list(confirmed):
            documents = confirmed[name]
            ids = [id for events in documents.values() for id in events]
            try:
                # One statement: half the work of one for each document, here and in the database.
                await self._collections[name].update_many(
                    {"_id": {"$in": list(documents)}}, {"$pull": {"outbox": {"id": {"$in": ids}}}}
                )
            except PyMongoError:
                self._put_back(confirmed)
                raise
            crash_point(CrashPoint.RELAY_AFTER_PULL)
            del confirmed[name]
            self._sending.difference_update(ids)

    def _put_back(self, confirmed: dict[str, dict[Any, list[str]]]) -> None:
        for name, documents in confirmed.items():
            for key, ids in documents.items():
                self._confirmed[name][key].extend(ids)

    async def _keep_sweeping(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sweep_now.wait(), self._sweep_every.total_seconds())
            # What was written while the broker was away has nobody else: it need not grow old first.
            stale_after = timedelta(0) if self._sweep_now.is_set() else self._stale_after
            self._sweep_now.clear()
            try:
                await self._measure()
                if self._publisher.connected and await self._lease():
                    await self._sweep(before=self._clock.now() - stale_after)
            except Exception as error:
                log.warning("outbox_sweep_failed", error=type(error).__name__)

    async def _sweep(self, *, before: datetime) -> None:
        crash_point(CrashPoint.RELAY_AFTER_LEASE)
        for name, collection in self._collections.items():
            cursor = collection.find(
                {**_HAS_EVENTS, "outbox.0.at": {"$lt": before}}, {"outbox": 1}, sort=[("outbox.0.at", 1)]
            )
            async for document in cursor:
                self.submit(collection=name, document_id=document["_id"], entries=document["outbox"])
                if len(self._tasks) >= _MANY:
                    self._room.clear()
                    await self._room.wait()
                if not self._publisher.connected:
                    return

    async def _lease(self) -> bool:
        now = self._clock.now()
        mine = {"holder": self._holder, "until": now + 3 * self._sweep_every}
        takable = {"_id": "relay", "$or": [{"holder": self._holder}, {"until": {"$lt": now}}]}
        if (await self._leases.update_one(takable, {"$set": mine})).matched_count:
            return True
        if await self._leases.find_one({"_id": "relay"}, {"_id": 1}):
            return False
        with suppress(DuplicateKeyError):
            await self._leases.insert_one({"_id": "relay", **mine})
            return True
        return False

    async def _measure(self) -> None:
        for name, collection in self._collections.items():
            WAITING.labels(name).set(await collection.count_documents(_HAS_EVENTS, hint="outbox", limit=100_000))
            oldest = await collection.find_one(_HAS_EVENTS, {"outbox.at": 1}, sort=[("outbox.0.at", 1)])
            OLDEST.labels(name).set(_age(oldest, self._clock.now()))


def _age(document: Document | None, now: datetime) -> float:
    if not document or not document.get("outbox"):
        return 0.0
    at: datetime = document["outbox"][0]["at"]
    return max(0.0, (now - at).total_seconds())
