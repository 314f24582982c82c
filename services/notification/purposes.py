"""Which events ask for which message, and until when it is of use. No input or output, no clock."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentJoinedWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
    AppointmentOfficeCancelled,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentRestored,
    AppointmentState,
)
from shared.contracts.appointments import AppointmentEvent


class Purpose(StrEnum):
    CONFIRM_REQUEST = "confirm_request"
    CONFIRMATION = "confirmation"
    RESCHEDULED = "rescheduled"
    CANCELLATION = "cancellation"
    OFFICE_CANCELLATION = "office_cancellation"
    WAITING = "waiting"
    OFFER = "offer"
    OFFER_EXPIRED = "offer_expired"
    LINK = "link"
    ENTRY = "entry"
    REMINDER = "reminder"
    CHANGED = "changed"
    ERASED = "erased"
    INVITATION = "invitation"
    DAY_LIST = "day_list"
    CONFLICTS = "conflicts"


# To the office's own people, in German.
TO_STAFF = frozenset({Purpose.DAY_LIST, Purpose.CONFLICTS})
# Nothing of a visit stands in these.
NO_VISIT = frozenset({Purpose.ENTRY, Purpose.ERASED, *TO_STAFF})


# A request to confirm, or a link, that comes a day late only confuses.
STALE_AFTER = timedelta(hours=24)

WITH_SMS = frozenset(
    {
        Purpose.CONFIRMATION,
        Purpose.RESCHEDULED,
        Purpose.CANCELLATION,
        Purpose.OFFICE_CANCELLATION,
        Purpose.OFFER,
    }
)


def purpose_of(event: AppointmentEvent) -> Purpose | None:
    """None where the event asks for no message, or nobody has said how to be reached."""
    if event.data.contact_sequence is None:
        return None
    match event:
        case AppointmentRequested():
            return Purpose.CONFIRM_REQUEST
        case AppointmentConfirmed() | AppointmentRestored():
            return Purpose.CONFIRMATION
        case AppointmentRescheduled(data=state) if state.status == "confirmed":
            return Purpose.RESCHEDULED
        case AppointmentCancelled():
            return Purpose.CANCELLATION
        case AppointmentOfficeCancelled():
            return Purpose.OFFICE_CANCELLATION
        case AppointmentJoinedWaitingList():
            return Purpose.WAITING
        case AppointmentOffered():
            return Purpose.OFFER
        # Whoever declined knows it.
        case AppointmentOfferEnded(data=state) if by_whom(state, "offer_ended") == "system":
            return Purpose.OFFER_EXPIRED
    return None


def not_after(event: AppointmentEvent, purpose: Purpose) -> datetime:
    """From when on the message would only confuse."""
    state = event.data
    match purpose:
        case Purpose.CONFIRM_REQUEST:
            return min(state.starts_at, event.time + STALE_AFTER)
        case Purpose.OFFER:
            return state.offer_expires_at or state.starts_at
        case Purpose.OFFICE_CANCELLATION:
            return state.ends_at
    return state.starts_at


def has_time(state: AppointmentState) -> bool:
    """False for whoever only waits: then the state's times are the end of its last suitable day."""
    return state.ends_at > state.starts_at


def by_whom(state: AppointmentState, step: str) -> str | None:
    """Who took the last step of this name: `citizen`, `staff` or `system`."""
    return next((s.by for s in reversed(state.steps) if s.step == step), None)
