"""Where something counts: the buckets of the figures, and the local calendar."""

from collections.abc import Iterator
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple, Protocol

_ALWAYS = 6


class Bucket(NamedTuple):
    """One cell of the figures. `day` is a local day as ISO date; an empty field means "does not apply"."""

    office: str
    day: str
    service: str = ""
    team: str = ""
    municipality: str = ""
    channel: str = ""
    language: str = ""
    hour: str = ""
    purpose: str = ""

    @property
    def key(self) -> str:
        """The last three only where one of them is there: they came later, and keys are stored."""
        parts = [part.replace("|", "/") for part in self]
        if any(parts[_ALWAYS:]):
            return "|".join(parts).rstrip("|")
        return "|".join(parts[:_ALWAYS])

    @classmethod
    def from_key(cls, key: str) -> "Bucket":
        return cls(*key.split("|"))


class Entry(NamedTuple):
    """`amount` of `figure` in the bucket `key`; for histograms the value that occurred `times`."""

    key: str
    figure: str
    amount: int
    times: int = 1


class Fact(Protocol):
    """The newest known state of something that counts. Every figure is a sum over what facts yield here."""

    __slots__ = ()

    def entries(self, zone: tzinfo) -> Iterator[Entry]: ...


def buckets_of(fact: Fact, zone: tzinfo) -> list[str]:
    """The keys of all buckets to which `fact` adds something."""
    return sorted({entry.key for entry in fact.entries(zone)})


# Asked for with every step of every event, and mostly for the same few days and places.
@lru_cache(maxsize=4096)
def key_of(
    office: str,
    day: date,
    service: str = "",
    team: str = "",
    municipality: str = "",
    channel: str = "",
    language: str = "",
    hour: str = "",
    purpose: str = "",
) -> str:
    return Bucket(office, day.isoformat(), service, team, municipality, channel, language, hour, purpose).key


def local_day(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()


def local_hour(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone).hour:02d}"
