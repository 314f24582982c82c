"""How much may be asked from one address: freely, then for a proof of work, then only after a while.

An address is often many people (a shelter, a library, a mobile network), so it pays with work long before it is
refused. The numbers and whom they were reckoned for: docs/decisions/0010-limits-and-proof-of-work.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

RUNGS = 4
# A proof is asked of one who used little himself only for the sake of all: never the hardest.
_HIGHEST_BY_LOAD = RUNGS - 1

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` uses within `per` cost nothing; `most` are the end. Then one more is possible every `per / free`."""

    free: int
    most: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one address has used of a limit; it empties steadily, `free` within `per`."""

    level: float = 0.0
    at: datetime = _LONG_AGO

    def level_at(self, now: datetime, limit: Limit) -> float:
        return max(0.0, self.level - max(timedelta(0), now - self.at) / limit.per * limit.free)

    def use(self, now: datetime, limit: Limit) -> "Bucket":
        return Bucket(self.level_at(now, limit) + 1, max(now, self.at))

    def wait_for(self, most: int, now: datetime, limit: Limit) -> timedelta:
        """Until one more use leaves at most `most` in it."""
        return max(0.0, self.level_at(now, limit) + 1 - most) * limit.per / limit.free

    def rung(self, now: datetime, limit: Limit) -> int:
        """How hard the proof for one more use: 0 none, from 1 on evenly up to RUNGS."""
        beyond = self.level_at(now, limit) + 1 - limit.free
        if beyond <= 0:
            return 0
        return min(RUNGS, 1 + int(beyond * RUNGS / max(1, limit.most - limit.free)))


@dataclass(frozen=True, slots=True)
class Free:
    pass


@dataclass(frozen=True, slots=True)
class Prove:
    """A proof of this `rung` is needed, or to wait for `free_after`."""

    rung: int
    free_after: timedelta


@dataclass(frozen=True, slots=True)
class Refuse:
    again_after: timedelta


Use = tuple[Bucket, Limit]


def judge(address: Iterable[Use], load: Use, *, now: datetime) -> Free | Prove | Refuse:
    """One more hold from this address, while the whole service has to do `load`. Load alone never refuses."""
    uses = tuple(address)
    again_after = max((bucket.wait_for(limit.most, now, limit) for bucket, limit in uses), default=timedelta(0))
    if again_after > timedelta(0):
        return Refuse(again_after)
    own = max((bucket.rung(now, limit) for bucket, limit in uses), default=0)
    by_load = min(_HIGHEST_BY_LOAD, load[0].rung(now, load[1]))
    if not own and not by_load:
        return Free()
    free_after = max(bucket.wait_for(limit.free, now, limit) for bucket, limit in (*uses, load))
    return Prove(min(RUNGS, own + by_load), free_after)


@dataclass(frozen=True, slots=True)
class Limits:
    """By client address, but `load` (of all), `mails_to` (by e-mail address) and helpers (their own quota)."""

    holds: tuple[Limit, ...] = (Limit(12, 48, _MINUTE), Limit(60, 240, _HOUR))
    load: Limit = Limit(60, 240, _MINUTE)
    searches: Limit = Limit(600, 1200, _MINUTE)
    challenges: Limit = Limit(120, 240, _MINUTE)
    mails: Limit = Limit(60, 240, _HOUR)
    mails_to: Limit = Limit(20, 20, _DAY)
    # An address with more holds within one minute is counted for the figures.
    many_holds: int = 12


def quota(per_day: int) -> Limit:
    return Limit(per_day, per_day, _DAY)


def client_key(address: str) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 /64, which is what one connection gets.

    A mapped address (`::ffff:192.0.2.1`) is its IPv4 address. What is no address is a client by itself.
    """
    try:
        parsed: Address = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:60]
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
