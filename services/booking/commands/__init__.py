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
from services.booking.commands.day import Day, TicketRequest
from services.booking.commands.invitations import Inviting, NotByInvitation

__all__ = [
    "BookedAlready",
    "Booking",
    "CodeUsedUp",
    "Day",
    "Held",
    "HoldRequest",
    "Instead",
    "Inviting",
    "KeyReused",
    "NotByInvitation",
    "NotOpenForBooking",
    "OutsideJurisdiction",
    "TicketRequest",
    "WrongSecret",
]
