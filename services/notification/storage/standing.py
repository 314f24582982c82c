"""How things stand: which channels operators have paused, and what each process says of its providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.notification.domain import Channel
from shared.mongo import Database

# Without word for so long a process is gone.
_GONE_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Pause:
    """`by` is who asked for it, as far as is known: an account of the operating system, or `api`."""

    channel: Channel
    reason: str
    by: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What one process says of one provider: `state` is closed, half-open or open (until `opens_at`)."""

    process: str
    provider: str
    channel: str
    state: str
    failures: int
    opens_at: datetime | None
    weight: float | None


class StandingStore:
    def __init__(self, database: Database) -> None:
        self._pauses = database["pauses"]
        self._processes = database["processes"]

    async def ensure_indexes(self) -> None:
        await self._processes.create_index([("at", 1)], name="gone", expireAfterSeconds=600)

    async def pauses(self) -> dict[Channel, Pause]:
        found = [
            Pause(Channel(d["_id"]), d["reason"], d["by"], d["since"])
            for d in await self._pauses.find().to_list(None)
        ]
        return {pause.channel: pause for pause in found}

    async def pause(self, pause: Pause) -> None:
        """The reason of a channel that is paused already is replaced; since when it is paused stays."""
        update = {
            "$set": {"reason": pause.reason, "by": pause.by},
            "$setOnInsert": {"since": pause.since},
        }
        await self._pauses.update_one({"_id": pause.channel.value}, update, upsert=True)

    async def resume(self, channel: Channel) -> bool:
        """False where it was not paused."""
        return (await self._pauses.delete_one({"_id": channel.value})).deleted_count == 1

    async def tell(self, process: str, providers: Sequence[Standing], *, now: datetime) -> None:
        told = [_plain(provider) for provider in providers]
        await self._processes.update_one({"_id": process}, {"$set": {"at": now, "providers": told}}, upsert=True)

    async def leave(self, process: str) -> None:
        await self._processes.delete_one({"_id": process})

    async def providers(self, *, now: datetime) -> list[Standing]:
        alive = self._processes.find({"at": {"$gt": now - _GONE_AFTER}}).sort("_id")
        return [
            Standing(process=process["_id"], **provider)
            for process in await alive.to_list(None)
            for provider in process["providers"]
        ]


def _plain(standing: Standing) -> dict[str, Any]:
    names = ("provider", "channel", "state", "failures", "opens_at", "weight")
    return {name: getattr(standing, name) for name in names}
