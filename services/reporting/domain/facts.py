"""Facts, and what each adds to which bucket.

A fact is the newest known state of one appointment, message or minute of searches. Every figure is a sum over
facts of what `entries` yields, so a fact that changes moves from bucket to bucket and is never counted twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

# Steps of an appointment that are figures of their own, each on the day it happened.
_COUNTED_STEPS = frozenset({"held", "requested", "confirmed", "rescheduled", "cancelled", "expired"})
# Counts of a minute of searches, each a figure of its own.
_OF_DEMAND = (
    "searches",
    "searches_without_result",
    "slot_taken",
    "proofs_asked",
    "proofs_failed",
    "refused",
    "many_holds",
    "quick_rebookings",
)
_OVER = frozenset({"cancelled", "office_cancelled", "expired"})


class Bucket(NamedTuple):
    """One cell of the figures. `day` is a local day as ISO date; an empty field means "does not apply"."""

    office: str
    day: str
    service: str = ""
    team: str = ""
    municipality: str = ""
    channel: str = ""

    @property
    def key(self) -> str:
        return "|".join(part.replace("|", "/") for part in self)

    @classmethod
    def from_key(cls, key: str) -> "Bucket":
        return cls(*key.split("|"))


class Entry(NamedTuple):
    """`amount` of `figure` in the bucket `key`; for histograms the value that occurred once."""

    key: str
    figure: str
    amount: int


@dataclass(frozen=True, slots=True)
class AppointmentFact:
    """`municipality` is the lead person's. `steps` are (step, when), in order."""

    office: str
    service: str
    team: str
    municipality: str
    channel: str
    persons: int
    children_under_6: int
    starts_at: datetime
    ends_at: datetime
    steps: tuple[tuple[str, datetime], ...]

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        for step, at in self.steps:
            if step in _COUNTED_STEPS:
                yield Entry(self._on(local_day(at, zone)), step, 1)
        confirmed_at = next((at for step, at in self.steps if step == "confirmed"), None)
        if confirmed_at is not None:
            yield from self._booking(local_day(confirmed_at, zone), local_day(self.starts_at, zone))

    def _booking(self, confirmed: date, visit: date) -> Iterator[Entry]:
        key = self._on(confirmed)
        yield Entry(key, "persons", self.persons)
        yield Entry(key, "persons_under_6", self.children_under_6)
        yield Entry(key, "lead_days", max(0, (visit - confirmed).days))
        if not self._is_over():
            minutes = int((self.ends_at - self.starts_at).total_seconds()) // 60
            yield Entry(self._on(visit), "booked_minutes", minutes)

    def _is_over(self) -> bool:
        """Cancelled or run out, unless the cancellation was taken back."""
        last = next((step for step, _ in reversed(self.steps) if step in _OVER or step == "restored"), None)
        return last in _OVER

    def _on(self, day: date) -> str:
        return _key(self.office, day, self.service, self.team, self.municipality, self.channel)


@dataclass(frozen=True, slots=True)
class MessageFact:
    """What became of one message, `outcome` as in the event's type, and when."""

    office: str
    channel: str
    outcome: str
    at: datetime

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        bucket = Bucket(self.office, local_day(self.at, zone).isoformat(), channel=self.channel)
        yield Entry(bucket.key, f"messages_{self.outcome}", 1)


@dataclass(frozen=True, slots=True)
class DemandFact:
    """One minute of searches as one booking process saw it. `out_of_area` is (municipality, number).

    What has a default is told by newer processes only.
    """

    office: str
    minute: datetime
    searches: int
    searches_without_result: int
    slot_taken: int
    out_of_area: tuple[tuple[str, int], ...]
    proofs_asked: int = 0
    proofs_failed: int = 0
    refused: int = 0
    many_holds: int = 0
    quick_rebookings: int = 0

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        day = local_day(self.minute, zone).isoformat()
        key = Bucket(self.office, day).key
        for figure in _OF_DEMAND:
            if amount := getattr(self, figure):
                yield Entry(key, figure, amount)
        for municipality, amount in self.out_of_area:
            yield Entry(Bucket(self.office, day, municipality=municipality).key, "out_of_area", amount)


Fact = AppointmentFact | MessageFact | DemandFact


def buckets_of(fact: Fact, zone: tzinfo) -> list[str]:
    """The keys of all buckets to which `fact` adds something."""
    return sorted({entry.key for entry in fact.entries(zone)})


# Asked for with every step of every event, and mostly for the same few days and places.
@lru_cache(maxsize=4096)
def _key(office: str, day: date, service: str, team: str, municipality: str, channel: str) -> str:
    return Bucket(office, day.isoformat(), service, team, municipality, channel).key


def local_day(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()
