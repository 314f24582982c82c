"""The HTTP API of reporting: exact figures for whoever has a key, coarse ones for all where an office wants it."""

from datetime import tzinfo

from fastapi import APIRouter

from services.reporting.api import definitions, figures, public, resume
from services.reporting.api.signed_in import Who
from services.reporting.reports import Reports
from shared.mongo import DatabaseClock

DESCRIPTION = "Figures about appointments, demand and messages. It holds no personal data."


def router(*, reports: Reports, who: Who, clock: DatabaseClock, zone: tzinfo) -> APIRouter:
    routes = APIRouter()
    routes.include_router(figures.router(reports=reports, who=who))
    routes.include_router(resume.router(reports=reports, who=who, clock=clock, zone=zone))
    routes.include_router(definitions.router())
    routes.include_router(public.router(reports=reports, clock=clock, zone=zone))
    return routes
