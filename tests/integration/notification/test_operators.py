"""What operators see and do, over HTTP and on the command line, with the service as its own process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from deploy.local.process import ROOT
from deploy.local.stack import Service, Stack
from shared.contracts import AppointmentConfirmed
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.test_service import publish
from tests.sealed import PRIVATE_KEYS
from tests.unit.notification.builders import a_contact_event, an_appointment_id, an_event, an_office_event
from tests.waiting import eventually

TOKEN = "operators-token-of-a-test"
SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def service(servers: Stack, mailbox: Mailbox) -> Iterator[Service]:
    environment = {
        "NOTIFICATION_SMTP_PORT": str(mailbox.port),
        "NOTIFICATION_OPERATORS_TOKEN": TOKEN,
        "NOTIFICATION_CONTACT_PRIVATE_KEYS": PRIVATE_KEYS,
    }
    process = servers.start_service("notification", name="notification-ops", environment=environment)
    yield process
    httpx.delete(f"{process.url}/v1/pauses/email", headers=SIGNED_IN)
    process.stop()


def amtstermin(stack: Stack, *arguments: str) -> str:
    environment = {**os.environ, "AMTSTERMIN_SECRETS_DIR": str(stack.secrets)}
    command = [sys.executable, "-m", "shared.cli", "notification", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_pause_holds_mails_back_until_it_is_taken_back(
    servers: Stack, service: Service, mailbox: Mailbox
) -> None:
    answer = httpx.put(f"{service.url}/v1/pauses/email", json={"reason": "wrong sender"}, headers=SIGNED_IN)
    assert (answer.status_code, answer.json()["reason"]) == (200, "wrong sender")
    time.sleep(2)  # what every process promises

    id = an_appointment_id()
    address = f"{id[:8]}@example.org"
    publish(servers, an_event(AppointmentConfirmed, appointment=id))
    publish(servers, a_contact_event(appointment=id, email=address), an_office_event())

    def held_back() -> bool:
        email = httpx.get(f"{service.url}/v1/status", headers=SIGNED_IN).json()["channels"]["email"]
        return bool(email["paused"] == "wrong sender" and email["due"] >= 1)

    eventually(held_back, what="the mail is due and held back")
    assert address not in mailbox.recipients
    assert "email is paused since" in amtstermin(servers, "status")
    assert "resumed" in amtstermin(servers, "resume", "email")
    eventually(lambda: address in mailbox.recipients, what="the mail")
    status = httpx.get(f"{service.url}/v1/status", headers=SIGNED_IN)
    assert address not in status.text
    (smtp, _) = status.json()["providers"]
    assert (smtp["provider"], smtp["state"]) == ("smtp", "closed")


def test_the_command_line_pauses_without_the_service(servers: Stack, service: Service) -> None:
    assert "is paused" in amtstermin(servers, "pause", "sms", "--reason", "too dear")
    assert (
        httpx.get(f"{service.url}/v1/status", headers=SIGNED_IN).json()["channels"]["sms"]["paused"] == "too dear"
    )
    assert httpx.delete(f"{service.url}/v1/pauses/sms", headers=SIGNED_IN).status_code == 204
    assert "was not paused" in amtstermin(servers, "resume", "sms")


def test_only_the_token_opens_anything(service: Service) -> None:
    with httpx.Client(base_url=service.url) as http:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"}):
            assert http.get("/v1/status", headers=headers).status_code == 401
            assert http.put("/v1/pauses/sms", json={"reason": "none"}, headers=headers).status_code == 401
            assert http.get("/status", headers=headers).status_code == 401
        # A browser would send it by itself for any site that asks it to.
        assert http.delete("/v1/pauses/sms", auth=("anybody", TOKEN)).status_code == 401
        page = http.get("/status", auth=("anybody", TOKEN))
        assert page.status_code == 200
        assert "<caption>Providers</caption>" in page.text
        assert http.get("/status").headers["WWW-Authenticate"].startswith("Basic")
        assert http.put("/v1/pauses/fax", json={"reason": "none"}, headers=SIGNED_IN).status_code == 422


def test_without_a_token_it_is_closed(servers: Stack) -> None:
    process = servers.start_service("notification", name="notification-closed")
    try:
        for path in ("/v1/status", "/status"):
            answer = httpx.get(process.url + path, headers={"Authorization": "Bearer none"})
            assert (answer.status_code, answer.json()["type"]) == (403, "closed")
        assert httpx.put(f"{process.url}/v1/pauses/sms", json={"reason": "none"}).status_code == 403
    finally:
        process.stop()
