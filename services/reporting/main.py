"""Composition root of the reporting service."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

from fastapi import FastAPI
from pydantic import ValidationError

from services.reporting import api
from services.reporting.access import Keys, Role
from services.reporting.api.signed_in import who_asks
from services.reporting.generations import Everywhere, Generations, PerGeneration, following
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
from shared.messaging import Consumers, Handlers, Publisher
from shared.mongo import Client, Database, DatabaseClock
from shared.observability import configure_logging

# Also the largest batch of facts in one write; RabbitMQ advises 100 to 300.
_PREFETCH = 250
_LEASE = timedelta(seconds=5)
# Longer than a list of addresses takes.
_MAILING_LEASE = timedelta(minutes=10)


def build(settings: Settings) -> tuple[FastAPI, Health]:
    """The application; connects to nothing before it starts."""
    client = mongo.connect(settings)
    generations = Generations(client, name=settings.mongodb_database)
    clock, changed = DatabaseClock(client), asyncio.Event()
    # Read from whichever database is live; events go to each that is written.
    figures, offices = Figures(following(generations)), Offices(following(generations))
    refreshing = PerGeneration(generations, lambda database: refresher_of(database, settings, changed=changed))
    publisher = Publisher(url=settings.amqp_url, name="reporting")
    consumers = Consumers(
        url=settings.amqp_url,
        publisher=publisher,
        handlers=everywhere(generations, client, settings, changed=changed),
        prefetch=_PREFETCH,
        # A line takes as long as the fact itself, and what became of an event shows in the metrics.
        log_handled=False,
        stop_within=settings.stop_within,
    )

    reports = Reports(figures=figures, offices=offices)
    mailing = _mailing(settings, client, reports)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await mongo.once_it_answers(clock.start)
        await mongo.once_it_answers(generations.start)
        await mongo.once_it_answers(lambda: ensure_indexes(generations.live, settings))
        async with running(clock, generations, refreshing, publisher, consumers, mailing):
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
    today = Today(following(generations), zone=settings.zone)
    _add_routes(app, settings, reports=reports, today=today, clock=clock, health=health)
    return app, health


def _mailing(settings: Settings, client: Client, reports: Reports) -> Mailing:
    # What was mailed stands in the service's own database, whichever shows the figures.
    database = client[settings.mongodb_database]
    return Mailing(
        reports=reports,
        database=database,
        settings=settings,
        lease=Lease(database["leases"], name="resume", length=_MAILING_LEASE),
        post=smtp_post(settings),
        zone=settings.zone,
    )


def _add_routes(
    app: FastAPI, settings: Settings, *, reports: Reports, today: Today, clock: DatabaseClock, health: Health
) -> None:
    keys = Keys({Role.STAFF: settings.staff_keys, Role.OPERATORS: settings.operator_keys})
    who, zone = who_asks(keys, clock), settings.zone
    app.include_router(api.router(reports=reports, who=who, clock=clock, zone=zone))
    app.include_router(signing_in.router(keys=keys, clock=clock, secure=settings.public_url.startswith("https:")))
    live = Live(reports=reports, today=today, clock=clock, zone=zone)
    app.include_router(
        pages.router(reports=reports, live=live, who=who, clock=clock, zone=zone, stopping=lambda: health.stopping)
    )


def facts_of(database: Database, settings: Settings, *, changed: asyncio.Event) -> Facts:
    return Facts(database, zone=settings.zone, changed=changed)


def refresher_of(database: Database, settings: Settings, *, changed: asyncio.Event) -> Refresher:
    return Refresher(
        facts=facts_of(database, settings, changed=changed),
        figures=Figures(database),
        lease=Lease(database["leases"], name="refresher", length=_LEASE),
        zone=settings.zone,
        changed=changed,
    )


def everywhere(
    generations: Generations, client: Client, settings: Settings, *, changed: asyncio.Event
) -> Handlers:
    """What the service hears goes to the live database, and to the one that is being built."""
    facts = Everywhere(generations, lambda database: facts_of(database, settings, changed=changed), client)
    offices = Everywhere(generations, Offices, client)
    return handlers(facts=cast(Facts, facts), offices=cast(Offices, offices))


async def ensure_indexes(database: Database, settings: Settings) -> None:
    """At start, and before a database is built."""
    await facts_of(database, settings, changed=asyncio.Event()).ensure_indexes()
    await Figures(database).ensure_indexes()


def run() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(f"reporting: settings are missing or wrong:\n{error}")
    configure_logging(service="reporting", level=settings.log_level)
    app, health = build(settings)
    serve(app, settings=settings, health=health)
