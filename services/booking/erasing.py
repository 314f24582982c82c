"""A person's data: shown to the person, erased when the person or the law says so."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client import Counter

from services.booking.commands import Booking
from services.booking.domain.appointment import OPEN, AlreadyOver, Appointment
from services.booking.domain.office import Office
from services.booking.domain.retention import Kind, kept_until, kind_of
from services.booking.domain.rules import Retention
from services.booking.people import UNREADABLE, Person
from services.booking.storage import ChangedMeanwhile
from services.booking.storage.retention import Retained
from shared.crashpoints import CrashPoint, crash_point
from shared.erasure_journal import Erasure, begin, note
from shared.lifecycle import Repeating
from shared.mongo import PyMongoError
from shared.observability import get_logger
from shared.sealing import Unsealable

log = get_logger()

ERASED = Counter("appointments_anonymised_total", "Appointments whose person's data were erased", ["kind"])

_TRIES = 5
_AT_ONCE = 200
# A hold stores its key a moment before itself; what is older and has no person never will.
_ORPHANED_AFTER = timedelta(days=1)


class ErasureCancels(Exception):
    """Erasing a booking that lies ahead cancels it, and it was not said that this is wanted."""


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is stored about a person. `erased_at` is when it goes, by what is known now."""

    appointment: Appointment
    person: Person
    erased_at: datetime | None


@dataclass(slots=True)
class Erasing:
    """Each erasure is one guarded write that unsets the person and tells it, then the key goes; all repeatable."""

    booking: Booking
    retained: Retained
    offices: Mapping[str, Office]
    journal: Path | None = None
    _keys_after: str = ""

    async def begin_journal(self) -> None:
        """Whoever runs without one, or cannot write it, still books: the doctor says so, and erasures wait."""
        if self.journal is None:
            return
        try:
            await asyncio.to_thread(begin, self.journal, self.booking.clock.now())
        except OSError as error:
            log.error("erasure_journal_not_begun", error=error.strerror)

    async def export(self, id: str) -> Stored:
        """With the person as UNREADABLE where no key opens it: all else is told. Raises Erased."""
        appointment = await self.booking.appointments.get(id)
        try:
            person = await self.booking.people.open(appointment)
        except Unsealable:
            person = UNREADABLE
        return Stored(appointment, person, kept_until(appointment, self._rules(appointment)))

    async def erase(self, id: str, *, cancel: bool) -> None:
        """As the person asks. Raises ErasureCancels, or AlreadyOver while the visit goes on."""
        now = self.booking.clock.now()
        appointment = await self.booking.appointments.get(id)
        if appointment.status in OPEN and appointment.starts_at > now:
            if not cancel:
                raise ErasureCancels
            await self.booking.cancel(id)
            crash_point(CrashPoint.BOOKING_AFTER_ERASURE_CANCELLED)
        elif not appointment.is_over(now):
            raise AlreadyOver
        await self._anonymise(id, "request")

    async def forget(self, appointment: Appointment) -> None:
        """Before its time, what is over. Nobody asked for it, so nobody is told. Raises WrongStatus."""
        await self._anonymise(appointment.id, kind_of(appointment) or "visit")

    async def sweep(self, *, now: datetime) -> int:
        """Erases what has been kept long enough by `now`, and keys that nobody needs; returns how many persons."""
        due = [
            appointment
            for office in self.offices.values()
            for appointment in await self.retained.due(office.id, office.data.retention, now=now, most=_AT_ONCE)
            if self._is_due(appointment, now)
        ]
        for appointment in due:
            await self._forget(appointment)
        for id in await self.retained.keys_left(most=_AT_ONCE):
            await self._destroy_key(id)
        await self._destroy_orphans(now)
        for day in (now - timedelta(days=1), now):
            await self.retained.count_deletions(day=day)
        return len(due)

    def _is_due(self, appointment: Appointment, now: datetime) -> bool:
        until = kept_until(appointment, self._rules(appointment))
        return until is not None and until <= now

    async def _forget(self, appointment: Appointment) -> None:
        kind = kind_of(appointment)
        assert kind is not None
        try:
            await self._anonymise(appointment.id, kind)
        except PyMongoError:
            raise
        except Exception as error:
            # One that cannot be erased must not keep all others.
            log.error("appointment_not_anonymised", appointment=appointment.id, exc_info=error)

    async def _anonymise(self, id: str, kind: Kind) -> None:
        for _ in range(_TRIES):
            appointment = await self.booking.appointments.get(id)
            if appointment.status == "anonymised":
                break
            with suppress(ChangedMeanwhile):
                change = appointment.anonymise(kind=kind, now=self.booking.clock.now())
                await self.booking.appointments.apply(change)
                crash_point(CrashPoint.BOOKING_AFTER_ANONYMISED)
                ERASED.labels(kind).inc()
                break
        else:
            raise ChangedMeanwhile
        await self._destroy_key(id)

    async def _destroy_key(self, id: str) -> None:
        """Not before the journal says so: a restore could not know else. The sweep tries again."""
        if not await self._note(id):
            return
        await self.booking.people.destroy(id)
        crash_point(CrashPoint.BOOKING_AFTER_KEY_DESTROYED)
        await self.retained.key_destroyed(id)

    async def _note(self, id: str) -> bool:
        if self.journal is None:
            return True
        try:
            await asyncio.to_thread(note, self.journal, Erasure(id, self.booking.clock.now()))
        except OSError as error:
            log.error("erasure_not_noted", appointment=id, error=error.strerror)
            return False
        return True

    async def _destroy_orphans(self, now: datetime) -> None:
        """A part of all keys each time, and round again."""
        store = self.booking.people.store
        ids = await store.ids(after=self._keys_after, created_before=now - _ORPHANED_AFTER, most=_AT_ONCE)
        self._keys_after = ids[-1] if ids else ""
        for id in set(ids) - await self.retained.with_person(ids):
            await self.booking.people.destroy(id)

    def _rules(self, appointment: Appointment) -> Retention:
        return self.offices[appointment.office].data.retention


class RetentionSweeper(Repeating):
    """Runs in every booking process: each write is guarded, so two only share the work."""

    def __init__(self, erasing: Erasing, *, every: timedelta) -> None:
        super().__init__(self._sweep, every=every)
        self._erasing = erasing

    async def _sweep(self) -> None:
        try:
            await self._erasing.sweep(now=self._erasing.booking.clock.now())
        except Exception as error:
            log.warning("retention_failed", error=type(error).__name__)
