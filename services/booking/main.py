"""Composition root of the booking service."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from fastapi import FastAPI
from pydantic import ValidationError

from services.booking.api import LARGER_BODIES, add_routes, add_staff_routes, add_work_routes
from services.booking.commands import Booking, Counter, Day, Inviting, Planning, Reaching, WaitingList
from services.booking.day_lists import DayLists
from services.booking.demand import DemandCounter
from services.booking.domain.limits import Limits
from services.booking.erasing import Erasing, RetentionSweeper
from services.booking.guard import NAME as PROOFS
from services.booking.guard import Guard, Proofs, ProofStore, Proxies, ensure_proof_indexes
from services.booking.handlers import handlers
from services.booking.memory import Memory
from services.booking.offering import Offering
from services.booking.offices import BrokenOffice, Offices, load_offices
from services.booking.people import people_of
from services.booking.settings import Settings
from services.booking.staff import ensure_staff_indexes, make_staff
from services.booking.staff.audit import AuditRetention
from services.booking.staff_lists import ListTelling
from services.booking.storage import (
    Appointments,
    Calls,
    DayBook,
    Invitations,
    Messages,
    Publications,
    StaffLists,
    ensure_indexes,
)
from services.booking.storage.displays import Displays
from services.booking.storage.offices import OfficeStore
from services.booking.storage.retention import Retained
from services.booking.supplying import Supplying
from services.booking.sweeper import Sweeper
from services.booking.tokens import Keys
from services.booking.training import Training
from services.booking.web.routes import add_citizen_pages
from services.booking.web.staff import Work, add_staff_pages
from services.booking.web.staff.live import Live
from shared.http import Health, create_app, serve
from shared.lifecycle import running
from shared.messaging import Consumers, Publisher
from shared.mongo import Database, DatabaseClock, connect, database, once_it_answers, ping
from shared.observability import configure_logging
from shared.outbox import Relay
from shared.sealing import PublicKeys

# The collections whose documents carry events.
TELLING = ("appointments", "offices", "demand", "capacity", "free_times", "invitations", "staff_lists", PROOFS)


def build(settings: Settings) -> tuple[FastAPI, Health]:
    """The application; connects to nothing before it starts."""
    keys = Keys.read(settings.signing_keys)
    files = load_offices(settings.offices, key=keys.release_key())
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    db = database(client, settings)
    clock = DatabaseClock(client)
    publisher = Publisher(url=settings.amqp_url, name="booking relay")
    relay = Relay(publisher=publisher, collections=[db[name] for name in TELLING], clock=clock)
    store = OfficeStore(db, relay=relay)
    offices = Offices(files, store=store, key=keys.release_key(), clock=clock)
    publications = Publications(db, relay=relay)
    demand = DemandCounter(publications, clock=clock)
    memory = Memory(db, offices=offices, clock=clock)
    offices.follow(memory.follow)
    people = people_of(settings, client=keys_client, secrets=keys, clock=clock)
    appointments = Appointments(db, relay=relay, contact_told=people.told)
    booking = Booking(
        offices=offices,
        appointments=appointments,
        memory=memory,
        keys=keys,
        people=people,
        clock=clock,
        demand=demand,
        keep_request=settings.request_without_message,
        inviting=Inviting(Invitations(db, relay=relay), keys=keys, clock=clock, people=people),
        sms_countries=settings.sms_countries,
    )
    proxies = Proxies(settings.trusted_proxies, settings.proxy_header)
    guard = _guard(settings, booking, db=db, relay=relay, proxies=proxies)
    supplying = Supplying(publications, offices=offices, memory=memory, clock=clock, every=settings.supply_every)
    waiting_list = WaitingList(booking)
    offering = Offering(waiting_list, every=settings.offer_every)
    day = Day(booking, DayBook(db))
    day_lists = DayLists(day, folder=settings.day_lists, every=settings.day_lists_every)
    planning = Planning(booking, Counter(booking), offices, store, keys)
    site = str(settings.public_url)
    staff_site = str(settings.staff_url or settings.public_url)
    telling = ListTelling(planning, StaffLists(db, relay=relay), site=staff_site, every=settings.staff_lists_every)
    reaching = Reaching(booking, Messages(db, relay=relay), Calls(db))
    retained = Retained(db)
    erasing = Erasing(booking, retained=retained, offices=offices, journal=settings.erasure_journal)
    retention = RetentionSweeper(erasing, every=settings.retention_every)
    sweeper = Sweeper(booking, appointments=appointments, clock=clock, every=settings.sweep_every)
    staff = make_staff(
        db,
        clock=clock,
        keys=keys,
        offices=offices.keys(),
        public_url=staff_site,
        citizens_url=site,
        oidc=settings.oidc,
    )
    forgetting = AuditRetention(staff.audit, clock=clock, keep=settings.keep_audit, every=timedelta(hours=1))
    consumers = Consumers(
        url=settings.amqp_url, publisher=publisher, handlers=handlers(booking=booking, reaching=reaching)
    )
    health = Health(
        required={
            "mongodb": lambda: ping(client),
            "keys": lambda: ping(keys_client),
            "availability": memory.check,
        },
        degrading={"rabbitmq": consumers.ping},
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await once_it_answers(clock.start)
        await once_it_answers(lambda: ensure_indexes(db))
        await once_it_answers(lambda: ensure_staff_indexes(db))
        await once_it_answers(lambda: ensure_proof_indexes(db))
        await once_it_answers(people.store.ensure_indexes)
        await once_it_answers(retained.ensure_indexes)
        await erasing.begin_journal()
        loops = (demand, supplying, sweeper, offering, retention, forgetting, day_lists, telling)
        async with running(clock, publisher, relay, offices, memory, *loops, consumers):
            yield
        client.close()
        keys_client.close()

    app = create_app(
        title="Amtstermin booking",
        description="Appointments at public offices: find a time, hold it, confirm, move, cancel.",
        health=health,
        lifespan=lifespan,
        larger_bodies=LARGER_BODIES,
    )
    add_routes(app, booking, day=day, erasing=erasing, waiting_list=waiting_list, guard=guard)
    add_citizen_pages(app, booking, erasing=erasing, guard=guard, waiting_list=waiting_list)
    add_staff_routes(app, staff, client_of=proxies.client)
    add_work_routes(app, staff, booking=booking, day=day, planning=planning, reaching=reaching)
    live, displays = Live(day, day.book), Displays(db)
    training = Training(booking, planning, day, erasing)
    work = Work(staff, booking, day, planning, reaching, guard, live, displays, training)
    add_staff_pages(app, work, client_of=proxies.client)
    return app, health


def _guard(settings: Settings, booking: Booking, *, db: Database, relay: Relay, proxies: Proxies) -> Guard:
    limits, above = Limits(), settings.limits_proof_above
    store = ProofStore(db, relay=relay)
    return Guard(
        limits=replace(limits, load=replace(limits.load, free=above, most=4 * above))
        if settings.limits == "on"
        else None,
        proxies=proxies,
        offices=booking.offices,
        proofs=Proofs(keys=booking.keys, store=store, clock=booking.clock),
        store=store,
        demand=booking.demand,
        clock=booking.clock,
        notification_keys=PublicKeys.read(settings.contact_public_keys),
        public_url=str(settings.public_url),
    )


def run() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(f"booking: settings are missing or wrong:\n{error}")
    configure_logging(service="booking", level=settings.log_level)
    try:
        app, health = build(settings)
    except (BrokenOffice, ValueError) as error:
        sys.exit(f"booking: {error}")
    serve(app, settings=settings, health=health)
