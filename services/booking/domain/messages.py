"""Which messages about an appointment can be sent once more: those that its newest state still makes true."""

from datetime import datetime

from services.booking.domain.appointment import Appointment

# A day; more would trouble the person, and cost.
MOST_A_DAY = 3


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
            moved = ("rescheduled",) if appointment.previous_starts_at else ()
            return ("confirmation", *moved, *_offer(appointment, now))
        case "cancelled" if appointment.starts_at > now:
            return ("cancellation",)
        case "office_cancelled" if appointment.ends_at > now:
            return ("office_cancellation",)
    return ()


def _offer(appointment: Appointment, now: datetime) -> tuple[str, ...]:
    return ("offer",) if appointment.offer and appointment.offer.expires_at > now else ()
