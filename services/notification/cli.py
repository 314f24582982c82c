"""`amtstermin notification`: previews, how messages stand, pauses; works while no service runs as well."""

import argparse
import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from services.notification import preview
from services.notification.domain import Channel
from services.notification.history import DatabaseSettings
from services.notification.status import Status, status_of
from services.notification.storage import Deliveries, DeliveryCounts, Pause, StandingStore
from shared.mongo import Database, connect, database
from shared.setup import Trouble

T = TypeVar("T")

_COUNTS = ("due", "late", "ahead", "sent", "failed", "undeliverable", "expired", "superseded", "sandboxed")


def register(commands: Any) -> None:
    """Adds `amtstermin notification`."""
    top = commands.add_parser("notification", help="how messages look and stand; pause and resume a channel")
    actions = top.add_subparsers(metavar="ACTION", required=True)
    preview.register(actions)
    status = actions.add_parser("status", help="what is due, late, sent and failed, and how providers work")
    status.set_defaults(run=_status)
    pause = actions.add_parser("pause", help="send nothing over a channel until it is resumed")
    pause.add_argument("channel", choices=[channel.value for channel in Channel])
    pause.add_argument("--reason", required=True, help="shown on the status page")
    pause.set_defaults(run=_pause)
    resume = actions.add_parser("resume", help="send again")
    resume.add_argument("channel", choices=[channel.value for channel in Channel])
    resume.set_defaults(run=_resume)


def _status(_: argparse.Namespace) -> None:
    async def look(db: Database) -> Status:
        return await status_of(
            counts=DeliveryCounts(Deliveries(db)), standing=StandingStore(db), now=datetime.now(UTC)
        )

    status = _on_database(look)
    print(f"{'':<8}" + "".join(f"{name:>14}" for name in _COUNTS))
    for name, channel in status.channels.items():
        print(f"{name.value:<8}" + "".join(f"{getattr(channel, count):>14}" for count in _COUNTS))
    for name, channel in status.channels.items():
        if channel.paused:
            print(f"{name.value} is paused since {channel.paused_since:%Y-%m-%d %H:%M} UTC: {channel.paused}")
    for one in status.providers:
        weight = "" if one.weight is None else f", weight {one.weight:g}"
        print(f"{one.channel} {one.provider} in {one.process}: {one.state}, {one.failures} failures{weight}")


def _pause(arguments: argparse.Namespace) -> None:
    channel = Channel(arguments.channel)
    wanted = Pause(channel, arguments.reason, getpass.getuser(), datetime.now(UTC))
    _on_database(lambda db: StandingStore(db).pause(wanted))
    print(f"{channel.value} is paused: every process stops within 2 seconds.")


def _resume(arguments: argparse.Namespace) -> None:
    channel = Channel(arguments.channel)
    resumed = _on_database(lambda db: StandingStore(db).resume(channel))
    print(f"{channel.value} is resumed." if resumed else f"{channel.value} was not paused.")


def _on_database(work: Callable[[Database], Awaitable[T]]) -> T:
    try:
        settings = DatabaseSettings()
    except ValidationError as error:
        raise Trouble(f"Settings of notification are missing or wrong:\n{error}") from error

    async def run() -> T:
        client = connect(settings)
        try:
            return await work(database(client, settings))
        finally:
            client.close()

    return asyncio.run(run())
