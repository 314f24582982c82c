"""All pages for citizens. Those of staff are in `staff/`."""

from fastapi import FastAPI

from services.booking.commands import Booking, WaitingList
from services.booking.erasing import Erasing
from services.booking.guard import Guard
from services.booking.web.citizen import booking as booking_steps
from services.booking.web.citizen import confirming, information, own, steps, wishing
from services.booking.web.citizen.front import Front


def add_citizen_pages(
    app: FastAPI, booking: Booking, *, erasing: Erasing, guard: Guard, waiting_list: WaitingList
) -> None:
    front = Front(booking=booking, guard=guard, waiting_list=waiting_list, erasing=erasing)
    for part in (information, confirming, own, steps, wishing, booking_steps):
        app.include_router(part.router(front))
