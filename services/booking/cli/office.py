"""`amtstermin office`: what operators do with the data of offices."""

import argparse
import asyncio
import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.booking.cli.at_hand import settings_of_booking
from services.booking.domain.conflicts import Conflict, conflicts
from services.booking.domain.office import Office
from services.booking.domain.rules import OfficeData
from services.booking.offices import BrokenOffice, read_office
from services.booking.settings import Settings
from services.booking.storage import ChangedMeanwhile
from services.booking.storage.offices import AwaitedVisit, OfficeStore, StoredOffice, differences
from services.booking.tokens import Keys
from shared.mongo import connect, database
from shared.setup import Trouble


def register(commands: Any) -> None:
    """Adds `amtstermin office`."""
    top = commands.add_parser("office", help="the data of an office: hours, desks, services, rules")
    actions = top.add_subparsers(metavar="ACTION", required=True)
    take = actions.add_parser(
        "import",
        help="take an office's data from a file, after a look at the appointments that do not fit any more",
        description="From then on the database decides, and a differing file in the offices' folder is ignored.",
    )
    take.add_argument("file", type=Path, metavar="FILE", help="an office file (*.toml)")
    take.add_argument("--yes", action="store_true", help="without asking, whatever is in conflict")
    take.set_defaults(run=_import)
    shown = actions.add_parser("list", help="the offices of this installation, as the database has them")
    shown.set_defaults(run=lambda _: asyncio.run(_list(settings_of_booking())))


def _import(arguments: argparse.Namespace) -> int:
    try:
        data = read_office(arguments.file)
    except BrokenOffice as error:
        raise Trouble(str(error)) from None
    return asyncio.run(_take(data, settings_of_booking(), yes=arguments.yes))


async def _list(settings: Settings) -> None:
    client = connect(settings)
    try:
        store = OfficeStore(database(client, settings))
        versions = await store.versions()
        for office in await store.newer(dict.fromkeys(sorted(versions), 0)) if versions else ():
            decides = "the database" if office.edited else "its file"
            print(f"{office.data.id:<24}  version {office.version:<5}  {decides} decides  {office.data.timezone}")
    finally:
        client.close()
    if not versions:
        print("No office yet: booking takes them from its files when it starts, or `office import`.")


async def _take(data: OfficeData, settings: Settings, *, yes: bool) -> int:
    client = connect(settings)
    try:
        store = OfficeStore(database(client, settings))
        before = await store.get(data.id)
        now = datetime.now(UTC)
        if before and before.data == data and before.edited:
            print(f"{data.id} is so already (version {before.version}); nothing to do.")
            return 0
        office = Office(data, key=Keys.read(settings.signing_keys).release_key())
        visits = await store.awaited(data.id, now=now)
        _show(before, office, visits, conflicts(office, visits, now=now))
        if not yes and not await asyncio.to_thread(_agreed):
            print("Nothing was changed.")
            return 1
        version = await store.save(
            data,
            actor=f"cli:{getpass.getuser()}",
            expected_version=before.version if before else None,
            now=now,
        )
    except ChangedMeanwhile:
        raise Trouble("Somebody else changed the office at the same moment; run the same command again.") from None
    finally:
        client.close()
    print(f"{data.id} is taken as version {version}; running processes go by it within a second.")
    return 0


def _agreed() -> bool:
    """Where nobody is there to ask, nobody has said yes."""
    try:
        return input("Take it? [y/N] ").strip().lower() == "y"
    except EOFError:
        print("\nNobody answers; --yes takes it without asking.")
        return False


def _show(
    before: StoredOffice | None, office: Office, visits: Sequence[AwaitedVisit], found: Sequence[Conflict]
) -> None:
    """Codes and times only: whose appointments these are is nothing for a terminal."""
    if before:
        print(
            f"{office.id}, version {before.version}; different: {', '.join(differences(before.data, office.data))}"
        )
    else:
        print(f"{office.id} is new.")
    by_id = {visit.id: visit for visit in visits}
    print(f"{len(visits)} appointments are to come, {len(found)} of them in conflict{':' if found else '.'}")
    for conflict in found:
        visit = by_id[conflict.id]
        local = f"{visit.starts_at.astimezone(office.zone):%a %Y-%m-%d %H:%M}"
        print(f"  {local}  {visit.code}  {visit.team}/{visit.lane}  {conflict.reason}")
