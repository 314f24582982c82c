"""`amtstermin simulate`: half a year of an office, for whoever wants to see dashboard and résumé filled."""

import argparse
import asyncio
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from deploy.local.simulate.feeding import Fed, check_nobody_real, clear, databases, feed, wait_for_reporting
from deploy.local.simulate.play import Play
from services.booking.domain.rules import OfficeData
from services.booking.offices import BrokenOffice, read_office
from shared.messaging import PublishFailed
from shared.mongo import DATABASE_DOWN
from shared.progress import Progress
from shared.setup import Trouble, deploy_folder

_USUAL_OFFICE = Path("offices") / "zollernalbkreis.toml"


def register(commands: Any) -> None:
    """Adds `amtstermin simulate`."""
    parser = commands.add_parser(
        "simulate",
        help="fill a stack of this machine with a made-up half year, so that there are figures to look at",
        description="Plays an office day after day in virtual time through the services' own rules. Nobody in it "
        "is real, and nobody is written to. The same seed gives the same figures. Only into a stack that has seen "
        "nobody real: one that `make up` has started on an empty folder, or one that was filled like this.",
    )
    parser.add_argument("--residents", type=_number, default=17_000, metavar="N", help="people served (17000)")
    parser.add_argument("--months", type=_number, default=6, metavar="N", help="how long it goes on (6)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another one is another half year (1)")
    parser.add_argument(
        "--until", type=_day, metavar="DAY", help="the first day that is not played, 2026-12-01 (now)"
    )
    parser.add_argument("--office", type=Path, metavar="FILE", help="an office file (Zollernalbkreis)")
    parser.add_argument("--anew", action="store_true", help="remove an earlier play first")
    parser.set_defaults(run=_run)


def _number(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day like 2026-12-01") from None


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last one."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def play_of(arguments: argparse.Namespace, data: OfficeData) -> Play:
    zone = ZoneInfo(data.timezone)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    until = datetime.combine(arguments.until, datetime.min.time(), zone) if arguments.until else now
    first = months_before(until.astimezone(zone).date(), arguments.months)
    return Play(data=data, residents=arguments.residents, first=first, until=until, seed=arguments.seed)


def _run(arguments: argparse.Namespace) -> int:
    try:
        data = read_office(arguments.office or deploy_folder() / _USUAL_OFFICE)
        return asyncio.run(_simulate(play_of(arguments, data), anew=arguments.anew))
    except BrokenOffice as error:
        raise Trouble(str(error)) from None
    except ValidationError as error:
        raise Trouble(f"No stack found; start one with `make up`. Settings are missing:\n{error}") from None
    except DATABASE_DOWN as error:
        raise Trouble(f"MongoDB does not answer ({type(error).__name__}): is the stack up?") from None
    except PublishFailed as error:
        raise Trouble(f"RabbitMQ did not take the events ({error}); run the same command again.") from None


async def _simulate(play: Play, *, anew: bool) -> int:
    async with databases() as stores:
        await check_nobody_real(stores, anew=anew)
        await clear(stores)
        progress = Progress("events", total=_guess(play))
        fed = await feed(play, stores, progress)
        progress.end()
        _say(play, fed, progress)
        applying = Progress("appointments counted by reporting", total=fed.appointments)
        if not await wait_for_reporting(stores, expected=fed.appointments, progress=applying):
            print("Reporting has not counted all of them yet: it does as soon as it runs.")
            return 0
        applying.end()
        print("Reporting shows all of it.")
    return 0


def _guess(play: Play) -> int:
    """How many events it will be, for the bar: about eleven for each need."""
    days = (play.until - play.agenda.now) // timedelta(days=1)
    return round(play.residents * 0.95 * days / 365 * 14)


def _say(play: Play, fed: Fed, progress: Progress) -> None:
    print(
        f"{play.first} until {play.until:%Y-%m-%d %H:%M} UTC with seed {play.seed}: "
        f"{fed.appointments:,} appointments and {fed.events:,} events in {progress.seconds:.0f} s "
        f"({progress.rate:,.0f} events/s)."
    )
