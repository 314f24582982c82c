"""`amtstermin doctor` on the real stack: quiet where all is well, and each trouble has its line and its code."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from shared.setup import VHOST, broker_definitions, deploy_folder
from tests.e2e.conftest import NewCitizen
from tests.e2e.test_survival_of_servers import amtstermin
from tests.ledger import Ledger

PARKED = "booking.notifications"


@pytest.fixture(scope="module")
def ctl(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """rabbitmqctl for the stack's own node, as a command."""
    command = tmp_path_factory.mktemp("ctl") / "rabbitmqctl"
    settings = "\n".join(f"export {name}='{value}'" for name, value in stack.rabbitmq.environment().items())
    homes = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    command.write_text(f'#!/bin/sh\n{settings}\nexec {homes[-1]}/sbin/rabbitmqctl "$@"\n')
    command.chmod(0o755)
    return command


def doctor(stack: Stack, ctl: Path | str, **settings: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Its exit code, and what it found by check."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", "doctor", "--json", "--rabbitmqctl", str(ctl)],
        cwd=ROOT,
        env={**as_the_services(stack), **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return done.returncode, {finding["check"]: finding for finding in json.loads(done.stdout)}


def as_the_services(stack: Stack) -> dict[str, str]:
    services = {**stack["booking"].environment(), **stack["notification"].environment()}
    return {"PATH": os.environ["PATH"], **services, "AMTSTERMIN_SECRETS_DIR": str(stack.secrets)}


def test_a_healthy_stack_is_well(stack: Stack, ledger: Ledger, ctl: Path, a_citizen: NewCitizen) -> None:
    for queue in parked(stack):
        amtstermin(stack, "parking", "discard", queue, "--all", "--reason", "an earlier test")
    a_citizen().book()
    ledger.quiet()
    code, found = doctor(stack, ctl)

    assert {check for check, finding in found.items() if finding["level"] != "OK"} == set(), found
    assert code == 0
    assert found.keys() >= {
        *("secrets", "secrets_private", "passwords", "keys", "mongodb", "clock", "mongodb_users", "disk"),
        *("outbox", "rabbitmq", "queues", "consumers", "parked", "definitions", "alarms", "tzdata"),
        *("mail", "https", "journal", "mongodb_tls", "rabbitmq_tls", "names", "contacts"),
    }
    assert found["names"]["said"] == found["contacts"]["said"] == "the newest and the oldest open"


def test_each_trouble_has_its_line_and_says_what_to_do(
    stack: Stack, ledger: Ledger, ctl: Path, a_citizen: NewCitizen
) -> None:
    a_citizen().book()
    ledger.quiet()
    with troubles(stack, ledger) as secrets:
        settings = {
            "AMTSTERMIN_SECRETS_DIR": str(secrets),
            "NOTIFICATION_SMTP_PORT": "1",
            "BOOKING_PUBLIC_URL": "http://termine.example",
            "BOOKING_ERASURE_JOURNAL": str(secrets / "not mounted" / "erasures"),
        }
        code, found = doctor(stack, ctl, **settings)

    assert code == 2
    said = {check: f"{finding['level']} {finding['said']}" for check, finding in found.items()}
    for check, (level, words) in {
        "secrets": ("CRITICAL", "mongodb_keyfile"),
        "secrets_private": ("CRITICAL", "admin_password"),
        "passwords": ("CRITICAL", "reporting_password"),
        "keys": ("CRITICAL", "booking_contact_keys"),
        "consumers": ("CRITICAL", "reporting.offices"),
        "parked": ("WARNING", "1 for booking.notifications"),
        "definitions": ("CRITICAL", "users intruder: unknown to the file"),
        "mongodb_users": ("WARNING", "intruder"),
        "outbox": ("CRITICAL", "booking.left_behind"),
        "mail": ("CRITICAL", "127.0.0.1:1"),
        "https": ("CRITICAL", "termine.example"),
        "journal": ("CRITICAL", "not mounted"),
        "names": ("CRITICAL", "no key k1 that opens them"),
        "contacts": ("CRITICAL", "no key n1 that opens them"),
    }.items():
        assert said[check].startswith(level), said[check]
        assert words in said[check], said[check]
        assert found[check]["do"], check
    assert "policies retry.5s: differs" in said["definitions"]
    for check in ("mongodb", "rabbitmq", "queues", "clock", "disk", "alarms", "tzdata"):
        assert said[check].startswith("OK"), said[check]


def test_servers_that_are_away_and_missing_tools_are_told_apart(stack: Stack, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(stack.secrets, secrets)
    (secrets / "admin_mongodb_uri").write_text("mongodb://admin:wrong@127.0.0.1:1/?serverSelectionTimeoutMS=100")
    (secrets / "admin_amqp_url").write_text("amqp://admin:wrong@127.0.0.1:1/amtstermin")
    unset = {"NOTIFICATION_SENDER": "no address"}

    code, found = doctor(stack, "/no/such/rabbitmqctl", AMTSTERMIN_SECRETS_DIR=str(secrets), **unset)

    assert code == 2
    assert {check: finding["level"] for check, finding in found.items() if finding["level"] != "OK"} == {
        "mongodb": "CRITICAL",
        "rabbitmq": "CRITICAL",
        "definitions": "UNKNOWN",
        "mail": "UNKNOWN",
    }
    assert "NOTIFICATION_SENDER" in found["mail"]["said"]


def parked(stack: Stack) -> list[str]:
    lines = amtstermin(stack, "parking", "list").splitlines()
    return [queue for count, queue in map(str.split, lines) if count != "0"]


@contextmanager
def troubles(stack: Stack, ledger: Ledger) -> Iterator[Path]:
    """All at once, and mended at the end. Gives the folder of bad secrets."""
    secrets = stack.folder / "bad secrets"
    shutil.copytree(stack.secrets, secrets)
    secrets.chmod(0o755)
    (secrets / "admin_password").chmod(0o644)
    (secrets / "mongodb_keyfile").unlink()
    (secrets / "reporting_password").write_text("reporting")
    (secrets / "booking_contact_keys").write_text("k1:" + "00" * 32)
    (secrets / "notification_contact_private_keys").write_text("n1:" + "6f" * 32)
    policies = broker_definitions(deploy_folder())["policies"]
    definition = next(policy["definition"] for policy in policies if policy["name"] == "retry.5s")
    id = str(uuid4())
    try:
        stack["reporting"].stop()
        asyncio.run(park(stack, id))
        stack.rabbitmq.ctl("add_user", "intruder", "secret")
        policy_of(stack, {**definition, "message-ttl": 60000})
        ledger.client.admin.command("createUser", "intruder", pwd="secret", roles=[])
        old = {"at": datetime.now(UTC) - timedelta(hours=1)}
        ledger.client["booking"]["left_behind"].insert_one({"outbox": [old]})
        yield secrets
    finally:
        ledger.client["booking"]["left_behind"].drop()
        ledger.client.admin.command("dropUser", "intruder")
        policy_of(stack, definition)
        stack.rabbitmq.ctl("delete_user", "intruder")
        amtstermin(stack, "parking", "discard", PARKED, id, "--reason", "test")
        stack["reporting"].start()
        stack["reporting"].wait_until_ready()
        shutil.rmtree(secrets)


def policy_of(stack: Stack, definition: dict[str, Any]) -> None:
    where = ("-p", VHOST, "--apply-to", "queues")
    stack.rabbitmq.ctl("set_policy", "-q", *where, "retry.5s", r"^retry\.5s$", json.dumps(definition))


async def park(stack: Stack, id: str) -> None:
    async with await aio_pika.connect(stack.secret("booking_amqp_url")) as connection:
        channel = await connection.channel(on_return_raises=True)
        parking = await channel.get_exchange("parking", ensure=False)
        await parking.publish(aio_pika.Message(b"not json", message_id=id), PARKED)
