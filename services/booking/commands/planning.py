"""Hours, closures and absences: what they would do to appointments, and re-planning those that do not fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any, Literal

from services.booking.commands.booking import Booking
from services.booking.commands.counter import Counter
from services.booking.desks import Wanted
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import AlreadyOver, Appointment, Change, WrongStatus
from services.booking.domain.cells import CELL, cells_of
from services.booking.domain.conflicts import Conflict, conflicts, next_times
from services.booking.domain.office import Office, UnbookableStart
from services.booking.domain.rules import Absence, Closure, OfficeData
from services.booking.offices import Offices, checked
from services.booking.storage import ChangedMeanwhile, SlotTaken
from services.booking.storage.offices import AwaitedVisit, OfficeStore
from services.booking.tokens import Keys
from shared.sealing import Unsealable

# `move`: the next free time; `cancel`: with free times to choose from. Either way the same time at another desk
# that may serve them comes first.
How = Literal["move", "cancel"]
_PROPOSALS = 3
_MOST_TIMES = 200


class EndsAlready(Exception):
    """What begins now cannot have ended already."""


@dataclass(frozen=True, slots=True)
class InConflict:
    """An awaited appointment and why it does not fit."""

    visit: AwaitedVisit
    conflict: Conflict


@dataclass(frozen=True, slots=True)
class Replanned:
    """What became of one appointment: `kept` at another desk, `moved`, `cancelled`, `unchanged`, or left to people
    since its desk goes by a name that is `unreadable`."""

    appointment: Appointment
    outcome: Literal["kept", "moved", "cancelled", "unchanged", "unreadable"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What re-planning would make of one appointment; `starts_at` and `lane` as they would be."""

    appointment: Appointment
    outcome: Literal["kept", "moved", "cancelled", "unreadable"]
    starts_at: datetime
    lane: str


