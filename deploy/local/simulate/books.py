"""What booking would have stored and told, without a database: each change is the domain's own."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from deploy.local.simulate.agenda import Agenda
from services.booking.domain.actors import CITIZEN, Actor
from services.booking.domain.appointment import OPEN, Appointment, Change, Expired, WrongStatus
from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.freed import Freed
from services.booking.domain.office import Office
from services.booking.domain.retention import kept_until, kind_of
from services.booking.storage.documents import to_document, to_state
from services.booking.storage.schemas import APPOINTMENTS
from shared.contracts import AppointmentHeld, Event, new_event
from shared.contracts.appointments import AppointmentEvent
from shared.mongo import Document
from shared.outbox import Entry, outbox_entry

# Stands where ciphertext would; no document that is stored holds it.
NOBODY = b"nobody"
Listener = Callable[[AppointmentEvent, Appointment], None]


@dataclass(slots=True)
class Books:
    """`listeners` hear each event at its own moment. What is over and anonymised moves to `finished`."""

    office: Office
    agenda: Agenda
    random: Random
    open: dict[str, Appointment] = field(default_factory=dict)
    told: list[Entry] = field(default_factory=list)
    finished: list[Document] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    freed: Freed = field(default_factory=Freed)
    active: dict[str, str] = field(default_factory=dict)
    availability: Availability = field(init=False)
    _histories: dict[str, list[Entry]] = field(default_factory=dict)
    _first: dict[str, Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.availability = Availability(self.office, base=base_cell(self.agenda.now))

    def new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def get(self, id: str) -> Appointment | None:
        """None once it is anonymised."""
        return self.open.get(id)

    def begin(
        self, appointment: Appointment, event: type[Event] = AppointmentHeld, *, by: Actor = CITIZEN
    ) -> Appointment:
        names = ("starts_at", "ends_at", "expires_at")
        self._first[appointment.id] = {name: getattr(appointment, name) for name in names}
        self._write(appointment, event, self.agenda.now, by)
        return appointment

    def apply(self, change: Change) -> Appointment:
        self._write(change.after, change.event, change.now, change.by)
        return change.after

    def follow(self, office: Office) -> None:
        self.office = office
        self.availability.follow(office)

    def cool_until(self, since: datetime) -> datetime:
        shortest, longest = self.office.data.booking.cooling_minutes
        return since + timedelta(seconds=round(60 * self.random.uniform(shortest, longest)))

    def documents(self) -> list[Document]:
        """Of all that is not anonymised yet."""
        return [self._document(appointment) for appointment in self.open.values()]

    def _write(self, after: Appointment, event: type[Event], now: datetime, by: Actor) -> None:
        known = self.open.get(after.id)
        self.open[after.id] = after
        self._remember_claims(known, after)
        self._put(after)
        said = new_event(event, subject=after.id, sequence=after.version, data=to_state(after), time=now)
        entry = outbox_entry(said)
        self.told.append(entry)
        self._histories.setdefault(after.id, []).append({**entry, "by": by.id} if by.id else entry)
        if after.status == "anonymised":
            self._finish(after)
            return
        self._look_again(after)
        assert isinstance(said, AppointmentEvent)
        for listener in self.listeners:
            listener(said, after)

    def _remember_claims(self, before: Appointment | None, after: Appointment) -> None:
        """What the unique index on `active` would hold."""
        for claim in before.active if before else ():
            self.active.pop(claim, None)
        self.active.update(dict.fromkeys(after.active, after.id))

    def _put(self, appointment: Appointment) -> None:
        before = self.availability.held(appointment.id)
        self.availability.put(appointment.id, version=appointment.version, cells=list(appointment.cells))
        after = self.availability.held(appointment.id)
        if before != after:
            self.freed.note(self.office.id, before=before, after=after, now=self.agenda.now)

    def _look_again(self, after: Appointment) -> None:
        """At what time alone decides: what runs out, what has cooled, whose data are to go."""
        if after.expires_at is not None:
            self.agenda.at(after.expires_at, lambda now: self._expire(after.id, now))
        for cooling in after.cooling:
            self.agenda.at(cooling.release_at, lambda now: self._release(after.id, now))
        until = kept_until(after, self.office.data.retention)
        if until is not None and after.status not in OPEN:
            self.agenda.at(until, lambda now: self._anonymise(after.id, now))

    def _expire(self, id: str, now: datetime) -> None:
        appointment = self.open.get(id)
        if appointment is None or appointment.expires_at is None or now < appointment.expires_at:
            return
        try:
            self.apply(appointment.expire(now=now, release_at=self.cool_until(appointment.expires_at)))
        except (WrongStatus, Expired):
            return

    def _release(self, id: str, now: datetime) -> None:
        """No new version: nobody is told."""
        if appointment := self.open.get(id):
            self.open[id] = appointment.release(now=now)
            self._put(self.open[id])

    def _anonymise(self, id: str, now: datetime) -> None:
        appointment = self.open.get(id)
        if appointment is None or (kind := kind_of(appointment)) is None:
            return
        until = kept_until(appointment, self.office.data.retention)
        if until is not None and until <= now and appointment.is_over(now):
            self.apply(appointment.anonymise(kind=kind, now=now))

    def _finish(self, appointment: Appointment) -> None:
        self.finished.append(self._document(appointment))
        del self.open[appointment.id], self._histories[appointment.id], self._first[appointment.id]
        self.availability.forget(appointment.id)

    def _document(self, appointment: Appointment) -> Document:
        """As booking stores it, but that there is nobody: no person and so no key."""
        kept = replace(appointment, person=None)
        if appointment.ends_at <= self.agenda.now:
            kept = replace(kept, cells=(), cooling=(), active=())
        return {
            **to_document(kept),
            "_id": appointment.id,
            "schema": APPOINTMENTS.newest,
            "outbox": [],
            "history": self._histories[appointment.id],
            "first": self._first[appointment.id],
        }
