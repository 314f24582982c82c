"""What can be done to appointments: by citizens, by staff, and by the waiting list."""

from services.booking.commands.booking import (
    Booking,
    CodeUsedUp,
    Held,
    HoldRequest,
    KeyReused,
    NotOpenForBooking,
    OutsideJurisdiction,
    WrongSecret,
)

__all__ = [
    "Booking",
    "CodeUsedUp",
    "Held",
    "HoldRequest",
    "KeyReused",
    "NotOpenForBooking",
    "OutsideJurisdiction",
    "WrongSecret",
]
