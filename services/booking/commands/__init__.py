"""What can be done to appointments: by citizens, by staff, and by the waiting list."""

from services.booking.commands.booking import Booking, NameChanged
from services.booking.commands.confirming import BookedAlready, CodeUsedUp, Instead, WrongSecret
from services.booking.commands.core import Asked, NotOpenForBooking, OnlinePaused, OutsideJurisdiction
from services.booking.commands.counter import Counter, CounterRequest
from services.booking.commands.day import Day, TicketRequest
from services.booking.commands.holding import Held, HoldRequest, KeyReused
from services.booking.commands.invitations import Inviting, NotByInvitation, OverAlready
from services.booking.commands.planning import EndsAlready, Foreseen, InConflict, Planning, Replanned
from services.booking.commands.reaching import MessageNotPossible, NoWayToWrite, Reaching
from services.booking.commands.waiting import WaitingList, WishNotPossible, WishRequest

__all__ = [
    "Asked",
    "BookedAlready",
    "Booking",
    "CodeUsedUp",
    "Counter",
    "CounterRequest",
    "Day",
    "EndsAlready",
    "Foreseen",
    "Held",
    "HoldRequest",
    "InConflict",
    "Instead",
    "Inviting",
    "KeyReused",
    "MessageNotPossible",
    "NameChanged",
    "NoWayToWrite",
    "NotByInvitation",
    "NotOpenForBooking",
    "OnlinePaused",
    "OutsideJurisdiction",
    "OverAlready",
    "Planning",
    "Reaching",
    "Replanned",
    "TicketRequest",
    "WaitingList",
    "WishNotPossible",
    "WishRequest",
    "WrongSecret",
]
