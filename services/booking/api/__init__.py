"""HTTP: validate, call a command, map its errors to problem+json."""

from fastapi import FastAPI

from services.booking.api import (
    appointments,
    catalogue,
    person,
    problems,
    proofs,
    staff_accounts,
    staff_booking,
    staff_day,
    staff_invitations,
    staff_messages,
    staff_oidc,
    staff_planning,
    staff_problems,
    staff_session,
    waiting,
)
from services.booking.commands import Booking, Day, Planning, Reaching, WaitingList
from services.booking.erasing import Erasing
from services.booking.guard import Guard
from services.booking.staff import Staff
from services.booking.web import assets, theming

# A whole office with its texts in twelve languages.
LARGER_BODIES = {"/v1/staff/offices/": 512 * 1024, "/staff/setup/": 1024 * 1024}


def add_routes(
    app: FastAPI, booking: Booking, *, day: Day, erasing: Erasing, waiting_list: WaitingList, guard: Guard
) -> None:
    problems.add_handlers(app)
    app.include_router(catalogue.router(booking, day, guard))
    app.include_router(appointments.router(booking, day, guard))
    app.include_router(waiting.router(booking, waiting_list, guard))
    app.include_router(proofs.router(guard, offices=booking.offices))
    app.include_router(person.router(erasing))
    app.include_router(assets.router())
    app.include_router(theming.router(booking.offices))


def add_staff_routes(
    app: FastAPI,
    staff: Staff,
    *,
    client_of: staff_session.ClientOf = staff_session.peer,
) -> None:
    """Sign-in and accounts; after it every route may depend on `signed_in`. Behind proxies `client_of` must know
    them, or one wrong guess too many makes everybody wait."""
    app.state.staff = staff
    staff_problems.add_handlers(app)
    app.include_router(staff_session.router(staff, client_of=client_of))
    app.include_router(staff_oidc.router(staff))
    app.include_router(staff_accounts.router(staff))


def add_work_routes(
    app: FastAPI, staff: Staff, *, booking: Booking, day: Day, planning: Planning, reaching: Reaching
) -> None:
    """What staff do with appointments."""
    app.include_router(staff_day.router(booking, day, staff))
    app.include_router(staff_booking.router(booking, planning.counter, staff))
    app.include_router(staff_planning.router(booking, planning, staff))
    app.include_router(staff_invitations.router(booking, staff))
    app.include_router(staff_messages.router(booking, reaching, staff))