@dataclass(slots=True)
class Planning:
    booking: Booking
    counter: Counter
    offices: Offices
    store: OfficeStore
    keys: Keys

    async def in_conflict(self, office: Office) -> list[InConflict]:
        """Awaited appointments outside what is open; a booking that raced a closure shows up here as well."""
        now = self.booking.clock.now()
        visits = {visit.id: visit for visit in await self.store.awaited(office.id, now=now)}
        return [InConflict(visits[c.id], c) for c in conflicts(office, visits.values(), now=now)]

    async def preview(self, data: OfficeData) -> list[InConflict]:
        """The conflict list as it would be with `data`. Raises BrokenOffice."""
        data = checked(data.model_dump(by_alias=True), source=data.id)
        return await self.in_conflict(Office(data, key=self.keys.release_key()))

    async def save(self, data: OfficeData, *, by: Actor, expected_version: int | None) -> int:
        """Nothing is re-planned by this alone. None for an office that is new. Raises BrokenOffice,
        ChangedMeanwhile."""
        return await self.offices.save(data, actor=by.id or by.kind, expected_version=expected_version)

    def with_closure(self, office: Office, closure: Closure) -> OfficeData:
        return _with(office.data, closures=(*office.data.closures, closure))

    def with_absence(self, office: Office, absence: Absence) -> OfficeData:
        return _with(office.data, absences=(*office.data.absences, absence))

    def now_until(self, office: Office, until: datetime | None) -> tuple[datetime, datetime]:
        """From this minute until `until`, else the end of today; as the office's local times, without offset.

        Raises EndsAlready.
        """
        now = self.booking.clock.now().astimezone(office.zone).replace(second=0, microsecond=0)
        tomorrow = datetime.combine(now.date() + timedelta(days=1), time())
        end = until.astimezone(office.zone).replace(tzinfo=None) if until else tomorrow
        if end <= now.replace(tzinfo=None):
            raise EndsAlready
        return now.replace(tzinfo=None), end

    def is_within(self, office: Office, visit: AwaitedVisit, start: datetime, end: datetime) -> bool:
        """`start` and `end` as from `now_until`."""
        return (
            visit.starts_at < end.replace(tzinfo=office.zone) and start.replace(tzinfo=office.zone) < visit.ends_at
        )

    async def close_now(
        self, office: Office, closure: Closure, *, how: How, by: Actor
    ) -> tuple[int, list[Replanned]]:
        """Closes, from now on as `now_until` says, and re-plans whom it concerns. The version, and what became.

        Raises BrokenOffice, ChangedMeanwhile.
        """
        version = await self.save(self.with_closure(office, closure), by=by, expected_version=office.version)
        office = self.booking.offices[office.id]
        ids = [one.visit.id for one in self._closed_by(office, closure, await self.in_conflict(office))]
        return version, await self.replan(office, ids, how=how, reason="close_now", by=by)

    async def closed_by(self, office: Office, closure: Closure) -> list[InConflict]:
        """Whom `close_now` would re-plan."""
        return self._closed_by(office, closure, await self.preview(self.with_closure(office, closure)))

    def _closed_by(self, office: Office, closure: Closure, found: Sequence[InConflict]) -> list[InConflict]:
        span = closure.from_, closure.until
        return [
            one for one in found if one.conflict.reason == "closed" and self.is_within(office, one.visit, *span)
        ]

    async def absent_now(
        self, office: Office, absence: Absence, *, how: How, by: Actor
    ) -> tuple[int, list[Replanned]]:
        """As `close_now`, for one lane whose deputies take over."""
        version = await self.save(self.with_absence(office, absence), by=by, expected_version=office.version)
        office = self.booking.offices[office.id]
        ids = [one.visit.id for one in self._left_by(office, absence, await self.in_conflict(office))]
        return version, await self.replan(office, ids, how=how, reason="absence", by=by)

    async def left_by(self, office: Office, absence: Absence) -> list[InConflict]:
        """Whom `absent_now` would re-plan."""
        return self._left_by(office, absence, await self.preview(self.with_absence(office, absence)))

    def _left_by(self, office: Office, absence: Absence, found: Sequence[InConflict]) -> list[InConflict]:
        desk, span = (absence.team, absence.lane), (absence.from_, absence.until)
        return [
            one
            for one in found
            if (one.visit.team, one.visit.lane) == desk and self.is_within(office, one.visit, *span)
        ]

    async def replan(
        self, office: Office, ids: Sequence[str], *, how: How, reason: str, by: Actor
    ) -> list[Replanned]:
        """One after the other in the order of their times; each is a write of its own, so this can be repeated."""
        ordered = await self._ordered(office, ids)
        return [await self._replan(office, appointment, how=how, reason=reason, by=by) for appointment in ordered]

    async def foresee(self, office: Office, ids: Sequence[str], *, how: How) -> list[Foreseen]:
        """What `replan` would do if nobody books meanwhile; changes nothing."""
        promised: set[str] = set()
        return [await self._foreseen(office, one, promised, how=how) for one in await self._ordered(office, ids)]

    async def _ordered(self, office: Office, ids: Sequence[str]) -> list[Appointment]:
        found = [await self.booking.appointments.get(id) for id in ids]
        return sorted((a for a in found if a.office == office.id), key=lambda a: (a.starts_at, a.id))

    async def _foreseen(
        self, office: Office, appointment: Appointment, promised: set[str], *, how: How
    ) -> Foreseen:
        try:
            return await self._foresee(office, appointment, promised, how=how)
        except Unsealable:
            return Foreseen(appointment, "unreadable", appointment.starts_at, appointment.lane)

    async def _foresee(
        self, office: Office, appointment: Appointment, promised: set[str], *, how: How
    ) -> Foreseen:
        """`promised` are the cells of those before, and takes this one's."""
        wanted = replace(await self.booking.wanted(appointment, appointment.starts_at), access="staff")
        times = await self._times(office, appointment) if how == "move" else []
        for starts_at, offered in ((appointment.starts_at, None), *times):
            there = replace(wanted, starts_at=starts_at)
            # A time that only staff's own desks have left is not offered to anybody who is moved.
            if offered is not None and not any(promised.isdisjoint(_cells(there, lane)) for lane in offered):
                continue
            if lane := self._free_lane(there, appointment, promised):
                kept = starts_at == appointment.starts_at
                return Foreseen(appointment, "kept" if kept else "moved", starts_at, lane)
        return Foreseen(appointment, "cancelled", appointment.starts_at, appointment.lane)

    def _free_lane(self, wanted: Wanted, appointment: Appointment, promised: set[str]) -> str | None:
        """The one that it would get: its own at another time, another one at its own."""
        now, own = self.booking.clock.now(), appointment.lane
        for lane in self.booking.desks.candidates(wanted, now=now, first=own):
            if lane == own and wanted.starts_at == appointment.starts_at:
                continue
            cells = _cells(wanted, lane)
            if promised.isdisjoint(cells):
                promised.update(cells)
                return lane
        return None

    async def _replan(
        self, office: Office, appointment: Appointment, *, how: How, reason: str, by: Actor
    ) -> Replanned:
        try:
            if kept := await self._same_time(appointment, reason=reason, by=by):
                return Replanned(kept, "kept")
            if how == "move" and (moved := await self._next_time(office, appointment, reason=reason, by=by)):
                return Replanned(moved, "moved")
            return Replanned(await self._cancel(office, appointment, reason=reason, by=by), "cancelled")
        except (WrongStatus, AlreadyOver, ChangedMeanwhile):
            # It was cancelled or moved by the citizen at the same moment.
            return Replanned(await self.booking.appointments.get(appointment.id), "unchanged")
        except Unsealable:
            return Replanned(appointment, "unreadable")

    async def _same_time(self, appointment: Appointment, *, reason: str, by: Actor) -> Appointment | None:
        """At a deputy's desk, or any other of the pool."""
        wanted = replace(await self.booking.wanted(appointment, appointment.starts_at), access="staff")
        for lane in self.booking.desks.candidates(wanted, now=self.booking.clock.now()):
            if lane == appointment.lane:
                continue
            try:
                return await self.counter.assign(appointment.id, lane, by=by, reason=reason)
            except (SlotTaken, UnbookableStart):
                continue
        return None

    async def _next_time(
        self, office: Office, appointment: Appointment, *, reason: str, by: Actor
    ) -> Appointment | None:
        for starts_at, _ in await self._times(office, appointment):
            try:
                return await self.counter.move(appointment.id, starts_at, by=by, reason=reason)
            except (SlotTaken, UnbookableStart):
                continue
        return None

    async def _cancel(self, office: Office, appointment: Appointment, *, reason: str, by: Actor) -> Appointment:
        proposals = tuple(start for start, _ in (await self._times(office, appointment))[:_PROPOSALS])

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "office_cancelled":
                return None
            return appointment.office_cancel(now=now, by=by, reason=reason, proposals=proposals)

        return await self.booking.change(appointment.id, decide)

    async def _times(self, office: Office, appointment: Appointment) -> list[tuple[datetime, list[str]]]:
        """Free times that citizens could book, from the next bookable day on and not before the old one."""
        wanted = await self.booking.wanted(appointment, appointment.starts_at)
        ranges = office.ranges(appointment.team, wanted.family_name)
        found = next_times(
            self.booking.memory.availability(office.id),
            appointment.team,
            length=(appointment.ends_at - appointment.starts_at) // CELL,
            after=appointment.starts_at,
            now=self.booking.clock.now(),
            ranges=ranges,
            access=wanted.access,
        )
        return list(islice(found, _MOST_TIMES))


def _cells(wanted: Wanted, lane: str) -> tuple[str, ...]:
    ends_at = wanted.starts_at + timedelta(minutes=wanted.minutes)
    return cells_of(team=wanted.team, lane=lane, starts_at=wanted.starts_at, ends_at=ends_at)


def _with(data: OfficeData, **changes: Any) -> OfficeData:
    return OfficeData.model_validate(
        {
            **data.model_dump(by_alias=True),
            **{name: [value.model_dump(by_alias=True) for value in values] for name, values in changes.items()},
        }
    )
