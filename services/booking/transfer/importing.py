"""Takes appointments from another system: all are looked at first, and where one does not go, none is taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.booking.commands import Booking, Counter, CounterRequest, Reaching
from services.booking.commands.core import OutsideJurisdiction
from services.booking.commands.holding import KeyReused
from services.booking.desks import Wanted
from services.booking.domain.actors import Actor
from services.booking.domain.cells import cells_of
from services.booking.domain.office import (
    Member,
    Office,
    UnbookableStart,
    UnknownLane,
    UnknownMunicipality,
    UnknownService,
)
from services.booking.domain.visits import TooManyPersons
from services.booking.people import GivenContact
from services.booking.staff.audit import Audit
from services.booking.storage import ChangedMeanwhile, SlotTaken
from services.booking.transfer.rows import Fault, Row

# The notifier confirms no appointment of this channel by itself: the citizen has had that word from elsewhere.
CHANNEL = "import"


@dataclass(slots=True)
class Plan:
    """What would be taken, what is there already, and what does not go; by line."""

    new: dict[int, Row] = field(default_factory=dict)
    there: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Importing:
    booking: Booking
    reaching: Reaching
    audit: Audit

    async def plan(self, office: Office, rows: Mapping[int, Row]) -> Plan:
        """Changes nothing. Rows that want one desk at one time are in conflict with each other as well."""
        plan, taken, keys = Plan(), list[str](), set[str]()
        availability = self.booking.memory.availability(office.id)
        try:
            for line, row in rows.items():
                id = self._id(office, row)
                try:
                    if row.key in keys:
                        raise _Twice
                    keys.add(row.key)
                    if await self._is_there(id, office, row):
                        plan.there.append(line)
                        continue
                    availability.put(id, version=0, cells=self._cells(office, row))
                    taken.append(id)
                    plan.new[line] = row
                except _REFUSALS as error:
                    plan.faults.append(Fault(line, _why(error)))
        finally:
            # Only what is really booked may stay in memory.
            for id in taken:
                availability.forget(id)
        return plan

    async def take(self, office: Office, rows: Mapping[int, Row], *, by: Actor, tell: bool) -> list[Fault]:
        """Books them; those whose time somebody else has taken since the plan are left out and told."""
        faults = []
        for line, row in rows.items():
            try:
                booked = await Counter(self.booking).book(
                    _request(office, row), idempotency_key=_key(office, row), by=by
                )
            except _REFUSALS as error:
                faults.append(Fault(line, _why(error)))
                continue
            await self.audit.record(by, "appointment.imported", office=office.id, subject=booked.id)
            if tell and row.email:
                key = f"import|{booked.id}"
                await self.reaching.request(booked.id, "confirmation", idempotency_key=key, by=by)
        return faults

    async def _is_there(self, id: str, office: Office, row: Row) -> bool:
        known = await self.booking.appointments.first_answer(id)
        if known and known[0].request_digest != self.booking.keys.digest(_request(office, row).text):
            raise KeyReused
        return known is not None

    def _cells(self, office: Office, row: Row) -> list[str]:
        """Those of the first desk that is free."""
        booking, now = self.booking, self.booking.clock.now()
        wanted = Counter(booking).wanted(_request(office, row))
        booking.desks.check_start(wanted, now=now)
        lane = next(iter(self._free(wanted, now)), None)
        if lane is None:
            raise SlotTaken
        ends_at = wanted.starts_at + timedelta(minutes=wanted.minutes)
        return list(cells_of(team=wanted.team, lane=lane, starts_at=wanted.starts_at, ends_at=ends_at))

    def _free(self, wanted: Wanted, now: datetime) -> list[str]:
        """By memory alone, where the rows before this one stand too."""
        booking = self.booking
        ranges = () if wanted.lane else booking.offices[wanted.office].ranges(wanted.team, wanted.family_name)
        lanes = booking.memory.availability(wanted.office).free_lanes(
            wanted.team,
            starts_at=wanted.starts_at,
            length=wanted.length,
            now=now,
            access=wanted.access,
            ranges=ranges,
        )
        return [lane for lane in lanes if wanted.lane in (None, lane)]

    def _id(self, office: Office, row: Row) -> str:
        return self.booking.keys.appointment_id(f"counter|{_key(office, row)}")


class _Twice(Exception):
    """Two rows of one file with the same key."""


_TEXTS: Mapping[type[Exception], str] = {
    _Twice: "key: another line has it too",
    KeyReused: "key: an appointment of this key was imported and is different; it stays as it is",
    SlotTaken: "starts_at: no desk is free then",
    ChangedMeanwhile: "starts_at: somebody else books just there; run it again",
    UnknownService: "service: the office has none of this id",
    UnknownMunicipality: "municipalities: no municipality of the district",
    OutsideJurisdiction: "municipalities: another authority is responsible",
    TooManyPersons: "municipalities: too many persons for one visit",
    UnknownLane: "lane: the team has no such desk",
}
_REFUSALS: tuple[type[Exception], ...] = (*_TEXTS, UnbookableStart)


def _why(error: Exception) -> str:
    if isinstance(error, UnbookableStart):
        return f"starts_at: not bookable then ({error.reason})"
    return _TEXTS[type(error)]


def _key(office: Office, row: Row) -> str:
    return f"import|{office.id}|{row.key}"


def _request(office: Office, row: Row) -> CounterRequest:
    contact = None
    if row.email or row.phone:
        contact = GivenContact(email=row.email, language=row.language, given_name=row.given_name, phone=row.phone)
    return CounterRequest(
        office=office.id,
        service=row.service,
        starts_at=row.moment(office.zone),
        family_name=row.family_name,
        members=tuple(Member(ags) for ags in row.municipalities),
        channel=CHANNEL,
        contact=contact,
        lane=row.lane,
        # Whom the other system gave two appointments has two.
        another_person=True,
    )
