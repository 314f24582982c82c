"""One appointment: its values, its lifecycle until its day, and how it begins.

`held → requested → confirmed → checked_in → called → in_service → completed`, and out by `expired`,
`cancelled`, `office_cancelled` or `no_show`. Whoever only waits for a time is `waiting`. Every method guards its
state and returns the `Change` that happened; storage writes it in one conditional write.
"""

from services.booking.domain.appointment.beginning import Party, book, hold, walk_in, wish_for
from services.booking.domain.appointment.calls import Call, CallAct, is_reachable
from services.booking.domain.appointment.lifecycle import Appointment, Change
from services.booking.domain.appointment.values import (
    CANCELLED,
    OPEN,
    REFUSALS,
    AlreadyOver,
    ContactDetails,
    Cooling,
    Expired,
    Moment,
    NothingToRestore,
    Offer,
    Status,
    TooManyContacts,
    Wish,
    WrongStatus,
    cells_in,
)

__all__ = [
    "CANCELLED",
    "OPEN",
    "REFUSALS",
    "AlreadyOver",
    "Appointment",
    "Call",
    "CallAct",
    "Change",
    "ContactDetails",
    "Cooling",
    "Expired",
    "Moment",
    "NothingToRestore",
    "Offer",
    "Party",
    "Status",
    "TooManyContacts",
    "Wish",
    "WrongStatus",
    "book",
    "cells_in",
    "hold",
    "is_reachable",
    "walk_in",
    "wish_for",
]
