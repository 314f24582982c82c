"""What can be done to appointments: by citizens, by staff, and by the waiting list."""

from services.booking.commands.booking import (
    BookedAlready,
    Booking,
    CodeUsedUp,
    Held,
    HoldRequest,
    Instead,
    KeyReused,
    NotOpenForBooking,
    OutsideJurisdiction,
    WrongSecret,
)

__all__ = [
    "BookedAlready",
    "Booking",
    "CodeUsedUp",
    "Held",
    "HoldRequest",
    "Instead",
    "KeyReused",
    "NotOpenForBooking",
    "OutsideJurisdiction",
    "WrongSecret",
]
