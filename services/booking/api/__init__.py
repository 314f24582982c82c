"""HTTP: validate, call a command, map its errors to problem+json."""

from fastapi import FastAPI

from services.booking.api import appointments, catalogue, pages, problems
from services.booking.commands import Booking


def add_routes(app: FastAPI, booking: Booking) -> None:
    problems.add_handlers(app)
    app.include_router(catalogue.router(booking))
    app.include_router(appointments.router(booking))
    app.include_router(pages.router(booking))
