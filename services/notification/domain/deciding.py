"""Whether a delivery goes out now: the newest known state decides, not the event that planned it."""

from datetime import datetime

from services.notification.domain.addresses import address
from services.notification.domain.deliveries import (
    Channel,
    Delivery,
    Drop,
    KnownContact,
    KnownState,
    Later,
    Priority,
    Send,
    Status,
    Wait,
    stored,
)
from services.notification.domain.hours import quiet_until, reminder_due
from services.notification.purposes import MAKES_TIME_OWN, Purpose
from shared.contracts import AppointmentState, Office

_OVER = frozenset({"cancelled", "office_cancelled", "expired", "no_show", "completed", "anonymised"})
# What says that something is so only does while it is.
_ONLY_WHILE = {
    Purpose.CONFIRM_REQUEST: "requested",
    Purpose.CANCELLATION: "cancelled",
    Purpose.OFFICE_CANCELLATION: "office_cancelled",
    Purpose.REMINDER: "confirmed",
}
_OF_ONE_TIME = frozenset({Purpose.CONFIRMATION, Purpose.RESCHEDULED, Purpose.REMINDER, Purpose.CHANGED})


def decide(
    delivery: Delivery,
    *,
    state: KnownState | None,
    contact: KnownContact | None,
    office: Office | None,
    now: datetime,
    quiet_hours: bool = True,
) -> Send | Wait | Later | Drop:
    """Whether `delivery` goes out at `now`; at any hour without `quiet_hours`."""
    if contact is not None and contact.data is None:
        return Drop(Status.SUPERSEDED, "contact erased")
    known = state if state and state.sequence >= delivery.state_sequence else None
    if known and (contradiction := _contradiction(delivery, known.data)):
        return Drop(Status.SUPERSEDED, contradiction)
    if now >= _useless_from(delivery, known):
        return Drop(Status.EXPIRED, "too late")
    if known is None:
        return Wait("state")
    if contact is None or contact.data is None or contact.sequence < _contact_needed(delivery, known.data):
        return Wait("contact")
    if delivery.purpose is Purpose.REMINDER and not contact.data.reminders:
        return Drop(Status.NOT_WANTED, "no reminders for this contact")
    to = address(delivery.channel, contact.data)
    if to is None:
        return Drop(Status.NOT_WANTED, f"no {delivery.channel} for this contact")
    if office is None:
        return Wait("office")
    too_early = _too_early(delivery, known, office, now=now, quiet_hours=quiet_hours)
    return too_early or Send(known, contact.data, office, to)


def _too_early(
    delivery: Delivery, known: KnownState, office: Office, *, now: datetime, quiet_hours: bool
) -> Later | Drop | None:
    """The office's rules may have come, or changed, since it was planned. None where it is time.

    A reminder that staff ask for is urgent and goes out whatever the rules for planned ones are.
    """
    if delivery.purpose is Purpose.REMINDER and delivery.priority is not Priority.URGENT:
        due_at = reminder_due(known.data.starts_at, office=office)
        if due_at is None:
            return Drop(Status.NOT_WANTED, "this office sends no reminders")
        if now < due_at:
            return Later(stored(due_at))
    if delivery.channel is not Channel.SMS or delivery.priority is Priority.URGENT or not quiet_hours:
        return None
    morning = quiet_until(now, office=office)
    # What would come too late in the morning goes out at night.
    return Later(morning) if morning and morning < _useless_from(delivery, known) else None


def _useless_from(delivery: Delivery, known: KnownState | None) -> datetime:
    """Whoever is late still comes, and should know that the office is closed."""
    if known is None or delivery.purpose is Purpose.OFFICE_CANCELLATION:
        return delivery.not_after
    return min(delivery.not_after, known.data.starts_at)


def _contradiction(delivery: Delivery, state: AppointmentState) -> str | None:
    if delivery.purpose in _OF_ONE_TIME and stored(state.starts_at) != delivery.starts_at:
        return "moved"
    match delivery.purpose:
        case Purpose.CONFIRM_REQUEST if (state.contact_sequence or 0) > delivery.state_sequence:
            return "the contact was corrected"
        case Purpose.OFFER | Purpose.OFFER_EXPIRED | Purpose.WAITING:
            return _contradiction_of_waiting(delivery, state) or _over(state)
        case Purpose.REMINDER if _since(delivery, state, *MAKES_TIME_OWN):
            return "planned anew"
        case Purpose.CHANGED if _since(delivery, state, "resized"):
            return "changed again"
    wanted = _ONLY_WHILE.get(delivery.purpose)
    if wanted is None:
        return _over(state)
    return None if state.status == wanted else f"now {state.status}"


def _contradiction_of_waiting(delivery: Delivery, state: AppointmentState) -> str | None:
    match delivery.purpose:
        case Purpose.OFFER if not _is_offered(delivery, state):
            return "no longer offered"
        case Purpose.OFFER_EXPIRED if state.offer_expires_at:
            return "offered anew"
        case Purpose.OFFER_EXPIRED | Purpose.WAITING if not state.waits:
            return "waits no longer"
    return None


def _over(state: AppointmentState) -> str | None:
    return f"now {state.status}" if state.status in _OVER else None


def _since(delivery: Delivery, state: AppointmentState, *steps: str) -> bool:
    """Whether one of these steps was taken after the event that asked for `delivery`."""
    return any(step.step in steps and stored(step.at) > delivery.created_at for step in state.steps)


def _is_offered(delivery: Delivery, state: AppointmentState) -> bool:
    """Whether the time that `delivery` is about is still offered, and until the same moment."""
    if state.offer_starts_at is None or state.offer_expires_at is None:
        return False
    offered = stored(state.offer_starts_at), stored(state.offer_expires_at)
    return offered == (delivery.starts_at, delivery.not_after)


def _contact_needed(delivery: Delivery, state: AppointmentState) -> int:
    needed = delivery.contact_sequence if delivery.contact_sequence is not None else state.contact_sequence
    return needed or 0
