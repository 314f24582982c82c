"""The waiting list: who is next, what may be offered, and what becomes of an offer.

Whoever waits is an appointment with a wish: without a time yet, or with one that it would give up for an
earlier one. An offer's cells are the waiter's own until it expires, so nobody else can take them meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from services.booking.domain.actors import CITIZEN, SYSTEM, Actor
from services.booking.domain.appointment import AlreadyOver, Appointment, Change, Offer, Wish, cells_in
from shared.contracts import (
    AppointmentConfirmed,
    AppointmentJoinedWaitingList,
    AppointmentLeftWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
    AppointmentRescheduled,
)


class NoOffer(Exception):
    """There is no offer, or it has expired."""


class NotWaiting(Exception):
    """This appointment waits for no other time."""


@dataclass(frozen=True, slots=True)
class OfferRules:
    """At most `most` offers in all and one a day, each open for `lasts`."""

    most: int
    lasts: timedelta


def join(appointment: Appointment, wish: Wish, *, now: datetime, by: Actor = CITIZEN) -> Change:
    """Keeps its time and waits for an earlier one; the place in line is kept when only the wish changes."""
    appointment.require("confirmed")
    if appointment.starts_at <= now:
        raise AlreadyOver
    since = appointment.waiting_since if appointment.wish else now
    return appointment.changed(
        AppointmentJoinedWaitingList, "joined_waiting_list", now, by=by, wish=wish, waiting_since=since
    )


def leave(appointment: Appointment, *, now: datetime, by: Actor = CITIZEN) -> Change:
    """Waits no longer and keeps its time. Who has none cancels instead."""
    appointment.require("confirmed")
    if appointment.wish is None:
        raise NotWaiting
    return appointment.changed(
        AppointmentLeftWaitingList, "left_waiting_list", now, by=by, wish=None, **_without_offer(appointment)
    )


def is_next(appointment: Appointment, *, now: datetime, zone: tzinfo, rules: OfferRules) -> bool:
    """Whether this waiter may get an offer at `now`: none is open, none was made today, not all are used up."""
    if appointment.wish is None or appointment.offer is not None:
        return False
    if appointment.status not in ("waiting", "confirmed") or len(appointment.offered_at) >= rules.most:
        return False
    today = now.astimezone(zone).date()
    return all(at.astimezone(zone).date() != today for at in appointment.offered_at)


def suits(appointment: Appointment, offer: Offer, *, zone: tzinfo) -> bool:
    """Whether it is one of the wished times; for who has a time already, only an earlier one is."""
    if appointment.wish is None or (appointment.has_time and offer.starts_at >= appointment.starts_at):
        return False
    return appointment.wish.suits(offer.starts_at.astimezone(zone))


def offer_time(appointment: Appointment, offer: Offer, *, now: datetime) -> Change:
    """The time is the waiter's alone until the offer expires."""
    appointment.require("waiting", "confirmed")
    if appointment.wish is None or appointment.offer is not None:
        raise NotWaiting
    return appointment.changed(
        AppointmentOffered,
        "offered",
        now,
        by=SYSTEM,
        offer=offer,
        offered_at=(*appointment.offered_at, now),
        cells=(*appointment.cells, *offer.cells),
    )


def accept(appointment: Appointment, *, now: datetime, release_at: datetime) -> Change:
    """One write on the waiter's own document: the offered time is theirs, a time they had before cools."""
    appointment.require("waiting", "confirmed")
    offer = appointment.offer
    if offer is None or offer.expires_at <= now:
        raise NoOffer
    taken = appointment.taking(offer.lane, offer.starts_at, offer.ends_at, now, release_at)
    values: dict[str, Any] = {
        **taken,
        "lane": offer.lane,
        "starts_at": offer.starts_at,
        "ends_at": offer.ends_at,
        "wish": None,
        "offer": None,
        "accepted_at": (*appointment.accepted_at, now),
        "call": None,
    }
    if appointment.has_time:
        values |= {"reschedules": appointment.reschedules + 1, "previous_starts_at": appointment.starts_at}
        return appointment.changed(AppointmentRescheduled, "rescheduled", now, **values)
    values |= {"status": "confirmed", "expires_at": None}
    return appointment.changed(AppointmentConfirmed, "confirmed", now, **values)


def end_offer(appointment: Appointment, *, now: datetime, by: Actor) -> Change:
    """Declined by the citizen, or run out (by SYSTEM; raises NoOffer before that): the time goes back at once."""
    offer = appointment.offer
    if offer is None or (by == SYSTEM and now < offer.expires_at):
        raise NoOffer
    return appointment.changed(AppointmentOfferEnded, "offer_ended", now, by=by, **_without_offer(appointment))


def _without_offer(appointment: Appointment) -> dict[str, Any]:
    """Back at once: it goes to the next in line, and nobody could have planned on it."""
    if appointment.offer is None:
        return {}
    own = (*appointment.current_cells(), *cells_in(appointment.cooling))
    return {"offer": None, "cells": own}
