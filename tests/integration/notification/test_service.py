"""Notification as its own process, between a real RabbitMQ, a real MongoDB, real SMTP and HTTP servers."""

import asyncio
import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import aio_pika
import httpx
import pymongo
import pytest

from deploy.local.process import Process
from deploy.local.stack import Service, Stack
from shared.contracts import (
    AppointmentConfirmed,
    AppointmentJoinedWaitingList,
    AppointmentOffered,
    AppointmentOfficeCancelled,
    ConflictList,
    DayList,
    Event,
    OfficeConflictsFound,
    OfficeDayPlanned,
    new_event,
    parse_event,
)
from tests.integration.notification.mailbox import Mailbox
from tests.prove.gateway import SmsGateway
from tests.sealed import PRIVATE_KEYS
from tests.unit.notification.builders import a_contact_event, an_appointment_id, an_event, an_office_event
from tests.waiting import eventually

BERLIN = ZoneInfo("Europe/Berlin")
STAFF = "team@amt.example"


@pytest.fixture
def service(servers: Stack, mailbox: Mailbox, gateway: SmsGateway) -> Iterator[Service]:
    environment = {
        "NOTIFICATION_SMTP_PORT": str(mailbox.port),
        "NOTIFICATION_SMS": gateway.url,
        "NOTIFICATION_SMS_TOKEN": gateway.token,
        "NOTIFICATION_CONTACT_PRIVATE_KEYS": PRIVATE_KEYS,
        "NOTIFICATION_STAFF_MAIL": json.dumps({"zollernalbkreis": [STAFF]}),
    }
    process = servers.start_service("notification", name="notification", environment=environment)
    yield process
    process.stop()


def publish(stack: Stack, *events: Event) -> None:
    asyncio.run(_publish(stack.secret("booking_amqp_url"), events))


async def _publish(url: str, events: tuple[Event, ...]) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for event in events:
            exchange = await channel.get_exchange(event.exchange, ensure=False)
            await exchange.publish(aio_pika.Message(event.body(), message_id=event.id), event.type)


def outbox_of(stack: Stack, delivery: str) -> list[Event] | None:
    """Events that the broker has not confirmed; None while the delivery is not sent."""
    with pymongo.MongoClient[dict[str, object]](stack.secret("notification_mongodb_uri")) as client:
        found = client["notification"]["deliveries"].find_one({"_id": delivery, "status": "sent"})
    entries = found["outbox"] if found else None
    return [parse_event(entry["body"].encode()) for entry in entries] if isinstance(entries, list) else None


def test_events_become_a_mail_and_an_event(servers: Stack, service: Process, mailbox: Mailbox) -> None:
    id = an_appointment_id()
    address = f"{id[:8]}@example.org"
    confirmed = an_event(AppointmentConfirmed, appointment=id)
    publish(servers, confirmed, a_contact_event(appointment=id, email=address), an_office_event())
    eventually(lambda: address in mailbox.recipients, what="the mail")
    delivery = f"{confirmed.id}:confirmation:email"
    eventually(lambda: outbox_of(servers, delivery) == [], what="notification.sent.v1 is confirmed")


def test_events_become_a_text_message(servers: Stack, service: Process, gateway: SmsGateway) -> None:
    id = an_appointment_id()
    confirmed = an_event(AppointmentConfirmed, appointment=id)
    publish(servers, confirmed, a_contact_event(appointment=id), an_office_event())
    reference = f"{confirmed.id}:confirmation:sms"
    eventually(lambda: reference in [m.reference for m in gateway.taken], what="the text message")
    eventually(lambda: outbox_of(servers, reference) == [], what="notification.sent.v1 is confirmed")


def mails_to(mailbox: Mailbox, address: str) -> dict[str, EmailMessage]:
    return {str(mail["Subject"]): mail for mail in mailbox.mails if mail["To"] == address}


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part
    return str(part.get_content())


