"""The whole of Amtstermin as docker-compose.yml starts it; runs wherever a container engine answers."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from pydantic.fields import FieldInfo

from services.booking.settings import Settings as BookingSettings
from services.notification.settings import Settings as NotificationSettings
from services.reporting.settings import Settings as ReportingSettings
from shared.settings import CommonSettings
from tests.builders import HECHINGEN
from tests.citizen import OFFICE, link_in
from tests.e2e.compose import BASE, ROOT, Compose
from tests.waiting import eventually

EMAIL, SERVICE = "ayse@example.org", "eat_pickup"


def compose_file() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / BASE).read_text())
    return content


@pytest.fixture(scope="module")
def containers(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """With two processes of booking."""
    processes = {"booking": 2, "notification": 1, "reporting": 1}
    stack = Compose(tmp_path_factory.mktemp("compose"), tag=images, processes=processes)
    try:
        stack.start("--scale", "booking=2")
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def compose(containers: Compose, request: pytest.FixtureRequest) -> Iterator[Compose]:
    failures = request.session.testsfailed
    yield containers
    if request.session.testsfailed > failures:
        print(containers.state())


def mails(compose: Compose) -> list[EmailMessage]:
    return compose.fetch_mails().to(EMAIL)


def figure(name: str, compose: Compose) -> int:
    today = date.today()  # noqa: DTZ011 (a day more on each side)
    span = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=2))}
    key = compose("exec", "-T", "reporting", "cat", "/run/amtstermin/reporting_staff_keys").strip()
    reader = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{compose.url('reporting')}/v1/reports/figures", params=span, headers=reader, timeout=10)
    assert answer.status_code == 200, answer.text
    return sum(row[name] for row in answer.json())


def hold(booking: httpx.Client) -> dict[str, Any]:
    office = f"/v1/offices/{OFFICE}"
    found = booking.get(f"{office}/availability", params={"service": SERVICE, "persons": 1}).json()
    wish = {
        "office": OFFICE,
        "service": SERVICE,
        "starts_at": next(time for day in found["days"] for time in day["times"]),
        "family_name": "Öztürk",
        "members": [{"municipality": HECHINGEN}],
        "preconditions": {"pin_letter": True},
    }
    answer = booking.post("/v1/appointments", json=wish, headers={"Idempotency-Key": uuid4().hex})
    assert answer.status_code == 201, answer.text
    held: dict[str, Any] = answer.json()
    return held


def test_booking_becomes_mail_and_figure_in_containers(compose: Compose) -> None:
    """Held at one process of booking, confirmed at the other."""
    with httpx.Client(base_url=compose.url("booking"), timeout=30) as one:
        held = hold(one)
    path, token = f"/v1/appointments/{held['id']}", {"Authorization": f"Bearer {held['token']}"}
    contact = {"given_name": "Ayşe", "email": EMAIL, "language": "de"}
    with httpx.Client(base_url=compose.url("booking", process=2), timeout=30) as other:
        assert other.put(f"{path}/contact", json=contact, headers=token).status_code == 200
        mail = eventually(lambda: mails(compose), within=60, what="the mail that asks to confirm")[0]
        link = httpx.URL(link_in(mail, "confirm"))
        confirmed = other.post(f"{path}/confirm", json={"secret": link.params["secret"]})

    assert (link.scheme, link.host) == ("https", "termine.example.org")
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "confirmed")
    eventually(lambda: len(mails(compose)) == 2, within=60, what="the confirmation")
    eventually(lambda: figure("confirmed", compose) == 1, within=60, what="one confirmed in the figures")


def test_operator_lists_parked_messages_by_container(compose: Compose) -> None:
    listed = compose("run", "--rm", "-T", "cli", "parking", "list")

    definitions = json.loads((ROOT / "deploy" / "rabbitmq" / "definitions.json").read_text())
    parking = {queue["name"] for queue in definitions["queues"] if queue["name"].endswith(".parking")}
    assert {f"{line.split()[1]}.parking" for line in listed.splitlines()} == parking
    assert all(line.split()[0] == "0" for line in listed.splitlines())


def test_history_is_republished_from_its_container(compose: Compose) -> None:
    told = compose("run", "--rm", "-T", "booking-cli", "republish", "--to", "reporting.offices", "--since", "1h")

    # The office, what is planned for each day ahead, and which times are free.
    sent = re.search(r"^(\d+) events sent to reporting\.offices\.$", told, re.MULTILINE)
    assert sent, told
    assert int(sent[1]) > 2


def test_each_container_sees_only_its_secrets(compose: Compose) -> None:
    seen = {
        service: compose("exec", "-T", service, "ls", "/run/amtstermin").split()
        for service in ("booking", "notification", "reporting", "rabbitmq", "mongodb")
    }

    assert seen == {
        "booking": [
            "booking_amqp_url",
            "booking_contact_keys",
            "booking_contact_public_keys",
            "booking_mongodb_uri",
            "booking_signing_keys",
        ],
        "notification": ["notification_amqp_url", "notification_contact_private_keys", "notification_mongodb_uri"],
        "reporting": [
            "reporting_amqp_url",
            "reporting_mongodb_uri",
            "reporting_operator_keys",
            "reporting_staff_keys",
        ],
        "rabbitmq": ["definitions.json"],
        "mongodb": ["keyfile"],
    }


def test_no_service_runs_as_root_or_writes_code(compose: Compose) -> None:
    for service in ("booking", "notification", "reporting"):
        assert compose("exec", "-T", service, "id", "-u").strip() not in ("", "0")
        compose("exec", "-T", service, "sh", "-c", "! touch /app/services/fresh.py 2>/dev/null")


def test_only_notification_reaches_mail_and_outside() -> None:
    services = compose_file()["services"]
    beyond = {name for name, service in services.items() if {"mail", "outside"} & set(service.get("networks", []))}

    # The doctor tries whether mail and text messages could leave; it is there only while it is asked.
    assert beyond == {"doctor", "mail", "notification"}
    assert services["doctor"]["profiles"] == ["cli"]


@pytest.mark.parametrize("settings", [BookingSettings, NotificationSettings, ReportingSettings])
def test_every_setting_that_an_office_may_change_reaches_its_container(settings: type[CommonSettings]) -> None:
    prefix = settings.model_config["env_prefix"]
    known = {f"{prefix}{name.upper()}" for name, field in settings.model_fields.items() if not _is_secret(field)}
    passed = compose_file()["services"][prefix.strip("_").lower()]["environment"]

    assert set(passed) == known - {f"{prefix}{name}" for name in _OF_THE_CONTAINER}


# Where it listens, what the image brings, what goes with the grace period, names that backups know, and what lies
# among the secrets without being one.
_OF_THE_CONTAINER = (
    *("HOST", "PORT", "OFFICES", "STOP_WITHIN", "MONGODB_DATABASE", "KEYS_DATABASE"),
    "CONTACT_PUBLIC_KEYS",
)


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def test_published_ports_are_this_hosts_alone() -> None:
    services = compose_file()["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert set(ports) == {"booking", "notification", "reporting"}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_replica_set_bears_the_name_in_use() -> None:
    mongodb = compose_file()["services"]["mongodb"]
    users = json.loads((ROOT / "deploy" / "mongo" / "users.json").read_text())

    assert f"--replSet={users['replica_set']}" in mongodb["command"]
