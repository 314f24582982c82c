"""`amtstermin reporting`: every figure anew, whether they are what they must be, and the résumé of a period."""

import argparse
import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from services.reporting import main
from services.reporting.comparing import Differences, compare_databases, compare_with_told
from services.reporting.generations import Generations
from services.reporting.handlers import REBUILD
from services.reporting.rebuilding import Rebuild
from services.reporting.resume import command as resume
from services.reporting.settings import Settings
from shared.messaging import PublishFailed
from shared.mongo import DATABASE_DOWN, Client, Database, connect
from shared.outbox import Entry
from shared.progress import Progress
from shared.republish import bindings_of, hears, history_of, tell_again, told_here
from shared.setup import Trouble, broker_definitions, deploy_folder

_EVER = datetime.fromtimestamp(0, UTC)
_MOST_LINES = 40


def register(commands: Any) -> None:
    """Adds `amtstermin reporting`."""
    top = commands.add_parser("reporting", help="the figures: make them anew, check them, say what they tell")
    actions = top.add_subparsers(metavar="ACTION", required=True)
    rebuild = actions.add_parser(
        "rebuild",
        help="make every figure anew from what the others have told, and switch over",
        description="Fills an empty database beside the live one, which goes on meanwhile, compares both and lets "
        "them change places. Ended before that, it leaves the live figures as they are; run it again.",
    )
    rebuild.add_argument("--stay", action="store_true", help="do not switch over: both go on, for `check`")
    rebuild.add_argument("--anyway", action="store_true", help="switch over also where appointments are missing")
    rebuild.set_defaults(run=lambda arguments: _run(partial(_rebuild, arguments)))
    check = actions.add_parser(
        "check",
        help="compare the figures with what was told, and with a rebuilt database where there is one",
        description="Names differences by kind, day and status; ends with 1 where there are any.",
    )
    check.set_defaults(run=lambda arguments: _run(_check))
    resume.register(actions)


@dataclass(frozen=True, slots=True)
class _Opened:
    client: Client
    settings: Settings
    generations: Generations

    def rebuild(self) -> Rebuild:
        changed = asyncio.Event()
        return Rebuild(
            self.client,
            self.settings,
            facts=lambda database: main.facts_of(database, self.settings, changed=changed),
            refresher=lambda database: main.refresher_of(database, self.settings, changed=changed),
            prepare=lambda database: main.ensure_indexes(database, self.settings),
            generations=self.generations,
        )


@asynccontextmanager
async def _opened() -> AsyncIterator[_Opened]:
    settings = Settings()
    client = connect(settings)
    try:
        yield _Opened(client, settings, Generations(client, name=settings.mongodb_database))
    finally:
        client.close()


def _run(do: Callable[[], Any]) -> int:
    try:
        code: int = asyncio.run(do())
    except ValidationError as error:
        raise Trouble(f"The settings of reporting are missing or wrong:\n{error}") from None
    except DATABASE_DOWN as error:
        raise Trouble(f"MongoDB does not answer ({type(error).__name__}); live figures are untouched.") from None
    except PublishFailed as error:
        raise Trouble(f"RabbitMQ did not take the events ({error}); run the same command again.") from None
    return code


async def _rebuild(arguments: argparse.Namespace) -> int:
    async with _opened() as opened:
        rebuild = opened.rebuild()
        spare = await rebuild.begin()
        try:
            done = await _fill(rebuild, spare, opened) and await _may_switch(arguments, opened, spare)
            if done and not arguments.stay:
                await rebuild.switch(spare)
                print(f"The figures come from {spare.name} now; every process shows them within a second.")
        except BaseException:
            await rebuild.give_up()
            raise
        if not done:
            await rebuild.give_up()
            return 1
        await rebuild.end()
    return 0


async def _fill(rebuild: Rebuild, spare: Database, opened: _Opened) -> bool:
    bindings, elsewhere = told_here(bindings_of(REBUILD, broker_definitions(deploy_folder())))
    if elsewhere:
        raise Trouble(
            f"Nobody here tells on {', '.join(elsewhere)}: run this where all services are installed, with their "
            "settings, as in a checkout on the host."
        )

    async def tell(progress: Progress) -> int:
        return await tell_again(REBUILD, bindings, since=_EVER, newest=True, progress=progress)

    progress = Progress("events applied", total=await rebuild.expected())
    events = await rebuild.replay(spare, tell, progress)
    progress.end()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{events:,} events in {progress.seconds:.0f} s ({progress.rate:,.0f}/s); at most {memory} MiB of memory."
    )
    if kept := await rebuild.carry_over(spare):
        print(f"{kept:,} facts were taken over that nobody can tell any more: they are kept a while only.")
    counting = Progress("figures counted")
    await rebuild.count_up(spare, counting)
    counting.end()
    print(f"{counting.done:,} figures in {counting.seconds:.0f} s ({counting.rate:,.0f}/s).")
    return True


async def _may_switch(arguments: argparse.Namespace, opened: _Opened, spare: Database) -> bool:
    found = await compare_databases(opened.generations.live, spare)
    _show("live and rebuilt", found)
    lost = found.count("not rebuilt", "appointments")
    if lost and not arguments.anyway:
        print(f"{lost} appointments would be lost, so nothing is switched; --anyway does it all the same.")
        return False
    return True


async def _check() -> int:
    bindings, elsewhere = told_here(bindings_of(REBUILD, broker_definitions(deploy_folder())))
    async with _opened() as opened:
        pointer = await opened.generations.look()
        told = Differences()
        for exchange in sorted({exchange for exchange, _ in bindings}):
            patterns = [pattern for other, pattern in bindings if other == exchange]
            entries = _newest(exchange, patterns)
            found = await compare_with_told(opened.generations.live, entries, zone=opened.settings.zone)
            _show(f"{exchange} as told and as counted", found)
            told.wrong |= found.wrong
        for exchange in elsewhere:
            print(f"{exchange}: not compared, since nobody here tells it.")
        if pointer.building:
            both = await compare_databases(opened.generations.live, opened.client[pointer.building])
            _show("live and rebuilt", both)
            told.wrong |= both.wrong
    return 1 if told.total else 0


async def _newest(exchange: str, patterns: list[str]) -> AsyncIterator[Entry]:
    async for entry in history_of(exchange).told(exchange=exchange, since=_EVER, newest=True):
        if any(hears(pattern, entry["type"]) for pattern in patterns):
            yield entry


def _show(what: str, found: Differences) -> None:
    compared = ", ".join(f"{number:,} {kind}" for kind, number in sorted(found.compared.items())) or "nothing"
    print(f"{what}: {found.total:,} differences ({compared} compared)")
    for line in found.lines()[:_MOST_LINES]:
        print(f"  {line}")
    if (more := len(found.wrong) - _MOST_LINES) > 0:
        print(f"  and {more} places more")
