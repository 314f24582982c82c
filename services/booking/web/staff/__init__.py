"""The pages of the staff. `add_staff_pages` is all that is needed from outside."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import Scope

from services.booking.web.staff import (
    accounts,
    callers,
    calling,
    closing,
    display,
    inviting,
    password,
    person,
    plan,
    session,
    setup,
    today,
    training,
)
from services.booking.web.staff.work import Work

__all__ = ["Work", "add_staff_pages"]


def add_staff_pages(app: FastAPI, work: Work, *, client_of: Callable[[Scope], str]) -> None:
    """`client_of` as at the API's sign-in."""
    app.include_router(session.router(work, client_of=client_of))
    app.include_router(password.router(work.staff))
    for part in (today, callers, person, calling, plan, closing, inviting, display, setup, accounts, training):
        app.include_router(part.router(work))
