"""Composition root of the notification service."""

import random
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
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
from shared.mongo import DatabaseClock, connect, database, once_it_answers, ping
from shared.observability import configure_logging
from shared.outbox import Relay
from shared.phones import read_countries
from shared.sealing import PrivateKeys

# RabbitMQ advises 100 to 300; also how many deliveries one write can store.
_PREFETCH = 200


def build(settings: Settings) -> tuple[FastAPI, Health]:
    """The application; connects to nothing before it starts."""
    client = connect(settings)
    db = database(client, settings)
    clock = DatabaseClock(client)
    publisher = Publisher(url=settings.amqp_url, name="notification relay")
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    known, deliveries = Known(db, keys=keys_client[settings.keys_database]), Deliveries(db)
    relay = Relay(publisher=publisher, collections=[deliveries.collection], clock=clock)
    mail_channel = EmailChannel(
        _server(settings),
        sender=settings.sender,
        timeout=settings.send_timeout,
        return_path=settings.return_path,
        sign=_signature(settings),
    )
    mail = GatedMail(mail_channel, gate=_gate("smtp", _smtp_limits(settings), clock))
    spent = SpentSegments(db)
    pool = _pool(settings, clock)
    sms = _sms(pool, settings, spent) if pool else None
    sender = Sender(
        known=known,
        opener=Opener(PrivateKeys.read(settings.contact_private_keys)),
        renderer=Renderer(sender=settings.sender),
        mail=mail,
        sms=sms,
        clock=clock,
        send_timeout=settings.send_timeout,
        retry=SENDING,
        quiet_hours=settings.quiet_hours == "on",
        sandbox=Sandbox(settings.sandbox),
        staff_mail=settings.staff_mail,
        training_mail=settings.training_mail,
    )
    reports = Reports(db)
    arrivals = Arrivals(reports=reports, deliveries=deliveries, relay=relay, clock=clock)
    bounces = _bounces(settings, mailboxes=Mailboxes(db), arrivals=arrivals, clock=clock)
    recorder = Recorder(deliveries=deliveries, relay=relay)
    standing = StandingStore(db)
    pauses = Pauses(standing, clock=clock, ways=Ways(mail=mail, sms=pool), fixed=settings.paused)
    dispatcher = Dispatcher(
        deliveries=deliveries,
        sender=sender,
        recorder=recorder,
        clock=clock,
        pace=_pace(settings),
        rooms={channel: pauses.room(channel) for channel in Channel},
    )
    forgetting = Forgetting(deliveries, clock=clock, keep=settings.keep_deliveries)
    on = handlers(
        known=known,
        deliveries=deliveries,
        dispatcher=dispatcher,
        clock=clock,
        reminders=settings.reminders == "on",
        staff_mail=settings.staff_mail,
    )
    consumers = Consumers(
        url=settings.amqp_url,
        publisher=publisher,
        handlers=on,
        prefetch=_PREFETCH,
        stop_within=settings.stop_within,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await once_it_answers(clock.start)
        await once_it_answers(deliveries.ensure_indexes)
        await once_it_answers(known.ensure_indexes)
        await once_it_answers(spent.ensure_indexes)
        await once_it_answers(reports.ensure_indexes)
        await once_it_answers(standing.ensure_indexes)
        async with running(clock, publisher, relay, pauses, dispatcher, arrivals, *bounces, forgetting, consumers):
            yield
        await mail_channel.close()
        if sms:
            await sms.close()
        client.close()
        keys_client.close()

    health = Health(
        required={"mongodb": lambda: ping(client), "keys": lambda: ping(keys_client)},
        degrading={"rabbitmq": consumers.ping},
    )
    app = create_app(
        title="Amtstermin notification",
        description="Sends e-mail and SMS for what happens to appointments, and hears what became of them. "
        "Operators see how things stand, and pause.",
        health=health,
        lifespan=lifespan,
    )
    app.include_router(receipt_routes(arrivals=arrivals, readers=_readers(settings), clock=clock))
    app.include_router(
        operator_routes(
            counts=DeliveryCounts(deliveries),
            standing=standing,
            clock=clock,
            token=settings.operators_token,
            fixed=settings.paused,
        )
    )
    return app, health


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
