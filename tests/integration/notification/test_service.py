"""Notification as its own process, between a real RabbitMQ, a real MongoDB, real SMTP and HTTP servers."""

import asyncio
import signal
from collections.abc import Iterator

import aio_pika
import httpx
import pymongo
import pytest

from deploy.local.process import Process
from deploy.local.stack import Service, Stack
from shared.contracts import AppointmentConfirmed, Event, parse_event
from tests.integration.notification.mailbox import Mailbox
from tests.prove.gateway import SmsGateway
from tests.unit.notification.builders import a_contact_event, an_appointment_id, an_event, an_office_event
from tests.waiting import eventually


@pytest.fixture
def service(servers: Stack, mailbox: Mailbox, gateway: SmsGateway) -> Iterator[Service]:
    environment = {
        "NOTIFICATION_SMTP_PORT": str(mailbox.port),
        "NOTIFICATION_SMS": gateway.url,
        "NOTIFICATION_SMS_TOKEN": gateway.token,
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
