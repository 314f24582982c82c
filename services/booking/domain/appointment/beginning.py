"""How an appointment begins: held by a citizen, wished for, booked by staff, or with a ticket at the counter."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.booking.domain.actors import CITIZEN, Actor
from services.booking.domain.appointment.lifecycle import Appointment
from services.booking.domain.appointment.values import ContactDetails, Wish
from services.booking.domain.cells import cells_of
from shared.contracts import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who comes for what, and to which team. `municipalities` has one AGS per member, the lead person's first."""

    id: str
    office: str
    code: str
    service: str
    further_services: tuple[str, ...] = ()
    team: str
    municipalities: tuple[str, ...]
    children_under_6: int = 0
    person: bytes
    request_digest: str
    channel: str = "web"
    invitation: str | None = None
    emergency: bool = False
    claims: tuple[str, ...] = ()


def hold(
    party: Party, *, lane: str, starts_at: datetime, ends_at: datetime, now: datetime, expires_at: datetime
) -> Appointment:
    """A new appointment that owns its cells until `expires_at`."""
    held = _new(party, "held", lane=lane, starts_at=starts_at, ends_at=ends_at, now=now, by=CITIZEN)
    return replace(held, expires_at=expires_at)


def wish_for(party: Party, wish: Wish, *, until: datetime, now: datetime, expires_at: datetime) -> Appointment:
    """No time yet: waits for one until `until`, the end of the last day that suits, once the address is proven."""
    held = _new(party, "held", lane="", starts_at=until, ends_at=until, now=now, by=CITIZEN)
    return replace(held, wish=wish, expires_at=expires_at)


def book(
    party: Party,
    *,
    lane: str,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    by: Actor,
    contact: ContactDetails | None,
) -> Appointment:
    """Confirmed at once: staff know whom they speak to, also where nobody can be written to."""
    booked = _new(party, "confirmed", lane=lane, starts_at=starts_at, ends_at=ends_at, now=now, by=by)
    sequence = booked.version if contact else None
    return replace(booked, status="confirmed", active=party.claims, contact=contact, contact_sequence=sequence)


def walk_in(party: Party, *, ticket: str, ends_at: datetime, now: datetime, by: Actor) -> Appointment:
    """A same-day ticket: the person is there and waits for the next free desk; it owns no desk-minute."""
    there = _new(party, "checked_in", lane="", starts_at=now, ends_at=ends_at, now=now, by=by)
    return replace(there, status="checked_in", ticket=ticket, queue_at=now, cells=())


def _new(
    party: Party, step: str, *, lane: str, starts_at: datetime, ends_at: datetime, now: datetime, by: Actor
) -> Appointment:
    return Appointment(
        id=party.id,
        office=party.office,
        code=party.code,
        service=party.service,
        further_services=party.further_services,
        team=party.team,
        lane=lane,
        status="held",
        version=1,
        starts_at=starts_at,
        ends_at=ends_at,
        persons=len(party.municipalities),
        children_under_6=party.children_under_6,
        municipalities=party.municipalities,
        person=party.person,
        request_digest=party.request_digest,
        channel=party.channel,
        invitation=party.invitation,
        emergency=party.emergency,
        claims=party.claims,
        cells=cells_of(team=party.team, lane=lane, starts_at=starts_at, ends_at=ends_at),
        steps=(Step(step=step, at=now, by=by.kind),),
    )
