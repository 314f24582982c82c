"""Operators' commands of booking, on the database of a desk."""

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from deploy.local.stack import Stack
from services.booking import cli
from tests.integration.booking_harness import Desk

# Exit code, and what is printed.
Run = Callable[..., Awaitable[tuple[int, str]]]


def commands_of(
    desk: Desk, servers: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    for name, value in {
        "MONGODB_URI": servers.secret("admin_mongodb_uri"),
        "MONGODB_DATABASE": desk.database.name,
        "KEYS_DATABASE": desk.keys.name,
        "AMQP_URL": "amqp://nobody@127.0.0.1:1",
        "SIGNING_KEYS": "k1:" + "78" * 32,
        "CONTACT_KEYS": servers.secret("booking_contact_keys"),
        "CONTACT_PUBLIC_KEYS": servers.secret("booking_contact_public_keys"),
    }.items():
        monkeypatch.setenv(f"BOOKING_{name}", value)

    async def run(*arguments: object) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        cli.register(parser.add_subparsers())
        parsed = parser.parse_args([str(argument) for argument in arguments])
        code = await asyncio.to_thread(parsed.run, parsed)
        lines = capsys.readouterr().out.splitlines()
        # Tests log to where a command prints.
        return code or 0, "\n".join(line for line in lines if not re.match(r"\d{4}-\d\d-\d\d \d\d:", line))

    return run
