"""One appointment and what may happen to it until its day."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.booking.domain.actors import CITIZEN, SYSTEM, Actor
from services.booking.domain.appointment.calls import Call, call_about
from services.booking.domain.appointment.values import (
    CANCELLED,
    MOST_CONTACTS,
    OWNING,
    AlreadyOver,
    ContactDetails,
    Cooling,
    Expired,
    Moment,
    NothingToRestore,
    Offer,
    Status,
    TooManyContacts,
    Wish,
    WrongStatus,
    cells_in,
    cool,
)
from services.booking.domain.cells import cells_of
from shared.contracts import (
    AppointmentAnonymised,
    AppointmentCancelled,
    AppointmentConfirmationSent,
    AppointmentConfirmed,
    AppointmentCorrected,
    AppointmentExpired,
    AppointmentJoinedWaitingList,
    AppointmentOfficeCancelled,
    AppointmentReassigned,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentResized,
    AppointmentRestored,
    ContactErased,
    ContactProvided,
    Event,
    Step,
)


@dataclass(frozen=True, slots=True)
class Appointment:
    """Times are aware UTC, `[starts_at, ends_at)`; `cells` are all that it owns, the cooling ones included.

    `claims` holds a keyed hash per service of who it is for. Once the address is proven they become `active`,
    of which the database refuses a second one. `review` says why staff should look at it. `queue_at` is the
    place in the day's queue. `past` are the values before each of the day's actions, the newest last.
    `person` is ciphertext; None once the person was erased.
    """

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
    person: bytes | None
    request_digest: str
    cells: tuple[str, ...]
    steps: tuple[Step, ...]
    channel: str = "web"
    further_services: tuple[str, ...] = ()
    invitation: str | None = None
    emergency: bool = False
    expires_at: datetime | None = None
    # The hold was made longer; that is possible once.
    extended: bool = False
    contact: ContactDetails | None = None
    contact_sequence: int | None = None
    contacts_given: int = 0
    # The event that asked for the message to the newest contact.
    requested_by: str | None = None
    reschedules: int = 0
    previous_starts_at: datetime | None = None
    cooling: tuple[Cooling, ...] = ()
    claims: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    review: str | None = None
    wish: Wish | None = None
    waiting_since: datetime | None = None
    offer: Offer | None = None
    offered_at: tuple[datetime, ...] = ()
    accepted_at: tuple[datetime, ...] = ()
    reason: str | None = None
    proposals: tuple[datetime, ...] = ()
    ticket: str | None = None
    queue_at: datetime | None = None
    calls: int = 0
    called_by: str | None = None
    called_to: str | None = None
    waiting_minutes: int | None = None
    handling_minutes: int | None = None
    past: tuple[Moment, ...] = ()
    # Whom no message reaches in time is phoned; see domain.calls.
    call: Call | None = None
    # When it expired or was called off.
    ended_at: datetime | None = None
    # Once the person's data are erased: when, why, and the status before.
    anonymised_at: datetime | None = None
    anonymised_as: str | None = None
    outcome: Status | None = None

    @property
    def services(self) -> tuple[str, ...]:
        return (self.service, *self.further_services)

    @property
    def has_time(self) -> bool:
        """False for whoever only waits for a time."""
        return self.ends_at > self.starts_at

    def request(
        self,
        contact: ContactDetails,
        *,
        person: bytes,
        now: datetime,
        keep_until: datetime,
        claims: tuple[str, ...] = (),
    ) -> "Change":
        """Contact details come in; the time to confirm starts when the message was handed over."""
        self.require("held", "requested")
        self.require_not_expired(now)
        if self.contacts_given >= MOST_CONTACTS:
            raise TooManyContacts
        return self.changed(
            AppointmentRequested,
            "requested",
            now,
            status="requested",
            contact=contact,
            person=person,
            claims=claims,
            contact_sequence=self.version + 1,
            contacts_given=self.contacts_given + 1,
            expires_at=min(keep_until, self.starts_at),
            tells=ContactProvided,
        )

    def require_held(self, now: datetime) -> None:
        """Raises WrongStatus, Expired."""
        self.require("held")
        self.require_not_expired(now)

    def confirmation_sent(self, *, now: datetime, expires_at: datetime) -> "Change":
        """The message that asks to confirm was handed over: the time to confirm runs from here."""
        self.require("requested")
        return self.changed(
            AppointmentConfirmationSent,
            "confirmation_sent",
            now,
            expires_at=min(expires_at, self.starts_at),
        )

    @property
    def awaits_message(self) -> bool:
        """Nothing is known yet about the message that asks to confirm the newest contact."""
        return self.status == "requested" and self.steps[-1].step == "requested"

    def confirm(self, *, now: datetime, another_person: bool = False) -> "Change":
        """The address is proven. For somebody else of the same name and address staff look at it."""
        self.require("requested")
        self.require_not_expired(now)
        values: dict[str, Any] = {"active": self.claims, "expires_at": None}
        if another_person:
            own = tuple(f"{claim}#{self.id}" for claim in self.claims)
            values |= {"claims": own, "active": own, "review": "another_person"}
        if not self.has_time:
            values |= {"status": "waiting", "waiting_since": now, "expires_at": self.ends_at}
            return self.changed(AppointmentJoinedWaitingList, "joined_waiting_list", now, **values)
        return self.changed(AppointmentConfirmed, "confirmed", now, status="confirmed", **values)

    def reschedule(
        self,
        *,
        lane: str,
        starts_at: datetime,
        ends_at: datetime,
        now: datetime,
        release_at: datetime,
        by: Actor = CITIZEN,
        reason: str | None = None,
    ) -> "Change":
        """The new time is taken and the old one starts to cool, in one write; or nothing changes."""
        self.require("confirmed")
        self.require_ahead(now)
        visit = min(starts_at, self.starts_at)
        asked = by.kind == "citizen" or reason in (None, "wish")
        return self.changed(
            AppointmentRescheduled,
            "rescheduled",
            now,
            by=by,
            reason=reason,
            call=None if asked else call_about("rescheduled", self.contact, visit=visit, now=now),
            lane=lane,
            starts_at=starts_at,
            ends_at=ends_at,
            reschedules=self.reschedules + 1,
            previous_starts_at=self.starts_at,
            **self.taking(lane, starts_at, ends_at, now, release_at),
        )

    def reassign(self, *, lane: str, now: datetime, by: Actor, reason: str | None = None) -> "Change":
        """Another desk at the same time; the old one is free at once, since only staff can do this."""
        self.require("confirmed", "checked_in")
        return self.changed(
            AppointmentReassigned,
            "reassigned",
            now,
            by=by,
            reason=reason,
            lane=lane,
            **self.taking(lane, self.starts_at, self.ends_at, now, now),
        )

    def resize(
        self,
        *,
        municipalities: tuple[str, ...],
        children_under_6: int,
        ends_at: datetime,
        now: datetime,
        release_at: datetime,
        by: Actor = CITIZEN,
    ) -> "Change":
        """Somebody joins or leaves: the end moves, and what is no longer needed cools."""
        self.require("confirmed")
        self.require_ahead(now)
        return self.changed(
            AppointmentResized,
            "resized",
            now,
            by=by,
            ends_at=ends_at,
            municipalities=municipalities,
            persons=len(municipalities),
            children_under_6=children_under_6,
            **self.taking(self.lane, self.starts_at, ends_at, now, release_at),
        )

    def is_over(self, now: datetime) -> bool:
        """Nothing can happen any more that needs the person."""
        return self.status in {*CANCELLED, "expired", "anonymised"} or self.ends_at <= now

    def anonymise(self, *, kind: str, now: datetime) -> "Change":
        """The person goes; times, service, team, persons and places stay for the figures. Raises WrongStatus."""
        if self.status == "anonymised" or not self.is_over(now):
            raise WrongStatus(self.status)
        return self.changed(
            AppointmentAnonymised,
            "anonymised",
            now,
            by=SYSTEM,
            tells=ContactErased if self.contact else None,
            status="anonymised",
            outcome=self.status,
            anonymised_at=now,
            anonymised_as=kind,
            **self._without_person(),
        )

    def _without_person(self) -> dict[str, Any]:
        """Every field that says who it is, emptied."""
        contact = ContactDetails(language=self.contact.language, has_email=False) if self.contact else None
        return {
            "person": None,
            "contact": contact,
            "code": "",
            "request_digest": "",
            "claims": (),
            "active": (),
            "review": None,
            "wish": None,
            "past": (),
            "expires_at": None,
            "ended_at": None,
            "call": None,
        }

    def give(self, cells: frozenset[str]) -> "Appointment":
        """The same appointment without these of its cooling cells, which somebody else takes in the same write.

        Its own time, and one that it is offered, it keeps.
        """
        given = cells.intersection(cells_in(self.cooling)).difference(self._kept_cells())
        cooling = tuple(replace(c, cells=tuple(x for x in c.cells if x not in given)) for c in self.cooling)
        kept = tuple(cell for cell in self.cells if cell not in given)
        return replace(self, cooling=tuple(c for c in cooling if c.cells), cells=kept)

    def reviewed(self, *, now: datetime, by: Actor) -> "Change":
        """Staff have looked at it and let it be."""
        self.require("confirmed", "checked_in", "called", "in_service", "completed")
        return self.changed(AppointmentCorrected, "reviewed", now, by=by, review=None)

    def correct(self, *, person: bytes, claims: tuple[str, ...], now: datetime, by: Actor = CITIZEN) -> "Change":
        """The name is put right, and whoever is written to is addressed by it from now on."""
        self.require("waiting", "confirmed", "checked_in")
        told: dict[str, Any] = {}
        if self.contact:
            told = {"tells": ContactProvided, "contact_sequence": self.version + 1}
        return self.changed(
            AppointmentCorrected,
            "corrected",
            now,
            by=by,
            person=person,
            claims=claims,
            active=claims if self.active else (),
            **told,
        )

    def wish_contact(self, contact: ContactDetails, *, person: bytes, step: str, now: datetime) -> "Change":
        """The person says by which ways, and of what, to hear; `step` says which wish it is."""
        self.require("waiting", "confirmed", "checked_in")
        return self.changed(
            AppointmentCorrected,
            step,
            now,
            contact=contact,
            person=person,
            contact_sequence=self.version + 1,
            tells=ContactProvided,
        )

    def cancel(self, *, now: datetime, release_at: datetime, by: Actor = CITIZEN) -> "Change":
        self.require("held", "requested", "waiting", "confirmed")
        self.require_ahead(now)
        return self.end(AppointmentCancelled, "cancelled", now, release_at, by=by)

    def office_cancel(
        self, *, now: datetime, by: Actor, reason: str, proposals: tuple[datetime, ...] = ()
    ) -> "Change":
        """The office cannot keep the time. Its cells are free at once: mostly they are closed anyway."""
        self.require("held", "requested", "waiting", "confirmed", "checked_in")
        told: dict[str, Any] = {"by": by, "reason": reason, "proposals": proposals}
        # Whoever is there is told there, and nobody knows yet whose an address is that nobody has proven.
        if self.status in ("waiting", "confirmed"):
            told["call"] = call_about("office_cancellation", self.contact, visit=self.starts_at, now=now)
        return self.end(AppointmentOfficeCancelled, "office_cancelled", now, now, **told)

    def restore(self, *, now: datetime) -> "Change":
        """Takes a cancellation back; raises NothingToRestore where its time no longer cools."""
        self.require("cancelled")
        self.require_ahead(now)
        own = self.current_cells()
        confirmed = any(step.step in ("confirmed", "restored") for step in self.steps)
        if not confirmed or not own or not set(own) <= set(cells_in(self.cooling)):
            raise NothingToRestore
        cooling = self._cooling_but(own)
        return self.changed(
            AppointmentRestored,
            "restored",
            now,
            status="confirmed",
            active=self.claims,
            cells=(*own, *cells_in(cooling)),
            cooling=cooling,
            ended_at=None,
            call=None,
        )

    def expire(self, *, now: datetime, release_at: datetime) -> "Change":
        """Settles what ran out: a hold, a request, a wish; raises WrongStatus where it did not."""
        waits = self.status in ("held", "requested", "waiting")
        if not waits or self.expires_at is None or now < self.expires_at:
            raise WrongStatus(self.status)
        ended_at = self.expires_at
        return self.end(AppointmentExpired, "expired", now, release_at, by=SYSTEM, ended_at=ended_at)

    def release(self, *, now: datetime) -> "Appointment":
        """The same appointment without the cells whose cooling is over. No event: nobody is told."""
        cooling = tuple(c for c in self.cooling if now < c.release_at)
        return replace(self, cooling=cooling, cells=(*self._kept_cells(), *cells_in(cooling)))

    def _kept_cells(self) -> tuple[str, ...]:
        """Those that no cooling concerns: of its time, and of the one that it is offered."""
        own = self.current_cells() if self.status in OWNING else ()
        return (*own, *(self.offer.cells if self.offer else ()))

    def changed(
        self,
        event: type[Event],
        step: str,
        now: datetime,
        *,
        at: datetime | None = None,
        by: Actor = CITIZEN,
        tells: type[Event] | None = None,
        **values: Any,
    ) -> "Change":
        """The next version with one step more, which happened `at` or now.

        What only one change tells is empty after the next.
        """
        told = {"previous_starts_at": None, "reason": None, "proposals": ()}
        steps = (*self.steps, Step(step=step, at=at or now, by=by.kind))
        after = replace(self, version=self.version + 1, **{"steps": steps, **told, **values})
        return Change(before=self, after=after, event=event, now=now, contact=tells, by=by)

    def taking(
        self, lane: str, starts_at: datetime, ends_at: datetime, now: datetime, release_at: datetime
    ) -> dict[str, Any]:
        """Cells and cooling as they are once this time is the appointment's."""
        new = cells_of(team=self.team, lane=lane, starts_at=starts_at, ends_at=ends_at)
        left = tuple(cell for cell in self.current_cells() if cell not in new)
        cooling = cool(self._cooling_but(new), left, self.starts_at, now, release_at)
        offered = tuple(cell for cell in self.offer.cells if cell not in new) if self.offer else ()
        return {"cells": (*new, *offered, *cells_in(cooling)), "cooling": cooling}

    def end(
        self, event: type[Event], status: Status, now: datetime, release_at: datetime, **values: Any
    ) -> "Change":
        """A time that was offered goes back at once: the next in line should have it."""
        cooling = cool(self.cooling, self.current_cells(), self.starts_at, now, release_at)
        values = {
            "status": status,
            "cooling": cooling,
            "cells": cells_in(cooling),
            "ended_at": now,
            "expires_at": None,
            "active": (),
            "invitation": None,
            "wish": None,
            "offer": None,
            "call": None,
            **values,
        }
        return self.changed(event, status, now, **values)

    def current_cells(self) -> tuple[str, ...]:
        """Of the present time and desk; none for a ticket, and none for whoever only waits."""
        if not self.lane:
            return ()
        return cells_of(team=self.team, lane=self.lane, starts_at=self.starts_at, ends_at=self.ends_at)

    def _cooling_but(self, taken: tuple[str, ...]) -> tuple[Cooling, ...]:
        rest = (replace(c, cells=tuple(cell for cell in c.cells if cell not in taken)) for c in self.cooling)
        return tuple(c for c in rest if c.cells)

    def require(self, *allowed: Status) -> None:
        if self.status == "expired":
            raise Expired
        if self.status not in allowed:
            raise WrongStatus(self.status)

    def require_not_expired(self, now: datetime) -> None:
        if self.expires_at is not None and self.expires_at <= now:
            raise Expired

    def require_ahead(self, now: datetime) -> None:
        if self.starts_at <= now:
            raise AlreadyOver


@dataclass(frozen=True, slots=True)
class Change:
    """One step: the state before and after, the event to tell, and whether the contact is told as well."""

    before: Appointment
    after: Appointment
    event: type[Event]
    now: datetime
    contact: type[Event] | None = None
    by: Actor = CITIZEN
