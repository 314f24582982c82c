"""A booking service of its own for these tests: they close offices and disable accounts."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from deploy.local.process import ROOT
from deploy.local.stack import Service, Stack
from services.booking.offices import load_offices
from services.booking.tokens import Keys
from shared.setup import SIGNING_KEYS, VHOST, broker_definitions, deploy_folder
from tests.contract.caller import Caller
from tests.contract.lives.accounts import open_doors
from tests.contract.lives.world import OFFICE, World
from tests.contract.open_office import write_open_office


@pytest.fixture(scope="package")
def world(servers: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An office that is open now, and somebody of each role signed in."""
    offices = tmp_path_factory.mktemp("contract") / "offices"
    write_open_office(offices)
    database = f"booking_{uuid4().hex[:8]}"
    environment = {
        "BOOKING_OFFICES": str(offices),
        "BOOKING_MONGODB_URI": servers.secret("admin_mongodb_uri"),
        "BOOKING_MONGODB_DATABASE": database,
        "BOOKING_KEYS_DATABASE": f"{database}_keys",
        "BOOKING_OFFER_EVERY": "PT0.2S",
        "BOOKING_LIMITS": "off",
    }
    service = servers.start_service("booking", name="booking_contract", environment=environment)
    keys = Keys.read(SecretStr(servers.secret(SIGNING_KEYS)))
    zone = load_offices(offices, key=keys.release_key())[OFFICE].zone
    try:
        with Caller(service.url) as call:
            world = World(call, keys, zone)
            open_doors(world, first_link=_first_administrator(service))
            yield world
    finally:
        service.stop()
        _purge(servers)


def _purge(servers: Stack) -> None:
    """What it has told is of an office in another time zone: tests that follow use the same queues."""
    for queue in broker_definitions(deploy_folder())["queues"]:
        servers.rabbitmq.ctl("purge_queue", "-q", "-p", VHOST, queue["name"])


def _first_administrator(service: Service) -> str:
    """As an operator makes it: `amtstermin staff add`."""
    command = [sys.executable, "-m", "shared.cli", "staff", "add", "root", "--role", "admin"]
    environment = {**os.environ, **service.environment()}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    link = re.search(r"https?://\S+", done.stdout)
    assert link, done.stdout + done.stderr
    return link[0]
