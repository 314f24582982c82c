"""`amtstermin appointments`: from another system, and to one; and erased, as somebody asks the office."""

import argparse
import asyncio
import getpass
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from services.booking.cli.at_hand import AtHand, at_hand
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import AlreadyOver, Appointment
from services.booking.domain.office import Office
from services.booking.erasing import ErasureCancels
from services.booking.people import UNREADABLE
from services.booking.storage import NotFound
from services.booking.transfer.calendars import Defaults, is_calendar, read_calendar, write_calendar
from services.booking.transfer.exporting import exported
from services.booking.transfer.importing import Importing
from services.booking.transfer.rows import COLUMNS, Fault, Read, is_unreadable
from services.booking.transfer.tables import read_table, write_table
from shared.setup import Trouble


def register(commands: Any) -> None:
    """Adds `amtstermin appointments`."""
    top = commands.add_parser("appointments", help="an office's appointments: from a file, into one, erased")
    actions = top.add_subparsers(metavar="ACTION", required=True)

    take = actions.add_parser(
        "import",
        help="take appointments from a file (CSV or iCalendar): all of them, or none",
        description=f"CSV has a heading line with these columns, of which the first five must be there: "
        f"{', '.join(COLUMNS)}. `key` is the other system's id: what was imported already is not imported again.",
    )
    take.add_argument("--file", type=Path, required=True, metavar="FILE")
    take.add_argument("--office", required=True, metavar="ID")
    take.add_argument("--dry-run", action="store_true", help="look at everything and change nothing")
    take.add_argument("--messages", action="store_true", help="confirm each by mail; without it nobody is told")
    take.add_argument("--service", metavar="ID", help="for events of a calendar that name none")
    take.add_argument("--municipality", metavar="AGS", help="for events of a calendar that name none")
    take.set_defaults(log_level="WARNING", run=lambda arguments: asyncio.run(_import(arguments)))

    give = actions.add_parser("export", help="write appointments with their persons into a file")
    give.add_argument("--file", type=Path, required=True, metavar="FILE", help="a new one, .csv or .ics")
    give.add_argument("--office", required=True, metavar="ID")
    give.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DAY", help="default: today")
    give.add_argument(
        "--to", dest="last", type=date.fromisoformat, metavar="DAY", help="included; default: in a year"
    )
    # It tells itself whom no key opens.
    give.set_defaults(log_level="CRITICAL", run=lambda arguments: asyncio.run(_export(arguments)))

    erase = actions.add_parser(
        "erase",
        help="erase whom an appointment is for, at once; nothing brings it back",
        description="For somebody who asks the office; by the link of any mail people do it themselves.",
    )
    erase.add_argument("appointment", metavar="CODE", help="as the mail says it; or the appointment's id")
    erase.add_argument("--office", required=True, metavar="ID")
    erase.add_argument("--cancel", action="store_true", help="what lies ahead is cancelled, and its time is free")
    erase.set_defaults(log_level="WARNING", run=lambda arguments: asyncio.run(_erase(arguments)))


async def _import(arguments: argparse.Namespace) -> int:
    defaults = Defaults(service=arguments.service, municipality=arguments.municipality)
    read = await asyncio.to_thread(_read, arguments.file, defaults)
    async with at_hand() as parts:
        office = _office(parts, arguments.office)
        importing = Importing(parts.booking, parts.reaching, parts.audit)
        plan = await importing.plan(office, read.rows)
        faults = [*read.faults, *plan.faults]
        print(f"{len(plan.new)} can be imported, {len(plan.there)} were before, {len(faults)} cannot.")
        if faults:
            _show(faults)
            print("Nothing was imported." if not arguments.dry_run else "Nothing would be imported.")
            return 1
        if arguments.dry_run:
            print("Nothing was changed.")
            return 0
        left_out = await importing.take(office, plan.new, by=_by(), tell=arguments.messages)
    print(f"{len(plan.new) - len(left_out)} are imported.")
    _show(left_out)
    return 1 if left_out else 0


