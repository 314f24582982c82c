"""One appointment and what may happen to it.

Every method guards its state and returns the `Change` that happened; storage writes it in one conditional
write. `held → requested → confirmed`, and out by `expired` or `cancelled`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from services.booking.domain.cells import cells_of
from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmationSent,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentHeld,
    AppointmentRequested,
    AppointmentRescheduled,
    ContactProvided,
    Event,
    Step,
)

Status = Literal["held", "requested", "confirmed", "expired", "cancelled"]
OPEN: frozenset[Status] = frozenset({"held", "requested", "confirmed"})
# A wrong address can be put right while the appointment is not confirmed, but not used to send mail at will.
MOST_CONTACTS = 3
# Freed times return a day ahead at the latest, so that somebody can still use them.
_RETURNS_BEFORE_START = timedelta(hours=24)


class WrongStatus(Exception):
    """What was asked for does not go with the appointment's status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Expired(Exception):
    """The time to hold or to confirm is over."""


class AlreadyOver(Exception):
    """The appointment has begun."""


class TooManyContacts(Exception):
    pass


REFUSALS = (WrongStatus, Expired, AlreadyOver, TooManyContacts)


@dataclass(frozen=True, slots=True)
class Cooling:
    """Freed cells that nobody can book again before `release_at`."""

    cells: tuple[str, ...]
    release_at: datetime


@dataclass(frozen=True, slots=True)
class ContactDetails:
    email: str
    language: str
    given_name: str | None = None
    phone: str | None = None
    sms_consent: bool = False


@dataclass(frozen=True, slots=True)
class Appointment:
    """Times are aware UTC, `[starts_at, ends_at)`; `cells` are all that it owns, the cooling ones included."""

    id: str
    office: str
    code: str
    service: str
    team: str
    lane: str
    status: Status
    version: int
    starts_at: datetime
    ends_at: datetime
    persons: int
    children_under_6: int
    municipalities: tuple[str, ...]
    family_name: str
    request_digest: str
    cells: tuple[str, ...]
    steps: tuple[Step, ...]
    channel: str = "web"
    expires_at: datetime | None = None
    contact: ContactDetails | None = None
    contact_sequence: int | None = None
    contacts_given: int = 0
    # The event that asked for the message to the newest contact.
    requested_by: str | None = None
    reschedules: int = 0
    previous_starts_at: datetime | None = None
    cooling: tuple[Cooling, ...] = ()

    def request(self, contact: ContactDetails, *, now: datetime, keep_until: datetime) -> "Change":
        """Contact details come in; the time to confirm starts when the message was handed over."""
        self._require("held", "requested")
        self._require_not_expired(now)
        if self.contacts_given >= MOST_CONTACTS:
            raise TooManyContacts
        return self._change(
            AppointmentRequested,
            "requested",
            now,
            status="requested",
            contact=contact,
            contact_sequence=self.version + 1,
            contacts_given=self.contacts_given + 1,
            expires_at=min(keep_until, self.starts_at),
            tells_contact=True,
        )

    def confirmation_sent(self, *, now: datetime, expires_at: datetime) -> "Change":
        """The message that asks to confirm was handed over: the time to confirm runs from here."""
        self._require("requested")
        return self._change(
            AppointmentConfirmationSent,
            "confirmation_sent",
            now,
            expires_at=min(expires_at, self.starts_at),
        )

    @property
    def awaits_message(self) -> bool:
        """Nothing is known yet about the message that asks to confirm the newest contact."""
        return self.status == "requested" and self.steps[-1].step == "requested"

    def confirm(self, *, now: datetime) -> "Change":
        self._require("requested")
        self._require_not_expired(now)
        return self._change(AppointmentConfirmed, "confirmed", now, status="confirmed", expires_at=None)

    def reschedule(
        self, *, lane: str, starts_at: datetime, ends_at: datetime, now: datetime, release_at: datetime
    ) -> "Change":
        """The new time is taken and the old one starts to cool, in one write; or nothing changes."""
        self._require("confirmed")
        self._require_ahead(now)
        new = cells_of(team=self.team, lane=lane, starts_at=starts_at, ends_at=ends_at)
        left = tuple(cell for cell in self._current_cells() if cell not in new)
        cooling = _cool(self._cooling_but(new), left, self.starts_at, now, release_at)
        return self._change(
            AppointmentRescheduled,
            "rescheduled",
            now,
            lane=lane,
            starts_at=starts_at,
            ends_at=ends_at,
            cells=(*new, *_cells(cooling)),
            cooling=cooling,
            reschedules=self.reschedules + 1,
            previous_starts_at=self.starts_at,
        )

    def cancel(self, *, now: datetime, release_at: datetime) -> "Change":
        self._require("held", "requested", "confirmed")
        self._require_ahead(now)
        return self._end(AppointmentCancelled, "cancelled", now, release_at)

    def expire(self, *, now: datetime, release_at: datetime) -> "Change":
        """Settles a hold or request whose time ran out; raises WrongStatus where it did not."""
        if self.status not in ("held", "requested") or self.expires_at is None or now < self.expires_at:
            raise WrongStatus(self.status)
        return self._end(AppointmentExpired, "expired", now, release_at)

    def release(self, *, now: datetime) -> "Appointment":
        """The same appointment without the cells whose cooling is over. No event: nobody is told."""
        cooling = tuple(c for c in self.cooling if now < c.release_at)
        kept = self._current_cells() if self.status in OPEN else ()
        return replace(self, cooling=cooling, cells=(*kept, *_cells(cooling)))

    def _end(self, event: type[Event], status: Status, now: datetime, release_at: datetime) -> "Change":
        cooling = _cool(self.cooling, self._current_cells(), self.starts_at, now, release_at)
        return self._change(
            event, status, now, status=status, expires_at=None, cooling=cooling, cells=_cells(cooling)
        )

    def _current_cells(self) -> tuple[str, ...]:
        return cells_of(team=self.team, lane=self.lane, starts_at=self.starts_at, ends_at=self.ends_at)

    def _cooling_but(self, taken: tuple[str, ...]) -> tuple[Cooling, ...]:
        rest = (replace(c, cells=tuple(cell for cell in c.cells if cell not in taken)) for c in self.cooling)
        return tuple(c for c in rest if c.cells)

    def _require(self, *allowed: Status) -> None:
        if self.status == "expired":
            raise Expired
        if self.status not in allowed:
            raise WrongStatus(self.status)

    def _require_not_expired(self, now: datetime) -> None:
        if self.expires_at is not None and self.expires_at <= now:
            raise Expired

    def _require_ahead(self, now: datetime) -> None:
        if self.starts_at <= now:
            raise AlreadyOver

    def _change(
        self, event: type[Event], step: str, now: datetime, *, tells_contact: bool = False, **values: Any
    ) -> "Change":
        values = {"previous_starts_at": None, **values}
        after = replace(self, version=self.version + 1, steps=(*self.steps, Step(step=step, at=now)), **values)
        return Change(before=self, after=after, event=event, contact=ContactProvided if tells_contact else None)


