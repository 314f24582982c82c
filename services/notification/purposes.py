"""Which events ask for which message, and until when it is of use. No input or output, no clock."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentCorrected,
    AppointmentExpired,
    AppointmentJoinedWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
    AppointmentOfficeCancelled,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentResized,
    AppointmentRestored,
    AppointmentState,
    MessageRequested,
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


# Mails with a link to book with, to somebody who has no appointment.
ENTRIES = frozenset({Purpose.ENTRY, Purpose.INVITATION})
# To the office's own people, in German. No event tells what becomes of them: they are no citizen's messages.
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
        Purpose.REMINDER,
        Purpose.CHANGED,
    }
)
# The code to confirm goes by SMS only where no mail can be.
HAS_SMS = WITH_SMS | {Purpose.CONFIRM_REQUEST}

# Steps after which a citizen has the time that the state names.
MAKES_TIME_OWN = ("confirmed", "rescheduled", "restored")


# Who waits may stop waiting by one click; a POST to the link does it.
OF_WAITING = frozenset({"waiting", "offer", "offer_expired"})


def purpose_of(event: AppointmentEvent) -> Purpose | None:
    """None where the event asks for no message, or nobody has said how to be reached."""
    if event.data.contact_sequence is None:
        return None
    return _purpose_while_waiting(event) or _purpose_of_visit(event)


def _purpose_of_visit(event: AppointmentEvent) -> Purpose | None:
    match event:
        case AppointmentRequested():
            return Purpose.CONFIRM_REQUEST
        # The person has had the word from the system that it came from.
        case AppointmentConfirmed(data=state) if state.channel == "import":
            return None
        case AppointmentConfirmed() | AppointmentRestored():
            return Purpose.CONFIRMATION
        case AppointmentRescheduled(data=state) if state.status == "confirmed":
            return Purpose.RESCHEDULED
        case AppointmentCancelled():
            return Purpose.CANCELLATION
        case AppointmentOfficeCancelled():
            return Purpose.OFFICE_CANCELLATION
        case AppointmentResized() | AppointmentCorrected() if event.data.status == "confirmed":
            return Purpose.CHANGED
    return None


def _purpose_while_waiting(event: AppointmentEvent) -> Purpose | None:
    match event:
        case AppointmentJoinedWaitingList():
            return Purpose.WAITING
        case AppointmentOffered():
            return Purpose.OFFER
        # Whoever declined knows it.
        case AppointmentOfferEnded(data=state) if by_whom(state, "offer_ended") == "system":
            return Purpose.OFFER_EXPIRED
    return None


def compares(event: AppointmentEvent) -> bool:
    """Whether the state before it decides if anybody is told."""
    return isinstance(event, AppointmentResized | AppointmentCorrected)


def must_be_told(state: AppointmentState) -> tuple[object, ...]:
    """What a citizen must know of a visit. Nobody is told the desk: the display on the day says it."""
    visit = state.starts_at, state.ends_at, state.service, state.further_services
    return *visit, state.persons, state.children_under_6


def asks_for_reminder(event: AppointmentEvent) -> bool:
    """Whether from this event on the time is the citizen's, who can be reached."""
    if event.data.contact_sequence is None or event.data.status != "confirmed":
        return False
    return isinstance(event, AppointmentConfirmed | AppointmentRescheduled | AppointmentRestored)


def outdates_reminders(event: AppointmentEvent) -> bool:
    """Whether a reminder that an earlier event planned may be wrong from now on."""
    match event:
        case AppointmentRescheduled() | AppointmentRestored() | AppointmentCancelled():
            return True
        case AppointmentOfficeCancelled() | AppointmentExpired():
            return True
        case AppointmentConfirmed(data=state):
            return state.offers > 0
    return False


def not_after(event: AppointmentEvent | MessageRequested, purpose: Purpose) -> datetime:
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
