"""The service as its own process with all that an office configures: providers, receipts, DKIM, bounces."""

import json
import mailbox
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from deploy.local.stack import Service, Stack
from shared.contracts import AppointmentConfirmed
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.talker import Answer, Talker, talking
from tests.integration.notification.test_service import publish
from tests.sealed import PRIVATE_KEYS
from tests.unit.notification import bounce_letters as letters
from tests.unit.notification.builders import a_contact_event, an_appointment_id, an_event, an_office_event
from tests.unit.notification.dkim import verified
from tests.unit.notification.test_dkim import RSA, dns, pem
from tests.unit.notification.test_receipts import SECRET, from_gateway
from tests.waiting import eventually

PROVIDERS = """
[[provider]]
kind = "http"
name = "house"
url = "{url}"
headers = {{ Authorization = "Bearer {{secret:token}}" }}
form = {{ to = "{{to}}", text = "{{text}}", ref = "{{reference}}" }}
message_id = "id"
[provider.receipts]
signature_header = "X-Sig"
timestamp_header = "X-Time"
"""


@pytest.fixture
def gateway() -> Iterator[Talker]:
    one = Talker(Answer(202, {"id": "m-1"}))
    with talking(one):
        yield one


@pytest.fixture
def configuration(gateway: Talker, mailbox: Mailbox, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "sms.toml").write_text(PROVIDERS.format(url=gateway.url))
    (tmp_path / "dkim.pem").write_bytes(pem(RSA))
    return {
        "NOTIFICATION_SMTP_PORT": str(mailbox.port),
        "NOTIFICATION_SENDER": "termine@amt.example",
        "NOTIFICATION_RETURN_PATH": "bounces+{delivery}@amt.example",
        "NOTIFICATION_BOUNCES": f"maildir:{tmp_path / 'bounces'}",
        "NOTIFICATION_BOUNCES_EVERY": "PT0.2S",
        "NOTIFICATION_DKIM_KEY_FILE": str(tmp_path / "dkim.pem"),
        "NOTIFICATION_DKIM_SELECTOR": "k1",
        "NOTIFICATION_SMS": "none",
        "NOTIFICATION_SMS_PROVIDERS": str(tmp_path / "sms.toml"),
        "NOTIFICATION_SMS_SECRETS": json.dumps({"house": {"token": "hunter2", "receipts": SECRET}}),
        "NOTIFICATION_CONTACT_PRIVATE_KEYS": PRIVATE_KEYS,
    }


@pytest.fixture
def service(servers: Stack, configuration: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    mailbox_of_bounces = mailbox.Maildir(tmp_path / "bounces")
    assert len(mailbox_of_bounces) == 0
    process = servers.start_service("notification", name="configured", environment=configuration)
    yield process
    process.stop()


def told_of(stack: Stack, delivery: str) -> list[str] | None:
    """What was told of it, once the broker has confirmed all of that."""
    with pymongo.MongoClient[dict[str, Any]](stack.secret("notification_mongodb_uri")) as client:
        found = client["notification"]["deliveries"].find_one({"_id": delivery})
    told = found and not found["outbox"] and [entry["type"].split(".")[1] for entry in found.get("history", ())]
    return told or None


def test_an_office_hears_what_became_of_its_messages(
    servers: Stack, service: Service, mailbox: Mailbox, gateway: Talker, tmp_path: Path
) -> None:
    id = an_appointment_id()
    confirmed = an_event(AppointmentConfirmed, appointment=id)
    address = f"{id[:8]}@example.org"
    publish(servers, confirmed, a_contact_event(appointment=id, email=address), an_office_event())
    sms, mail = (f"{confirmed.id}:confirmation:{channel}" for channel in ("sms", "email"))
    eventually(lambda: told_of(servers, sms) == ["sent"], what="the text message")
    assert gateway.asked[0].headers["authorization"] == "Bearer hunter2"

    posted = from_gateway(json.dumps({"status": "delivered", "message_id": "m-1"}).encode(), at=datetime.now(UTC))
    receipt = httpx.post(f"{service.url}/v1/receipts/house", content=posted.body, headers=dict(posted.headers))
    assert receipt.status_code == 204
    eventually(lambda: told_of(servers, sms) == ["sent", "delivered"], what="the receipt is told")

    eventually(lambda: told_of(servers, mail) == ["sent"], what="the mail")
    (place,) = (n for n, caught in enumerate(mailbox.mails) if caught["To"] == address)
    assert mailbox.senders[place] == f"bounces+{confirmed.id.replace('-', '')}.confirmation@amt.example"
    assert verified(mailbox.raw[place], dns(RSA))

    bounce = letters.postfix(to=mailbox.senders[place], message_id="<nothing@example.org>")
    box = Path(tmp_path / "bounces")
    _add(box, bounce)
    eventually(lambda: told_of(servers, mail) == ["sent", "failed"], what="the bounce is told")
    assert list((box / "new").iterdir()) == []
    log = service.log.read_text()
    assert "hunter2" not in log
    assert address not in log
    assert "Traceback" not in log


def _add(box: Path, letter: bytes) -> None:
    mailbox.Maildir(box).add(letter)


def test_a_missing_secret_stops_the_start(servers: Stack, configuration: dict[str, str]) -> None:
    """What else may be wrong is tried where settings are read."""
    changed = {**configuration, "NOTIFICATION_SMS_SECRETS": '{"house": {"tokne": "hunter2"}}'}
    broken = servers.start_service("notification", name="slip", environment=changed, wait=False)
    eventually(lambda: not broken.running, what="it gives up")
    log = broken.log.read_text()
    assert "notification: house needs the secrets receipts, token" in log
    assert "hunter2" not in log
    broken.stop()