@dataclass(frozen=True, slots=True)
class Change:
    """One step: the state before and after, the event to tell, and whether the contact is told as well."""

    before: Appointment
    after: Appointment
    event: type[Event]
    contact: type[Event] | None = None


def hold(
    *,
    id: str,
    office: str,
    code: str,
    service: str,
    team: str,
    lane: str,
    starts_at: datetime,
    ends_at: datetime,
    municipalities: tuple[str, ...],
    children_under_6: int,
    family_name: str,
    request_digest: str,
    now: datetime,
    expires_at: datetime,
) -> Appointment:
    """A new appointment that owns its cells until `expires_at`."""
    return Appointment(
        id=id,
        office=office,
        code=code,
        service=service,
        team=team,
        lane=lane,
        status="held",
        version=1,
        starts_at=starts_at,
        ends_at=ends_at,
        persons=len(municipalities),
        children_under_6=children_under_6,
        municipalities=municipalities,
        family_name=family_name,
        request_digest=request_digest,
        cells=cells_of(team=team, lane=lane, starts_at=starts_at, ends_at=ends_at),
        steps=(Step(step="held", at=now),),
        expires_at=expires_at,
    )


HELD: type[Event] = AppointmentHeld


def _cool(
    cooling: tuple[Cooling, ...],
    freed: tuple[str, ...],
    starts_at: datetime,
    now: datetime,
    release_at: datetime,
) -> tuple[Cooling, ...]:
    """`cooling` and the cells just freed, unless they are free at once because the visit is near."""
    release_at = min(release_at, starts_at - _RETURNS_BEFORE_START)
    if not freed or release_at <= now:
        return cooling
    return (*cooling, Cooling(cells=freed, release_at=release_at))


def _cells(cooling: tuple[Cooling, ...]) -> tuple[str, ...]:
    return tuple(cell for entry in cooling for cell in entry.cells)
