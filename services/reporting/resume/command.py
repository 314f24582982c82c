"""`amtstermin reporting resume`: the résumé of any period as a file."""

import argparse
import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.reporting.domain.periods import Period
from services.reporting.generations import Generations
from services.reporting.reports import Reports
from services.reporting.resume.building import Resume, build
from services.reporting.resume.rendering import as_html, as_pdf
from services.reporting.settings import Settings
from services.reporting.storage import Figures, Offices
from services.reporting.views import Selection
from shared import mongo
from shared.setup import Trouble

_LONGEST_DAYS = 1100


def register(steps: Any) -> None:
    parser = steps.add_parser("resume", help="the résumé of a period, as PDF or as page")
    parser.add_argument(
        "--from", dest="since", type=_day, required=True, metavar="DAY", help="the first day, 2026-07-01"
    )
    parser.add_argument(
        "--to",
        dest="until",
        type=_day,
        required=True,
        metavar="DAY",
        help="the first day that no longer belongs to it",
    )
    parser.add_argument("--office", metavar="ID", help="only this office")
    parser.add_argument("--format", choices=("pdf", "html"), default="pdf", help="pdf (tagged, PDF/UA-1), or html")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where it goes (resume_<from>_<last day>.pdf)")
    parser.set_defaults(run=_run)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day like 2026-07-01") from None


def _run(arguments: argparse.Namespace) -> None:
    period = Period(arguments.since, arguments.until)
    if not 0 < period.days <= _LONGEST_DAYS:
        raise Trouble(f"--to must be later than --from, by {_LONGEST_DAYS} days at most.")
    resume = asyncio.run(_built(Selection(period, arguments.office)))
    name = f"resume_{period.since}_{period.last_day}.{arguments.format}"
    file = arguments.out or Path(name)
    file.write_bytes(as_pdf(resume) if arguments.format == "pdf" else as_html(resume).encode())
    print(file)


async def _built(selection: Selection) -> Resume:
    try:
        settings = Settings()
    except ValidationError as error:
        raise Trouble(f"Settings are missing or wrong; with a running stack they are there:\n{error}") from None
    client = mongo.connect(settings)
    generations = Generations(client, name=settings.mongodb_database)
    try:
        await generations.look()
        reports = Reports(figures=Figures(generations.live), offices=Offices(generations.live))
        known = [office.id for office in await reports.offices()]
        if selection.office not in (None, *known):
            raise Trouble(f"There is no office {selection.office!r}; known are: {', '.join(known) or 'none'}.")
        return await build(reports, selection, now=datetime.now(UTC).astimezone(settings.zone))
    except mongo.DATABASE_DOWN as error:
        raise Trouble(f"MongoDB does not answer ({type(error).__name__}): is the stack up?") from None
    finally:
        client.close()
