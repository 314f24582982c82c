"""Which database is live, and which one is being built beside it.

A pointer document in the service's own database names both. Every process reads it once a second, and applies no
event by a reading that is older than TRUSTED_FOR: whoever changes the pointer and waits that long knows that from
then on all go by it, also one that was frozen meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, cast

from shared.lifecycle import Part
from shared.mongo import Client, Database, Document, PyMongoError
from shared.observability import get_logger

log = get_logger()

TRUSTED_FOR = timedelta(seconds=3)
_LOOK_EVERY_S = 1.0
_POINTER = "live"


@dataclass(frozen=True, slots=True)
class Pointer:
    """Names of databases: what is shown, and what is filled beside it."""

    live: str
    building: str | None = None

    @property
    def written(self) -> tuple[str, ...]:
        return (self.live, self.building) if self.building else (self.live,)


class Takes(Protocol):
    """What keeps something of an event in one database."""

    async def apply(self, what: Any, /, *, id: str, sequence: int) -> bool: ...


class Generations:
    """`name` is the service's own database, which is live until a rebuild has put `other` in its place."""

    def __init__(self, client: Client, *, name: str) -> None:
        self._client = client
        self._pointers = client[name]["generations"]
        self.names = (name, f"{name}_rebuilt")
        self._known = Pointer(name)
        self._read_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._followers: list[Callable[[], Awaitable[None]]] = []

    @property
    def live(self) -> Database:
        """As known now: what it holds is at most as old as the last look."""
        return self._client[self._known.live]

    @property
    def spare(self) -> Database:
        """The one that is not live."""
        return self._client[next(name for name in self.names if name != self._known.live)]

    def on_switch(self, follower: Callable[[], Awaitable[None]]) -> None:
        """Called after another database has become the live one."""
        self._followers.append(follower)

    async def start(self) -> None:
        if self._task is None:
            await self.look()
            self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> Pointer:
        asked_at = asyncio.get_running_loop().time()
        document = await self._pointers.find_one({"_id": _POINTER})
        before, self._known = self._known, self._pointer(document)
        self._read_at = asked_at
        if self._known.live != before.live:
            log.info("live_database_switched", database=self._known.live)
            for follower in self._followers:
                await follower()
        return self._known

    async def trusted(self) -> Pointer:
        """The pointer as it was a moment ago at most."""
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at > TRUSTED_FOR.total_seconds():
            return await self.look()
        return self._known

    async def point(self, pointer: Pointer) -> None:
        """From a moment later on everybody goes by it; who must be sure waits TRUSTED_FOR and a little more."""
        values = {"live": pointer.live, "building": pointer.building}
        await self._pointers.replace_one({"_id": _POINTER}, values, upsert=True)
        await self.look()

    def _pointer(self, document: Document | None) -> Pointer:
        if document is None:
            return Pointer(self.names[0])
        return Pointer(document["live"], document["building"])

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self.look()
            except PyMongoError as error:
                log.warning("live_database_not_looked_up", error=type(error).__name__)


class Everywhere:
    """Applies to the live database, and to the one that is being built; `make` opens what takes it there."""

    def __init__(self, generations: Generations, make: Callable[[Database], Takes], client: Client) -> None:
        self._generations = generations
        self._takers = {name: make(client[name]) for name in generations.names}

    async def apply(self, what: Any, /, *, id: str, sequence: int) -> bool:
        """Whether it was news to the live one. Raises what either raises: then it comes again, to both."""
        pointer = await self._generations.trusted()
        takers = [self._takers[name] for name in pointer.written]
        answers = await asyncio.gather(*(taker.apply(what, id=id, sequence=sequence) for taker in takers))
        return answers[0]


class FollowingDatabase:
    """For readers: its collections are those of whichever database is live when they are asked."""

    def __init__(self, generations: Generations) -> None:
        self._generations = generations

    def __getitem__(self, name: str) -> "_FollowingCollection":
        return _FollowingCollection(self._generations, name)


class _FollowingCollection:
    def __init__(self, generations: Generations, name: str) -> None:
        self._generations = generations
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generations.live[self._name], name)


def following(generations: Generations) -> Database:
    return cast(Database, FollowingDatabase(generations))


class PerGeneration:
    """Runs what `make` gives for the live database, and anew for the next one after a switch."""

    def __init__(self, generations: Generations, make: Callable[[Database], Part]) -> None:
        self._generations = generations
        self._make = make
        self._part: Part | None = None
        generations.on_switch(self._switch)

    async def start(self) -> None:
        self._part = self._make(self._generations.live)
        await self._part.start()

    async def stop(self) -> None:
        if self._part:
            await self._part.stop()
            self._part = None

    async def _switch(self) -> None:
        if self._part:
            await self.stop()
            await self.start()