async def _export(arguments: argparse.Namespace) -> int:
    if arguments.file.suffix not in (".csv", ".ics"):
        raise Trouble("The file's name ends in .csv or .ics.")
    async with at_hand() as parts:
        office = _office(parts, arguments.office)
        today = parts.booking.clock.now().astimezone(office.zone).date()
        first, last = arguments.first or today, arguments.last or today + timedelta(days=366)
        span = (_midnight(office, first), _midnight(office, last + timedelta(days=1)))
        found = [one async for one in exported(parts.booking, office.id, *span)]
        # Before the file is there: whoever sees persons is on record.
        detail = {"count": len(found), "from": first.isoformat(), "to": last.isoformat()}
        await parts.audit.record(_by(), "appointments.exported", office=office.id, detail=detail)
        now = parts.booking.clock.now()
    if arguments.file.suffix == ".csv":
        data = write_table(row for row, _ in found)
    else:
        data = write_calendar(((row, one.starts_at, one.ends_at) for row, one in found), now=now)
    await asyncio.to_thread(_write, arguments.file, data)
    print(f"{len(found)} appointments with personal data are in {arguments.file}: delete it when it has served.")
    return _tell_unreadable([one.id for row, one in found if is_unreadable(row)])


async def _erase(arguments: argparse.Namespace) -> int:
    async with at_hand() as parts:
        office = _office(parts, arguments.office)
        appointment = await _meant(parts, office, arguments.appointment)
        when = appointment.starts_at.astimezone(office.zone)
        about = f"{appointment.code}, {appointment.service} on {when:%Y-%m-%d at %H:%M}, {appointment.status}"
        try:
            await parts.erasing.erase(appointment.id, cancel=arguments.cancel)
        except ErasureCancels:
            raise Trouble(f"{about}: it lies ahead. To cancel it as well, say --cancel.") from None
        except AlreadyOver:
            raise Trouble(f"{about}: the visit goes on. Erase when it is over.") from None
        await parts.audit.record(_by(), "person.erased", office=office.id, subject=appointment.id)
    print(f"{about}: whom it was for is erased.")
    return 0


async def _meant(parts: AtHand, office: Office, named: str) -> Appointment:
    """By its id, or by a code that no other has."""
    with suppress(ValueError, NotFound):
        found = await parts.booking.appointments.get(str(uuid.UUID(named)))
        if found.office == office.id:
            return found
    several = await parts.booking.appointments.by_code(office.id, named.upper())
    if not several:
        raise Trouble(f"{office.id} has no appointment {named!r}: give its code, as the mail says it, or its id.")
    if len(several) > 1:
        listed = "\n".join(f"  {one.id}  {one.starts_at:%Y-%m-%d %H:%M} UTC, {one.status}" for one in several)
        raise Trouble(f"Several have the code {named}; say which by its id:\n{listed}")
    return several[0]


def _tell_unreadable(ids: Sequence[str]) -> int:
    """1 where somebody's data are missing in the file."""
    if not ids:
        return 0
    print(f"Of {len(ids)} of them no key opens the data: they say {UNREADABLE.family_name} for a name.")
    for id in ids:
        print(f"  {id}")
    print("Bring the missing key back (`amtstermin doctor` names it) and export again.")
    return 1


def _read(file: Path, defaults: Defaults) -> Read:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}") from error
    return read_calendar(data, defaults=defaults) if is_calendar(data) else read_table(data)


def _write(file: Path, data: bytes) -> None:
    """For its owner's eyes alone."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}") from error
    with os.fdopen(handle, "wb") as open_file:
        open_file.write(data)


def _office(parts: AtHand, id: str) -> Office:
    try:
        return parts.booking.offices[id]
    except KeyError:
        raise Trouble(f"There is no office {id!r}: `amtstermin office list` shows those that are there.") from None


def _midnight(office: Office, day: date) -> datetime:
    return datetime.combine(day, time(), office.zone)


def _by() -> Actor:
    return Actor("system", f"cli:{getpass.getuser()}")


def _show(faults: Sequence[Fault]) -> None:
    for fault in sorted(faults, key=lambda one: one.line):
        print(f"  {fault}")