def test_a_cancellation_by_the_office_reaches_mailbox_and_phone(
    servers: Stack, service: Process, mailbox: Mailbox, gateway: SmsGateway
) -> None:
    id = an_appointment_id()
    address = f"{id[:8]}@example.org"
    visit = datetime.now(UTC) + timedelta(days=7)
    closed: dict[str, Any] = {"status": "office_cancelled", "starts_at": visit, "reason": "close_now"}
    closed["proposals"] = (visit + timedelta(days=1),)
    cancelled = an_event(AppointmentOfficeCancelled, sequence=4, appointment=id, **closed)
    publish(servers, an_office_event(), a_contact_event(appointment=id, email=address), cancelled)
    subject = "Wir mussten Ihren Termin absagen"
    eventually(lambda: subject in mails_to(mailbox, address), what="the mail")
    mail = mails_to(mailbox, address)[subject]
    assert "Wir müssen kurzfristig schließen." in text_of(mail)
    assert f" {visit.astimezone(BERLIN) + timedelta(days=1):%Y, %H:%M} Uhr" in text_of(mail)
    (entry,) = (part for part in mail.walk() if part.get_content_type() == "text/calendar")
    assert entry.get_param("method") == "CANCEL"
    texts = f"{cancelled.id}:office_cancellation:sms"
    eventually(lambda: texts in [m.reference for m in gateway.taken], what="the text message")


def test_who_waits_is_told_and_gets_an_offer_while_it_lasts(
    servers: Stack, service: Process, mailbox: Mailbox, gateway: SmsGateway
) -> None:
    id = an_appointment_id()
    address = f"{id[:8]}@example.org"
    now = datetime.now(UTC)
    last_day = now + timedelta(days=30)
    waits: dict[str, Any] = {"status": "waiting", "waits": True, "appointment": id, "lane": "", "steps": ()}
    waits |= {"starts_at": last_day, "ends_at": last_day}
    offer: dict[str, Any] = {**waits, "offer_starts_at": now + timedelta(days=7)}
    joined = an_event(AppointmentJoinedWaitingList, sequence=4, **waits)
    gone = an_event(AppointmentOffered, sequence=5, **offer, offer_expires_at=now)
    open_ = an_event(AppointmentOffered, sequence=6, **offer, offer_expires_at=now + timedelta(hours=3))
    publish(servers, an_office_event(), a_contact_event(appointment=id, email=address), joined)
    eventually(lambda: len(mails_to(mailbox, address)) == 1, what="the mail of the waiting list")
    publish(servers, gone, open_)
    text = f"{open_.id}:offer:sms"
    eventually(lambda: text in [m.reference for m in gateway.taken], what="the text message")
    told = mails_to(mailbox, address)
    assert set(told) == {"Sie stehen auf der Warteliste für einen Termin", "Ein Termin ist für Sie frei"}
    offered = offer["offer_starts_at"].astimezone(BERLIN)
    assert f"Uhrzeit: {offered:%H:%M} Uhr" in text_of(told["Ein Termin ist für Sie frei"])
    assert all(part.get_content_type() != "text/calendar" for mail in told.values() for part in mail.walk())
    assert [m.reference for m in gateway.taken if m.reference.startswith(gone.id)] == []


def test_staff_hear_of_a_day_once_however_often_it_is_told(
    servers: Stack, service: Process, mailbox: Mailbox
) -> None:
    now = datetime.now(UTC)
    day = DayList(office="zollernalbkreis", day=now.date(), as_of=now, visits=())
    planned = new_event(OfficeDayPlanned, subject="day", sequence=1, data=day, time=now)
    found = ConflictList(office="zollernalbkreis", as_of=now, new=1, visits=())
    conflicts = new_event(OfficeConflictsFound, subject="conflicts", sequence=1, data=found, time=now)
    publish(servers, an_office_event(), planned, planned)
    eventually(lambda: len(mails_to(mailbox, STAFF)) == 1, what="the day's list")
    publish(servers, planned, conflicts)
    eventually(lambda: len(mails_to(mailbox, STAFF)) == 2, what="the conflicts")
    assert mailbox.recipients == [STAFF, STAFF]


def test_health_and_metrics_are_told(service: Service) -> None:
    with httpx.Client(base_url=service.url) as http:
        assert http.get("/health/live").status_code == 200
        eventually(lambda: http.get("/health/ready").json()["status"] == "ready", what="RabbitMQ is reached")
        metrics = http.get("/metrics").text
    for name in ("notification_deliveries_total", "notification_oldest_due_age_seconds", "outbox_waiting"):
        assert name in metrics


def test_a_stop_signal_ends_it_cleanly(service: Service) -> None:
    service.stop()
    # uvicorn ends itself by the signal once everything is closed.
    assert service.exit_code in (0, -signal.SIGTERM)
    assert "Traceback" not in service.log.read_text()


def test_missing_settings_are_named(servers: Stack) -> None:
    broken = servers.start_service(
        "notification", name="broken", environment={"NOTIFICATION_SMS": "pigeon"}, wait=False
    )
    eventually(lambda: not broken.running, what="it gives up")
    assert "NOTIFICATION_SMS is 'pigeon'" in broken.log.read_text()
    broken.stop()
