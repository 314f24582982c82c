"""Composition root of the reporting service."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from pydantic import ValidationError

from services.reporting import api
from services.reporting.access import Keys, Role
from services.reporting.api.signed_in import who_asks
from services.reporting.handlers import handlers
from services.reporting.mailing import Mailing, smtp_post
from services.reporting.refresher import Refresher
from services.reporting.reports import Reports
from services.reporting.settings import Settings
from services.reporting.storage import Facts, Figures, Lease, Offices, Today
from services.reporting.web import pages, signing_in
from services.reporting.web.live import Live
from shared import mongo
from shared.http import Health, create_app, serve
from shared.lifecycle import running
from shared.messaging import Consumers, Publisher
from shared.observability import configure_logging

# Also the largest batch of facts in one write; RabbitMQ advises 100 to 300.
_PREFETCH = 250
_LEASE = timedelta(seconds=5)
# Longer than a list of addresses takes.
_MAILING_LEASE = timedelta(minutes=10)


def build(settings: Settings) -> tuple[FastAPI, Health]:
    """The application; connects to nothing before it starts."""
    client = mongo.connect(settings)
    database = mongo.database(client, settings)
    clock, changed = mongo.DatabaseClock(client), asyncio.Event()
    figures, offices = Figures(database), Offices(database)
    facts = Facts(database, zone=settings.zone, changed=changed)
    lease = Lease(database["leases"], name="refresher", length=_LEASE)
    refresher = Refresher(facts=facts, figures=figures, lease=lease, zone=settings.zone, changed=changed)
    publisher = Publisher(url=settings.amqp_url, name="reporting")
    consumers = Consumers(
        url=settings.amqp_url,
        publisher=publisher,
        handlers=handlers(facts=facts, offices=offices),
        prefetch=_PREFETCH,
        # A line takes as long as the fact itself, and what became of an event shows in the metrics.
        log_handled=False,
        stop_within=settings.stop_within,
    )

    reports = Reports(figures=figures, offices=offices)
    mailing = Mailing(
        reports=reports,
        database=database,
        settings=settings,
        lease=Lease(database["leases"], name="resume", length=_MAILING_LEASE),
        post=smtp_post(settings),
        zone=settings.zone,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await mongo.once_it_answers(clock.start)
        await mongo.once_it_answers(facts.ensure_indexes)
        await mongo.once_it_answers(figures.ensure_indexes)
        async with running(clock, refresher, publisher, consumers, mailing):
            yield
        client.close()

    health = Health(required={"mongodb": lambda: mongo.ping(client)}, degrading={"rabbitmq": consumers.ping})
    app = create_app(
        title="Amtstermin reporting",
        description=api.DESCRIPTION,
        health=health,
        lifespan=lifespan,
        streams=[pages.STREAM],
    )
    keys = Keys({Role.STAFF: settings.staff_keys, Role.OPERATORS: settings.operator_keys})
    who = who_asks(keys, clock)
    app.include_router(api.router(reports=reports, who=who, clock=clock, zone=settings.zone))
    app.include_router(signing_in.router(keys=keys, clock=clock, secure=settings.public_url.startswith("https:")))
    live = Live(reports=reports, today=Today(database, zone=settings.zone), clock=clock, zone=settings.zone)
    app.include_router(
        pages.router(
            reports=reports,
            live=live,
            who=who,
            clock=clock,
            zone=settings.zone,
            stopping=lambda: health.stopping,
        )
    )
    return app, health


def run() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(f"reporting: settings are missing or wrong:\n{error}")
    configure_logging(service="reporting", level=settings.log_level)
    app, health = build(settings)
    serve(app, settings=settings, health=health)
