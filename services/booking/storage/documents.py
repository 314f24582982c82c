"""Between an appointment and its document, and what others may know of it."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import cache
from typing import Any

from services.booking.domain.appointment import (
    Appointment,
    Call,
    CallAct,
    ContactDetails,
    Cooling,
    Moment,
    Offer,
    Wish,
)
from services.booking.storage.schemas import APPOINTMENTS
from shared.contracts import AppointmentState, Step
from shared.mongo import Document


def to_state(appointment: Appointment) -> AppointmentState:
    """What others may know: everything but the person."""
    offer = appointment.offer
    return AppointmentState(
        appointment=appointment.id,
        office=appointment.office,
        service=appointment.service,
        further_services=appointment.further_services,
        team=appointment.team,
        lane=appointment.lane,
        status=appointment.status,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        persons=appointment.persons,
        children_under_6=appointment.children_under_6,
        municipalities=appointment.municipalities,
        channel=appointment.channel,
        language=appointment.contact.language if appointment.contact else None,
        expires_at=appointment.expires_at,
        contact_sequence=appointment.contact_sequence,
        reschedules=appointment.reschedules,
        steps=appointment.steps,
        previous_starts_at=appointment.previous_starts_at,
        waits=appointment.wish is not None,
        offers=len(appointment.offered_at),
        offer_starts_at=offer.starts_at if offer else None,
        offer_ends_at=offer.ends_at if offer else None,
        offer_expires_at=offer.expires_at if offer else None,
        reason=appointment.reason,
        proposals=appointment.proposals,
        calls=appointment.calls,
        waiting_minutes=appointment.waiting_minutes,
        handling_minutes=appointment.handling_minutes,
        outcome=appointment.outcome,
        accepted_at=appointment.accepted_at,
        emergency=appointment.emergency,
    )


_FIELDS = tuple(f for f in fields(Appointment) if f.name != "id")
_NAMES = tuple(f.name for f in _FIELDS)
_EMPTY: dict[str, Any] = {f.name: f.default for f in _FIELDS if f.default is not MISSING}
# Empty cells must be absent: an empty array would stand in the unique index as one value.
_EMPTY |= {"cells": (), "person": None}
# What came later to what stands in one field stands beside it: the version before cannot read it inside.
_BESIDE = {"phone_digest": "contact"}
_EMPTY |= dict.fromkeys(_BESIDE)
# Said of every appointment, also where it is the usual one.
del _EMPTY["channel"]


def to_document(appointment: Appointment) -> Document:
    """Without `_id`; what has its default is absent."""
    values = _values(appointment).items()
    return {name: _plain(value) for name, value in values if not _is_empty(name, value)}


def difference(before: Appointment, after: Appointment) -> Document:
    """`$set` and `$unset` of what changed: replacing would erase events that wait in the outbox."""
    old = _values(before)
    values = {name: value for name, value in _values(after).items() if value != old[name]}
    kept = {name: _plain(value) for name, value in values.items() if not _is_empty(name, value)}
    gone = {name: "" for name, value in values.items() if name not in kept}
    return {operator: part for operator, part in (("$set", kept), ("$unset", gone)) if part}


def call_document(call: Call | None) -> Document | None:
    """As it stands in the appointment's document."""
    return _plain(call) if call else None


def _values(appointment: Appointment) -> dict[str, Any]:
    """By name, as they stand in the document."""
    beside = {name: getattr(getattr(appointment, whose), name, None) for name, whose in _BESIDE.items()}
    return {**{name: getattr(appointment, name) for name in _NAMES}, **beside}


def _is_empty(name: str, value: Any) -> bool:
    return name in _EMPTY and value == _EMPTY[name]


def _plain(value: Any) -> Any:
    if isinstance(value, Step):
        step = {"step": value.step, "at": value.at}
        return step if value.by == "citizen" else {**step, "by": value.by}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in _BESIDE}
    return value.isoformat() if type(value) is date else value


def to_appointment(document: Mapping[str, Any]) -> Appointment:
    """Without the rules: what is stored was decided before."""
    document = APPOINTMENTS.read(document)
    values = {name: document[name] for name in _NAMES if name in document}
    for name, whose in _BESIDE.items():
        if name in document and whose in values:
            values[whose] = {**values[whose], name: document[name]}
    for name, read in _READ.items():
        if name in values:
            values[name] = read(values[name])
    return Appointment(id=document["_id"], **{"cells": (), "person": None, **values})


@cache
def _inside(kind: Any) -> frozenset[str]:
    return frozenset(f.name for f in fields(kind))


def _known(kind: Any, values: Mapping[str, Any]) -> Any:
    """Without what a newer version has added inside: both serve while one replaces the other."""
    known = _inside(kind)
    return kind(**{name: value for name, value in values.items() if name in known})


def _tuples(document: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}


def _wish(document: Mapping[str, Any]) -> Wish:
    values = _tuples(document)
    first, last = date.fromisoformat(values.pop("first")), date.fromisoformat(values.pop("last"))
    wish: Wish = _known(Wish, {**values, "first": first, "last": last})
    return wish


def _call(document: Mapping[str, Any]) -> Call:
    call: Call = _known(Call, {**document, "acts": tuple(_known(CallAct, act) for act in document["acts"])})
    return call


_READ: dict[str, Callable[[Any], Any]] = {
    "municipalities": tuple,
    "cells": tuple,
    "further_services": tuple,
    "active": tuple,
    "offered_at": tuple,
    "accepted_at": tuple,
    "proposals": tuple,
    "steps": lambda steps: tuple(Step(**step) for step in steps),
    "cooling": lambda cooling: tuple(_known(Cooling, _tuples(entry)) for entry in cooling),
    "contact": lambda contact: _known(ContactDetails, contact),
    "wish": _wish,
    "offer": lambda offer: _known(Offer, offer),
    "call": _call,
    "past": lambda past: tuple(_known(Moment, _tuples(moment)) for moment in past),
}
