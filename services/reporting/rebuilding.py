"""Every figure anew, from what the others have told, in a database beside the live one; then they change places.

Live events go to both meanwhile. Whatever ends this before the last step leaves the live figures as they are, and
the next run begins with an empty database again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aio_pika

from services.reporting.generations import TRUSTED_FOR, Generations, Pointer
from services.reporting.handlers import REBUILD, rebuild_handlers
from services.reporting.refresher import Refresher
from services.reporting.settings import Settings
from services.reporting.storage import REBUILT, Facts, Lease, Offices
from services.reporting.storage.facts import KINDS
from shared.messaging import Consumers, Publisher
from shared.mongo import Client, Database
from shared.progress import Progress
from shared.setup import Trouble

_PREFETCH = 250
_MARGIN_S = 0.5
_LOOK_EVERY_S = 0.25
_LEASE = timedelta(seconds=10)
# An event that fails is tried again after 5 s and 30 s; what fails then too will not do.
_PATIENCE_S = 90.0
# So often in a row the queue must be empty and no handler running.
_QUIET = 3

Tell = Callable[[Progress], Awaitable[int]]


@dataclass(slots=True)
class Applied:
    """Passes on what comes from the queue, and counts: `counts` are how many are applied, and how many in hand."""

    takes: Any
    counts: list[int]

    async def apply(self, what: Any, /, *, id: str, sequence: int) -> bool:
        self.counts[1] += 1
        try:
            applied: bool = await self.takes.apply(what, id=id, sequence=sequence)
        finally:
            self.counts[1] -= 1
        self.counts[0] += 1
        return applied


class Rebuild:
    """`facts`, `refresher` and `prepare` open parts of a database; they are main's."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        *,
        facts: Callable[[Database], Facts],
        refresher: Callable[[Database], Refresher],
        prepare: Callable[[Database], Awaitable[None]],
        generations: Generations,
    ) -> None:
        self._client = client
        self._settings = settings
        self._facts = facts
        self._refresher = refresher
        self._prepare = prepare
        self._generations = generations
        lock = client[settings.mongodb_database]["leases"]
        self._lease = Lease(lock, name="rebuild", length=_LEASE)

    async def begin(self) -> Database:
        """The empty database; from here on every process writes to both. Raises Trouble while another builds."""
        await self._take()
        pointer = await self._generations.look()
        # Nobody may still write to what is dropped: neither for a run that died nor as the live one of before.
        await self._generations.point(Pointer(pointer.live))
        await self._until_all_know()
        spare = self._generations.spare
        # Not the database: in the service's own one stands more than figures, this pointer first of all.
        for name in REBUILT:
            await spare.drop_collection(name)
        await self._prepare(spare)
        await self._generations.point(Pointer(pointer.live, spare.name))
        await self._until_all_know()
        return spare

    async def replay(self, spare: Database, tell: Tell, progress: Progress) -> int:
        """How many events came. Returns when all that `tell` has sent is applied."""
        counts = [0, 0]
        facts, offices = Applied(self._facts(spare), counts), Applied(Offices(spare), counts)
        publisher = Publisher(url=self._settings.amqp_url, name="rebuild")
        consumers = Consumers(
            url=self._settings.amqp_url,
            publisher=publisher,
            handlers=rebuild_handlers(facts=facts, offices=offices),  # type: ignore[arg-type]
            prefetch=_PREFETCH,
            log_handled=False,
        )
        async with await aio_pika.connect(self._settings.amqp_url.get_secret_value()) as connection:
            channel = await connection.channel()
            await (await channel.get_queue(REBUILD)).purge()
            await publisher.start()
            await consumers.start()
            telling = asyncio.ensure_future(tell(Progress("events")))
            try:
                await self._until_applied(telling, channel, counts, progress)
            finally:
                telling.cancel()
                with suppress(asyncio.CancelledError):
                    await telling
                await consumers.stop()
                await publisher.stop()
        return counts[0]

    async def carry_over(self, spare: Database) -> int:
        """What the others have forgotten meanwhile is taken from the live facts: searches, messages and such."""
        before = await self._count(spare)
        live = self._generations.live
        for kind in set(KINDS.values()) - {"appointments"}:
            into = {"db": spare.name, "coll": kind}
            kept = {"into": into, "whenMatched": "keepExisting", "whenNotMatched": "insert"}
            await live[kind].aggregate([{"$merge": kept}]).to_list(None)
            await self._keep()
        return await self._count(spare) - before

    async def count_up(self, spare: Database, progress: Progress) -> None:
        """Every figure from the facts, and once more those whose facts have changed meanwhile."""
        refresher = self._refresher(spare)
        async for buckets in refresher.compute_all():
            progress.add(buckets)
            await self._keep()
        while await refresher.refresh() != 0:
            await self._keep()

    async def switch(self, spare: Database) -> None:
        """The one moment: a process shows the new figures from its next look at the pointer on."""
        await self._generations.point(Pointer(spare.name))

    async def give_up(self) -> None:
        """The live one alone is written again."""
        pointer = await self._generations.look()
        if pointer.building:
            await self._generations.point(Pointer(pointer.live))
        await self.end()

    async def end(self) -> None:
        await self._lease.release()

    async def expected(self) -> int:
        """About how many events will come: one for each fact that is known."""
        return await self._count(self._generations.live)

    async def _until_applied(
        self, telling: "asyncio.Future[int]", channel: Any, counts: list[int], progress: Progress
    ) -> None:
        quiet, now = 0, asyncio.get_running_loop().time
        moved, since = 0, now()
        while quiet < _QUIET:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self._keep()
            progress.reach(counts[0])
            if counts[0] != moved:
                moved, since = counts[0], now()
            elif now() - since > _PATIENCE_S:
                raise Trouble("The rebuild does not get on; look for its events with `amtstermin parking list`.")
            if not telling.done():
                continue
            progress.total = max(sent := telling.result(), 1)
            waiting = await channel.declare_queue(REBUILD, passive=True)
            ready = waiting.declaration_result.message_count
            quiet = quiet + 1 if counts[0] >= sent and not ready and not counts[1] else 0

    async def _take(self) -> None:
        """Of a run that was killed the lease ends by itself."""
        clock = asyncio.get_running_loop().time
        until = clock() + 1.5 * _LEASE.total_seconds()
        while await self._lease.acquire() is None:
            if clock() > until:
                raise Trouble("Another rebuild is running.")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _keep(self) -> None:
        if await self._lease.acquire() is None:
            raise Trouble("This rebuild stood still for so long that another one has begun.")

    async def _until_all_know(self) -> None:
        await asyncio.sleep(TRUSTED_FOR.total_seconds() + _MARGIN_S)
        await self._keep()

    async def _count(self, database: Database) -> int:
        return sum([await database[kind].estimated_document_count() for kind in _kinds()])


def _kinds() -> Iterable[str]:
    return KINDS.values()
