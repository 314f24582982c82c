"""Documents of the booking service."""

from services.booking.storage.appointments import Appointments, Giving, LinkBy, taken_cells
from services.booking.storage.calls import Calls
from services.booking.storage.daybook import DayBook, NoPause, PauseRunning
from services.booking.storage.documents import to_appointment, to_document, to_state
from services.booking.storage.faults import (
    AlreadyBooked,
    AlreadyHeld,
    ChangedMeanwhile,
    InvitationUsed,
    NotFound,
    SlotTaken,
)
from services.booking.storage.indexes import ensure_indexes
from services.booking.storage.invitations import Invitation, Invitations, UnknownInvitation
from services.booking.storage.messages import Messages, TooManyMessages
from services.booking.storage.publications import Publications
from services.booking.storage.staff_lists import StaffLists

__all__ = [
    "AlreadyBooked",
    "AlreadyHeld",
    "Appointments",
    "Calls",
    "ChangedMeanwhile",
    "DayBook",
    "Giving",
    "Invitation",
    "InvitationUsed",
    "Invitations",
    "LinkBy",
    "Messages",
    "NoPause",
    "NotFound",
    "PauseRunning",
    "Publications",
    "SlotTaken",
    "StaffLists",
    "TooManyMessages",
    "UnknownInvitation",
    "ensure_indexes",
    "taken_cells",
    "to_appointment",
    "to_document",
    "to_state",
]
