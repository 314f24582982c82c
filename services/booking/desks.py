"""Which desks are worth a try for one visit. Whether a desk is free is decided by the unique index alone."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.booking.domain.availability import Availability
from services.booking.domain.cells import CELL
from services.booking.domain.masks import Ranges
from services.booking.domain.office import Office, UnbookableStart
from services.booking.domain.release import Access
from services.booking.memory import Memory
from shared.contracts.offices import Service


@dataclass(frozen=True, slots=True)
class Wanted:
    """One visit that looks for a desk.

    `lane` is staff's choice against the rules of surnames; `own` is an appointment whose cells count as free.
    """

    office: str
    team: str
    family_name: str
    starts_at: datetime
    minutes: int
    access: Access = "web"
    lane: str | None = None
    own: str | None = None

    @property
    def length(self) -> int:
        return timedelta(minutes=self.minutes) // CELL


def access_for(services: Sequence[Service]) -> Access:
    """What a citizen may book for these services."""
    return "emergency" if any(service.emergency for service in services) else "web"


@dataclass(frozen=True, slots=True)
class Desks:
    offices: Mapping[str, Office]
    memory: Memory

    def check_start(self, wanted: Wanted, *, now: datetime) -> None:
        """Raises UnbookableStart where no desk could be booked then, taken or not; UnknownLane."""
        availability, ranges = self._rules(wanted)
        availability.check_start(
            wanted.team,
            starts_at=wanted.starts_at,
            length=wanted.length,
            now=now,
            access=wanted.access,
            ranges=ranges,
        )
        if wanted.lane is not None:
            self.check_open(wanted, now=now)

    def candidates(self, wanted: Wanted, *, now: datetime, first: str | None = None) -> list[str]:
        """Lanes in the order to try them: the free ones, and all that are allowed while memory is not fresh.

        `first` goes before the others: whoever knows the case keeps it.
        """
        availability, ranges = self._rules(wanted)
        lanes = availability.free_lanes(
            wanted.team,
            starts_at=wanted.starts_at,
            length=wanted.length,
            now=now,
            access=wanted.access,
            ranges=ranges,
            own=wanted.own,
        )
        if not ranges:
            random.shuffle(lanes)
        if not self.memory.fresh:
            lanes += [lane for lane in self._allowed(wanted, now=now) if lane not in lanes]
        chosen = lanes if wanted.lane is None else [lane for lane in lanes if lane == wanted.lane]
        return sorted(chosen, key=lambda lane: lane != first)

    def open_lanes(self, wanted: Wanted, *, now: datetime, first: str | None = None) -> list[str]:
        """For staff: every lane that is open then, the free ones first; a time that cools may be taken as well."""
        free = self.candidates(wanted, now=now, first=first)
        allowed = [lane for lane in self._allowed(wanted, now=now) if wanted.lane in (None, lane)]
        rest = [lane for lane in allowed if lane not in free]
        return [*free, *sorted(rest, key=lambda lane: lane != first)]

    def check_open(self, wanted: Wanted, *, now: datetime) -> None:
        """Raises UnbookableStart where the desk `wanted.lane` is not open then, whenever that is; UnknownLane."""
        availability, _ = self._rules(wanted)
        lanes = availability.open_lanes(
            wanted.team, starts_at=wanted.starts_at, length=wanted.length, now=now, access="staff"
        )
        if wanted.lane not in set(lanes):
            raise UnbookableStart("desk-closed")

    def _allowed(self, wanted: Wanted, *, now: datetime) -> Iterator[str]:
        """Open then, whether free or not."""
        availability, ranges = self._rules(wanted)
        return availability.open_lanes(
            wanted.team,
            starts_at=wanted.starts_at,
            length=wanted.length,
            now=now,
            access=wanted.access,
            ranges=ranges,
        )

    def _rules(self, wanted: Wanted) -> tuple[Availability, Ranges]:
        availability = self.memory.availability(wanted.office)
        if wanted.lane is not None:
            self.offices[wanted.office].check_lane(wanted.lane, team=wanted.team)
            return availability, ()
        return availability, self.offices[wanted.office].ranges(wanted.team, wanted.family_name)
