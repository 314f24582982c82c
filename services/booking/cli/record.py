"""`amtstermin audit`, `amtstermin deletions`: who saw or changed what, how much was erased; persons in neither."""

import argparse
import asyncio
import csv
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from services.booking.cli.at_hand import settings_of_booking
from services.booking.domain.actors import EVERYWHERE
from services.booking.staff.audit import Audit, Entry, Wanted
from services.booking.storage.retention import Retained
from shared.mongo import DATABASE_DOWN, Database, DatabaseClock, connect, database
from shared.setup import Trouble

_AT_ONCE = 500
_AUDIT = ("at", "actor", "action", "office", "subject", "detail")


def register(commands: Any) -> None:
    """Adds `amtstermin audit` and `amtstermin deletions`."""
    audit = commands.add_parser(
        "audit", help="who saw or changed what, the newest first", description="Ids and codes; times are UTC."
    )
    audit.add_argument("--subject", metavar="ID", help="what was done to this appointment or account")
    audit.add_argument("--actor", metavar="ID", help="what this account did")
    audit.add_argument("--csv", action="store_true", help="as a table for a spreadsheet")
    audit.set_defaults(run=lambda arguments: asyncio.run(_audit(arguments)))

    deletions = commands.add_parser("deletions", help="how much was erased, by day, office and reason")
    deletions.set_defaults(run=lambda arguments: asyncio.run(_deletions(arguments)))
    for one in (audit, deletions):
        one.add_argument("--office", metavar="ID", help="of one office")
        one.add_argument("--from", dest="first", type=_moment, metavar="TIME", help="included, as 2026-12-01")
        one.add_argument("--to", dest="until", type=_moment, metavar="TIME", help="not included")


async def _audit(arguments: argparse.Namespace) -> None:
    wanted = Wanted(
        arguments.office or EVERYWHERE,
        subject=arguments.subject,
        actor=arguments.actor,
        first=arguments.first,
        until=arguments.until,
    )
    table = csv.writer(sys.stdout) if arguments.csv else None
    if table:
        table.writerow(_AUDIT)
    async with _database() as db:
        async for entry in _entries(Audit(db, clock=DatabaseClock(db.client)), wanted):
            if table:
                table.writerow(_told(entry))
            else:
                print("  ".join(_told(entry)).rstrip())


async def _entries(audit: Audit, wanted: Wanted) -> AsyncIterator[Entry]:
    after: str | None = None
    while True:
        page = await audit.find(wanted, limit=_AT_ONCE, after=after)
        for entry in page.entries:
            yield entry
        if page.next is None:
            return
        after = page.next


def _told(entry: Entry) -> tuple[str, ...]:
    detail = " ".join(f"{key}={_plain(value)}" for key, value in sorted(entry.detail.items()))
    actor = f"{entry.actor.kind}:{entry.actor.id}" if entry.actor.id else entry.actor.kind
    return entry.at.isoformat(timespec="seconds"), actor, entry.action, entry.office, entry.subject or "", detail


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


async def _deletions(arguments: argparse.Namespace) -> None:
    async with _database() as db:
        counted = await Retained(db).deletions(
            office=arguments.office, first=arguments.first, until=arguments.until
        )
    table = csv.writer(sys.stdout)
    table.writerow(("day", "office", "reason", "persons"))
    for day, office, counts in counted:
        table.writerows((day, office, reason, count) for reason, count in sorted(counts.items()))


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    settings = settings_of_booking()
    client = connect(settings)
    try:
        yield database(client, settings)
    except DATABASE_DOWN as error:
        raise Trouble(f"MongoDB does not answer ({type(error).__name__}).") from error
    finally:
        client.close()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
