"""Which messages about an appointment can be sent once more: those that its newest state still makes true."""

from datetime import datetime

from services.booking.domain.appointment import Appointment

# A day; more would trouble the person, and cost.
MOST_A_DAY = 3
# After these a change of before is no news any more.
_TELLS_ALL = ("confirmed", "rescheduled", "restored")


def sendable(appointment: Appointment, *, now: datetime) -> tuple[str, ...]:
    """Purposes, as notification names them."""
    if appointment.contact is None:
        return ()
    match appointment.status:
        case "requested" if appointment.expires_at and appointment.expires_at > now:
            return ("confirm_request",)
        case "waiting":
            return ("waiting", *_offer(appointment, now))
        case "confirmed" if appointment.starts_at > now:
            return ("confirmation", *_of_visit(appointment), *_offer(appointment, now))
        case "cancelled" if appointment.starts_at > now:
            return ("cancellation",)
        case "office_cancelled" if appointment.ends_at > now:
            return ("office_cancellation",)
    return ()


def _of_visit(appointment: Appointment) -> tuple[str, ...]:
    """What has changed about a visit that is ahead, and that it is; whoever wants no reminders gets none."""
    steps = (s.step for s in reversed(appointment.steps) if s.step in ("resized", *_TELLS_ALL))
    asked = {
        "rescheduled": appointment.previous_starts_at is not None,
        "changed": next(steps, None) == "resized",
        "reminder": appointment.contact is not None and appointment.contact.reminders,
    }
    return tuple(purpose for purpose, possible in asked.items() if possible)


def _offer(appointment: Appointment, now: datetime) -> tuple[str, ...]:
    return ("offer",) if appointment.offer and appointment.offer.expires_at > now else ()
