"""Appointments that what an office has open does not cover any more, and the next times for them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from services.booking.domain.availability import Availability
from services.booking.domain.cells import CELL, cell_at, set_bits, start_of
from services.booking.domain.masks import Ranges
from services.booking.domain.office import Office
from services.booking.domain.release import Access

# Whoever is in one of these still comes or is here.
AWAITED = frozenset({"held", "requested", "confirmed", "checked_in", "called"})

Reason = Literal["no-such-desk", "desk-absent", "closed"]


class Visit(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def team(self) -> str: ...
    @property
    def lane(self) -> str: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def status(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Conflict:
    """The appointment `id` lies where its desk is not open, for whatever channel."""

    id: str
    starts_at: datetime
    reason: Reason


def conflicts(office: Office, visits: Iterable[Visit], *, now: datetime) -> list[Conflict]:
    """Those still to come, the earliest first. What staff overran counts: they look at it and let it be.

    A wish without a time yet and a walk-in's ticket have no desk that could be closed.
    """
    found = [
        Conflict(visit.id, visit.starts_at, reason)
        for visit in visits
        if visit.lane and visit.status in AWAITED and visit.ends_at > now and (reason := _conflict(office, visit))
    ]
    return sorted(found, key=lambda conflict: (conflict.starts_at, conflict.id))


def _conflict(office: Office, visit: Visit) -> Reason | None:
    lane = (visit.team, visit.lane)
    if lane not in office.hours.lanes:
        return "no-such-desk"
    day = visit.starts_at.astimezone(office.zone).date()
    cells = office.hours.cells(lane, day)
    length = -(-(visit.ends_at - visit.starts_at) // CELL)
    wanted = ((1 << length) - 1) << (cell_at(visit.starts_at) - cells.first)
    missing = wanted & ~cells.any
    if not missing:
        return None
    return "desk-absent" if not missing & ~office.hours.absent(lane, day) else "closed"


def next_times(
    availability: Availability,
    team: str,
    *,
    length: int,
    after: datetime,
    now: datetime,
    ranges: Ranges = (),
    access: Access = "staff",
    own: str | None = None,
) -> Iterator[tuple[datetime, list[str]]]:
    """Free starts of `length` cells from `after` on, in order, each with the lanes that are free then."""
    starts = availability.starts(team, length=length, now=now, ranges=ranges, access=access, own=own)
    skipped = max(0, cell_at(after - _TICK) + 1 - availability.base)
    for bit in set_bits(starts >> skipped << skipped):
        start = start_of(availability.base + bit)
        lanes = availability.free_lanes(
            team, starts_at=start, length=length, now=now, ranges=ranges, access=access, own=own
        )
        yield start, lanes


_TICK = datetime.resolution
