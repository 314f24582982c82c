"""Composition root of the booking service."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

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
from shared.lifecycle import Part, running
from shared.messaging import Consumers, Publisher
from shared.mongo import Client, Database, DatabaseClock, connect, database, once_it_answers, ping
from shared.observability import configure_logging
from shared.outbox import Relay
from shared.sealing import PublicKeys

# The collections whose documents carry events.
TELLING = ("appointments", "offices", "demand", "capacity", "free_times", "invitations", "staff_lists", PROOFS)


@dataclass(frozen=True, slots=True)
class Base:
    """What all the rest stands on."""

    client: Client
    keys_client: Client
    db: Database
    clock: DatabaseClock
    publisher: Publisher
    relay: Relay
    keys: Keys
    store: OfficeStore
    offices: Offices
    publications: Publications
    memory: Memory
    booking: Booking
    proxies: Proxies


def build(settings: Settings) -> tuple[FastAPI, Health]:
    """The application; connects to nothing before it starts."""
    base = _base(settings)
    booking, retained = base.booking, Retained(base.db)
    erasing = Erasing(booking, retained=retained, offices=base.offices, journal=settings.erasure_journal)
    waiting_list = WaitingList(booking)
    work = _work(settings, base, erasing)
    consumers = Consumers(
        url=settings.amqp_url,
        publisher=base.publisher,
        handlers=handlers(booking=booking, reaching=work.reaching),
    )
    loops = [*_loops(settings, base, work), Offering(waiting_list, every=settings.offer_every)]
    loops.append(RetentionSweeper(erasing, every=settings.retention_every))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await once_it_answers(base.clock.start)
        for ensure in (ensure_indexes, ensure_staff_indexes, ensure_proof_indexes):
            await once_it_answers(partial(ensure, base.db))
        await once_it_answers(booking.people.store.ensure_indexes)
        await once_it_answers(retained.ensure_indexes)
        await erasing.begin_journal()
        first = (base.clock, base.publisher, base.relay, base.offices, base.memory)
        async with running(*first, booking.demand, *loops, consumers):
            yield
        base.client.close()
        base.keys_client.close()

    health = _health(base, consumers)
    app = create_app(
        title="Amtstermin booking",
        description="Appointments at public offices: find a time, hold it, confirm, move, cancel.",
        health=health,
        lifespan=lifespan,
        larger_bodies=LARGER_BODIES,
    )
    client_of = base.proxies.client
    add_routes(app, booking, day=work.day, erasing=erasing, waiting_list=waiting_list, guard=work.guard)
    add_citizen_pages(app, booking, erasing=erasing, guard=work.guard, waiting_list=waiting_list)
    add_staff_routes(app, work.staff, client_of=client_of)
    add_work_routes(app, work.staff, booking=booking, day=work.day, planning=work.planning, reaching=work.reaching)
    add_staff_pages(app, work, client_of=client_of)
    return app, health


def _base(settings: Settings) -> Base:
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
    memory = Memory(db, offices=offices, clock=clock)
    offices.follow(memory.follow)
    people = people_of(settings, client=keys_client, secrets=keys, clock=clock)
    booking = Booking(
        offices=offices,
        appointments=Appointments(db, relay=relay, contact_told=people.told),
        memory=memory,
        keys=keys,
        people=people,
        clock=clock,
        demand=DemandCounter(publications, clock=clock),
        keep_request=settings.request_without_message,
        inviting=Inviting(Invitations(db, relay=relay), keys=keys, clock=clock, people=people),
        sms_countries=settings.sms_countries,
    )
    return Base(
        client=client,
        keys_client=keys_client,
        db=db,
        clock=clock,
        publisher=publisher,
        relay=relay,
        keys=keys,
        store=store,
        offices=offices,
        publications=publications,
        memory=memory,
        booking=booking,
        proxies=Proxies(settings.trusted_proxies, settings.proxy_header),
    )


def _work(settings: Settings, base: Base, erasing: Erasing) -> Work:
    """What staff do, by their pages and by the API."""
    booking, db = base.booking, base.db
    day = Day(booking, DayBook(db))
    planning = Planning(booking, Counter(booking), base.offices, base.store, base.keys)
    staff = make_staff(
        db,
        clock=base.clock,
        keys=base.keys,
        offices=base.offices.keys(),
        public_url=_staff_site(settings),
        citizens_url=str(settings.public_url),
        oidc=settings.oidc,
    )
    return Work(
        staff=staff,
        booking=booking,
        day=day,
        planning=planning,
        reaching=Reaching(booking, Messages(db, relay=base.relay), Calls(db)),
        guard=_guard(settings, base),
        live=Live(day, day.book),
        displays=Displays(db),
        training=Training(booking, planning, day, erasing),
    )


def _loops(settings: Settings, base: Base, work: Work) -> list[Part]:
    """What goes on without anybody asking."""
    lists = StaffLists(base.db, relay=base.relay)
    return [
        Supplying(
            base.publications,
            offices=base.offices,
            memory=base.memory,
            clock=base.clock,
            every=settings.supply_every,
        ),
        Sweeper(
            base.booking, appointments=base.booking.appointments, clock=base.clock, every=settings.sweep_every
        ),
        AuditRetention(work.staff.audit, clock=base.clock, keep=settings.keep_audit, every=timedelta(hours=1)),
        DayLists(work.day, folder=settings.day_lists, every=settings.day_lists_every),
        ListTelling(work.planning, lists, site=_staff_site(settings), every=settings.staff_lists_every),
    ]


def _staff_site(settings: Settings) -> str:
    return str(settings.staff_url or settings.public_url)


def _health(base: Base, consumers: Consumers) -> Health:
    return Health(
        required={
            "mongodb": lambda: ping(base.client),
            "keys": lambda: ping(base.keys_client),
            "availability": base.memory.check,
        },
        degrading={"rabbitmq": consumers.ping},
    )


def _guard(settings: Settings, base: Base) -> Guard:
    booking, store = base.booking, ProofStore(base.db, relay=base.relay)
    limits, above = Limits(), settings.limits_proof_above
    return Guard(
        limits=replace(limits, load=replace(limits.load, free=above, most=4 * above))
        if settings.limits == "on"
        else None,
        proxies=base.proxies,
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
