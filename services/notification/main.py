"""Composition root of the notification service."""

import random
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI
from pydantic import ValidationError

from services.notification.api import RECEIPTS_PATH, operator_routes, receipt_routes
from services.notification.arriving import Arrivals
from services.notification.bounces import Bounces
from services.notification.channels.email import EmailChannel, SmtpServer
from services.notification.channels.email.boxes import box_of
from services.notification.channels.email.smtp import Sign
from services.notification.channels.sms import Caps, Chosen, SmsChannel, choose, receipt_readers
from services.notification.channels.sms.receipts import ReceiptReader
from services.notification.delivery import Dispatcher, Pace, Recorder, Sender
from services.notification.delivery.gates import Circuit, Gate, Limits, Patience
from services.notification.delivery.providers import GatedMail, SmsPool, Weighted
from services.notification.delivery.standing import Pauses, Ways
from services.notification.domain import SENDING, Channel, Sandbox
from services.notification.handlers import handlers
from services.notification.opening import Opener
from services.notification.rendering import Renderer
from services.notification.retention import Forgetting
from services.notification.settings import Settings
from services.notification.storage import (
    Deliveries,
    DeliveryCounts,
    Known,
    Mailboxes,
    Reports,
    SpentSegments,
    StandingStore,
)
from shared.http import Health, create_app, serve
from shared.lifecycle import running
from shared.messaging import Consumers, Publisher
from shared.mongo import Client, Database, DatabaseClock, connect, database, once_it_answers, ping
from shared.observability import configure_logging
from shared.outbox import Relay
from shared.phones import read_countries
from shared.sealing import PrivateKeys

# RabbitMQ advises 100 to 300; also how many deliveries one write can store.
_PREFETCH = 200


@dataclass(frozen=True, slots=True)
class Base:
    """What all the rest stands on. `pool` is None where no SMS provider is set."""

    client: Client
    keys_client: Client
    db: Database
    clock: DatabaseClock
    publisher: Publisher
    relay: Relay
    known: Known
    deliveries: Deliveries
    standing: StandingStore
    spent: SpentSegments
    reports: Reports
    mail: EmailChannel
    pool: SmsPool | None


def build(settings: Settings) -> tuple[FastAPI, Health]:
    """The application; connects to nothing before it starts."""
    base = _base(settings)
    arrivals = Arrivals(reports=base.reports, deliveries=base.deliveries, relay=base.relay, clock=base.clock)
    sms = _sms(base.pool, settings, base.spent) if base.pool else None
    pauses, dispatcher = _delivery(settings, base, sms)
    consumers = Consumers(
        url=settings.amqp_url,
        publisher=base.publisher,
        handlers=handlers(
            known=base.known,
            deliveries=base.deliveries,
            dispatcher=dispatcher,
            clock=base.clock,
            reminders=settings.reminders == "on",
            staff_mail=settings.staff_mail,
        ),
        prefetch=_PREFETCH,
        stop_within=settings.stop_within,
    )
    bounces = _bounces(settings, mailboxes=Mailboxes(base.db), arrivals=arrivals, clock=base.clock)
    forgetting = Forgetting(base.deliveries, clock=base.clock, keep=settings.keep_deliveries)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await once_it_answers(base.clock.start)
        for store in (base.deliveries, base.known, base.spent, base.reports, base.standing):
            await once_it_answers(store.ensure_indexes)
        first = (base.clock, base.publisher, base.relay, pauses, dispatcher)
        async with running(*first, arrivals, *bounces, forgetting, consumers):
            yield
        await base.mail.close()
        if sms:
            await sms.close()
        base.client.close()
        base.keys_client.close()

    health = Health(
        required={"mongodb": lambda: ping(base.client), "keys": lambda: ping(base.keys_client)},
        degrading={"rabbitmq": consumers.ping},
    )
    app = create_app(
        title="Amtstermin notification",
        description="Sends e-mail and SMS for what happens to appointments, and hears what became of them. "
        "Operators see how things stand, and pause.",
        health=health,
        lifespan=lifespan,
    )
    app.include_router(receipt_routes(arrivals=arrivals, readers=_readers(settings), clock=base.clock))
    app.include_router(_operator_routes(settings, base))
    return app, health


def _base(settings: Settings) -> Base:
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    db = database(client, settings)
    clock, deliveries = DatabaseClock(client), Deliveries(db)
    publisher = Publisher(url=settings.amqp_url, name="notification relay")
    return Base(
        client=client,
        keys_client=keys_client,
        db=db,
        clock=clock,
        publisher=publisher,
        relay=Relay(publisher=publisher, collections=[deliveries.collection], clock=clock),
        known=Known(db, keys=keys_client[settings.keys_database]),
        deliveries=deliveries,
        standing=StandingStore(db),
        spent=SpentSegments(db),
        reports=Reports(db),
        mail=_mail(settings),
        pool=_pool(settings, clock),
    )


