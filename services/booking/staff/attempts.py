"""Wrong sign-ins, counted per login and per client address; each further one makes the pause longer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

from pymongo import ReturnDocument

from services.booking.domain.passwords import FREE_PER_ADDRESS, FREE_PER_LOGIN, pauses
from services.booking.tokens import Keys
from shared.mongo import Collection, Database

_REMEMBERED = timedelta(hours=24)
# The end of no pause. Not the moment of the attempt: another one from the same address may have begun earlier and
# be counted later.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Paused(Exception):
    """Too many wrong attempts; `wait` says for how long nobody may try again."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that was let through. Until it succeeds it counts as a failure; with each count stands the end of the
    pause that it brought."""

    by_login: tuple[str, datetime]
    by_address: tuple[str, datetime]


class Attempts:
    """Counted before the password is looked at: a thousand guesses at the same moment are a thousand attempts."""

    def __init__(self, database: Database, *, keys: Keys) -> None:
        self._collection: Collection = database["staff_attempts"]
        self._keys = keys

    async def begin(self, *, login: str, address: str, now: datetime) -> Attempt:
        """Raises Paused. Neither login nor address is stored, only a keyed digest of each."""
        by_address = await self._count(self._id("address", network_of(address)), pauses(FREE_PER_ADDRESS), now)
        by_login = await self._count(self._id("login", login), pauses(FREE_PER_LOGIN), now)
        return Attempt(by_login, by_address)

    async def succeeded(self, attempt: Attempt) -> None:
        """The login starts anew. The address takes back this attempt only: an own account must not be a means
        to guess at others without a pause."""
        await self._collection.delete_one({"_id": attempt.by_login[0]})
        await self._take_back(attempt.by_address)

    async def not_looked_at(self, attempt: Attempt) -> None:
        """Neither right nor wrong: it counts for nothing."""
        await self._take_back(attempt.by_login)
        await self._take_back(attempt.by_address)

    async def forget(self, login: str) -> None:
        """Ends the pause of a login, for whoever has shown another way that it is theirs."""
        await self._collection.delete_one({"_id": self._id("login", login)})

    async def _count(self, id: str, table: Sequence[timedelta], now: datetime) -> tuple[str, datetime]:
        """One more failure: of whom, and the end of the pause that it brings. Raises Paused."""
        document = await self._collection.find_one_and_update(
            {"_id": id}, _counting(table, now), upsert=True, return_document=ReturnDocument.AFTER
        )
        until: datetime = document["until"]
        if not document["admitted"]:
            raise Paused(until - now)
        return id, until

    async def _take_back(self, count: tuple[str, datetime]) -> None:
        """A pause that a later failure brought stays."""
        id, until = count
        ended = {"$cond": [{"$eq": ["$until", until]}, _LONG_AGO, "$until"]}
        fewer = {"$subtract": ["$failures", 1]}
        await self._collection.update_one({"_id": id}, [{"$set": {"failures": fewer, "until": ended}}])

    def _id(self, kind: str, value: str) -> str:
        return f"{kind}|{self._keys.digest(f'staff attempt|{kind}|{value}')}"


def network_of(address: str) -> str:
    """Whose address it is: of IPv6 the first 64 bits, since everybody has all that is behind them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))


def _counting(table: Sequence[timedelta], now: datetime) -> list[dict[str, Any]]:
    """Decides and counts in one write, so that attempts at the same moment cannot pass together."""
    milliseconds = [int(pause.total_seconds() * 1000) for pause in table]
    pause = {"$arrayElemAt": [milliseconds, {"$min": ["$failures", len(table) - 1]}]}
    until = {"$cond": [{"$gt": [pause, 0]}, {"$add": [now, pause]}, "$until"]}
    return [
        {"$set": {"until": {"$ifNull": ["$until", _LONG_AGO]}}},
        {"$set": {"admitted": {"$lte": ["$until", now]}}},
        {"$set": {"failures": {"$add": [{"$ifNull": ["$failures", 0]}, {"$cond": ["$admitted", 1, 0]}]}}},
        {"$set": {"until": {"$cond": ["$admitted", until, "$until"]}}},
        {"$set": {"expires_at": now + _REMEMBERED}},
    ]


async def ensure_attempt_indexes(database: Database) -> None:
    await database["staff_attempts"].create_index("expires_at", name="kept", expireAfterSeconds=0)
