"""`amtstermin doctor` on the real stack: quiet where all is well, and each trouble has its line and its code."""

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

import pytest

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from shared.setup import VHOST
from tests.ledger import Ledger
from tests.waiting import eventually

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


def well_but(found: dict[str, dict[str, Any]]) -> set[str]:
    return {check for check, finding in found.items() if finding["level"] != "OK"}


def test_a_healthy_stack_is_well(stack: Stack, ledger: Ledger, ctl: Path) -> None:
    ledger.quiet()
    code, found = doctor(stack, ctl)

    assert well_but(found) <= parked_by_others(found), found
    assert code in (0, 1)
    assert found.keys() >= {
        *("secrets", "secrets_private", "passwords", "keys", "mongodb", "clock", "mongodb_users", "disk", "outbox"),
        *("rabbitmq", "queues", "consumers", "parked", "definitions", "alarms", "tzdata", "mail", "https"),
        *("mongodb_tls", "rabbitmq_tls"),
    }


def parked_by_others(found: dict[str, dict[str, Any]]) -> set[str]:
    """An earlier test of the same stack may have left a message there; that is no news."""
    return {"parked"} & well_but(found)