def _delivery(settings: Settings, base: Base, sms: SmsChannel | None) -> tuple[Pauses, Dispatcher]:
    mail = GatedMail(base.mail, gate=_gate("smtp", _smtp_limits(settings), base.clock))
    sender = Sender(
        known=base.known,
        opener=Opener(PrivateKeys.read(settings.contact_private_keys)),
        renderer=Renderer(sender=settings.sender),
        mail=mail,
        sms=sms,
        clock=base.clock,
        send_timeout=settings.send_timeout,
        retry=SENDING,
        quiet_hours=settings.quiet_hours == "on",
        sandbox=Sandbox(settings.sandbox),
        staff_mail=settings.staff_mail,
        training_mail=settings.training_mail,
    )
    ways = Ways(mail=mail, sms=base.pool)
    pauses = Pauses(base.standing, clock=base.clock, ways=ways, fixed=settings.paused)
    dispatcher = Dispatcher(
        deliveries=base.deliveries,
        sender=sender,
        recorder=Recorder(deliveries=base.deliveries, relay=base.relay),
        clock=base.clock,
        pace=_pace(settings),
        rooms={channel: pauses.room(channel) for channel in Channel},
    )
    return pauses, dispatcher


def _operator_routes(settings: Settings, base: Base) -> APIRouter:
    return operator_routes(
        counts=DeliveryCounts(base.deliveries),
        standing=base.standing,
        clock=base.clock,
        token=settings.operators_token,
        fixed=settings.paused,
    )


def _mail(settings: Settings) -> EmailChannel:
    return EmailChannel(
        _server(settings),
        sender=settings.sender,
        timeout=settings.send_timeout,
        return_path=settings.return_path,
        sign=_signature(settings),
    )


def _bounces(
    settings: Settings, *, mailboxes: Mailboxes, arrivals: Arrivals, clock: DatabaseClock
) -> list[Bounces]:
    box = box_of(settings.bounces, password=settings.bounces_password, ca=settings.bounces_ca)
    if box is None:
        return []
    return [Bounces(box, mailboxes=mailboxes, arrivals=arrivals, clock=clock, every=settings.bounces_every)]


def _readers(settings: Settings) -> dict[str, ReceiptReader]:
    address = f"{settings.public_url}{RECEIPTS_PATH}" if settings.public_url else None
    return receipt_readers(settings.sms_gateways, secrets=settings.all_sms_secrets, address=address)


def _server(settings: Settings) -> SmtpServer:
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        # Looking up the full name may take seconds where no name server answers.
        helo=socket.gethostname(),
        username=settings.smtp_username or None,
        password=settings.smtp_password,
        ca=settings.smtp_ca,
    )


def _signature(settings: Settings) -> Sign | None:
    if not settings.dkim_key_file or not settings.dkim_selector:
        return None
    from services.notification.channels.email.dkim import DkimKey

    domain = settings.dkim_domain or settings.sender.rpartition("@")[2]
    return DkimKey.read(settings.dkim_key_file, selector=settings.dkim_selector, domain=domain).signed


def _gate(name: str, limits: Limits, clock: DatabaseClock) -> Gate:
    circuit = Circuit(Patience(), chance=random.random)
    return Gate(name, limits=limits, circuit=circuit, clock=clock.now)


def _smtp_limits(settings: Settings) -> Limits:
    return Limits(per_second=settings.smtp_per_second, per_hour=settings.smtp_per_hour)


def _pool(settings: Settings, clock: DatabaseClock) -> SmsPool | None:
    chosen = choose(settings.sms_gateways, secrets=settings.all_sms_secrets, timeout=settings.send_timeout)
    providers = [
        Weighted(one.provider, _gate(one.provider.name, _sms_limits(one, settings), clock), one.weight)
        for one in chosen
    ]
    return SmsPool(providers, clock=clock.now) if providers else None


def _sms_limits(one: Chosen, settings: Settings) -> Limits:
    return Limits(
        per_second=one.per_second or settings.sms_per_second, per_hour=one.per_hour or settings.sms_per_hour
    )


def _sms(pool: SmsPool, settings: Settings, spent: SpentSegments) -> SmsChannel:
    return SmsChannel(
        pool,
        spent=spent,
        caps=Caps(message=settings.sms_longest, office_and_day=settings.sms_a_day),
        countries=read_countries(settings.sms_countries),
    )


def _pace(settings: Settings) -> Pace:
    return Pace(
        in_flight=settings.sends_in_flight,
        send_timeout=settings.send_timeout,
        poll_every=settings.poll_every,
        stop_within=settings.stop_within,
    )


def run() -> None:
    try:
        settings = Settings()
    except ValidationError as error:
        sys.exit(f"notification: settings are missing or wrong:\n{error}")
    configure_logging(service="notification", level=settings.log_level)
    try:
        app, health = build(settings)
    except ValueError as error:
        sys.exit(f"notification: {error}")
    serve(app, settings=settings, health=health)
