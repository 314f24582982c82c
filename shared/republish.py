"""Sends history again to one queue, under the first ids, so that whoever has it already does nothing."""

import argparse
import asyncio
import importlib
import importlib.util
import pkgutil
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from pydantic import SecretStr

from shared.messaging import Publisher, PublishFailed
from shared.outbox import Entry
from shared.progress import Progress
from shared.setup import Trouble, broker_definitions, deploy_folder, operator_amqp_url

_AT_ONCE = 200
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)


_REBUILD = ".rebuild"


def bindings_of(queue: str, definitions: dict[str, Any]) -> list[tuple[str, str]]:
    """(exchange, pattern) of every event that `queue` hears, as the broker's definitions say.

    A queue `<service>.rebuild` hears nothing by itself; what is sent to it is what the service's others hear.
    """
    found = (b for b in definitions["bindings"] if b["source"] not in ("requeue", "retry", "parking"))
    service = queue.removesuffix(_REBUILD) + "." if queue.endswith(_REBUILD) else None
    return [
        (binding["source"], binding["routing_key"])
        for binding in found
        if (binding["destination"].startswith(service) if service else binding["destination"] == queue)
    ]


def hears(pattern: str, type: str) -> bool:
    """A topic pattern of ours against a routing key: words by dots, `*` for one word."""
    words, wanted = type.split("."), pattern.split(".")
    return len(words) == len(wanted) and all(map(fnmatchcase, words, wanted))


async def republish(
    entries: AsyncIterator[Entry],
    *,
    queue: str,
    pattern: str,
    publisher: Publisher,
    progress: Callable[[int], None],
) -> int:
    """Publishes what `queue` hears by `pattern`, confirmed; returns how many. Raises PublishFailed."""
    sent = 0
    batch: list[Entry] = []
    async for entry in entries:
        if hears(pattern, entry["type"]):
            batch.append(entry)
        if len(batch) >= _AT_ONCE:
            sent += await send_to(queue, batch, publisher)
            progress(sent)
            batch = []
    sent += await send_to(queue, batch, publisher)
    progress(sent)
    return sent


async def send_to(queue: str, batch: Sequence[Entry], publisher: Publisher) -> int:
    """By way of the exchange that leads to this queue alone: no other service hears it.

    A broker that is slow for a while, or comes back, gets what failed again. Raises PublishFailed, Unroutable.
    """
    waiting = list(batch)
    for pause in (*_PAUSES_S, None):
        outcomes = await asyncio.gather(*(_send(queue, e, publisher) for e in waiting), return_exceptions=True)
        failed = [(e, o) for e, o in zip(waiting, outcomes, strict=True) if isinstance(o, BaseException)]
        if not failed:
            break
        worst = next((o for _, o in failed if type(o) is not PublishFailed), failed[0][1])
        if pause is None or type(worst) is not PublishFailed:
            raise worst
        await asyncio.sleep(pause)
        waiting = [entry for entry, _ in failed]
    return len(batch)


async def _send(queue: str, entry: Entry, publisher: Publisher) -> None:
    await publisher.publish(
        exchange="requeue",
        routing_key=f"republish.{queue}",
        body=entry["body"].encode(),
        message_id=entry["id"],
        correlation_id=entry.get("correlation_id"),
    )


def register(commands: Any) -> None:
    """Adds `amtstermin republish`."""
    parser = commands.add_parser(
        "republish",
        help="send events again from history to one queue, after its messages were lost",
        description="Whoever has an event already does nothing: it comes under its first id.",
    )
    parser.add_argument("--to", required=True, metavar="QUEUE", help="for example notification.appointments")
    parser.add_argument(
        "--since", required=True, type=_moment, metavar="TIME", help="2026-11-22T08:00+01:00, or 2h, 3d ago"
    )
    parser.set_defaults(run=_run)


def _moment(text: str) -> datetime:
    """An ISO time with offset, or so many minutes, hours or days ago."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}.get(text[-1:])
    if unit and text[:-1].isdigit():
        return datetime.now(UTC) - timedelta(**{unit: int(text[:-1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 2026-11-22T08:00+01:00 or 2h") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} needs an offset, as in {text}+01:00")
    return moment


def _run(arguments: argparse.Namespace) -> int:
    bindings = bindings_of(arguments.to, broker_definitions(deploy_folder()))
    if not bindings:
        raise Trouble(f"No events lead to a queue {arguments.to!r}; `amtstermin parking list` names the queues.")
    try:
        sent = asyncio.run(_republish_all(arguments.to, bindings, arguments.since))
    except PublishFailed as error:
        raise Trouble(f"RabbitMQ did not take the events ({error}); run the same command again.") from error
    print(f"{sent} events sent to {arguments.to}.")
    return 0


async def _republish_all(queue: str, bindings: list[tuple[str, str]], since: datetime) -> int:
    told, elsewhere = told_here(bindings) if queue.endswith(_REBUILD) else (bindings, [])
    progress = Progress("events")
    sent = await tell_again(queue, told, since=since, newest=queue.endswith(_REBUILD), progress=progress)
    progress.end()
    if elsewhere:
        print(f"Not told here: {', '.join(elsewhere)}; run the same where what tells it is installed.")
    return sent


def told_here(bindings: Sequence[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """The bindings whose exchange a service tells on that is installed here, and the other exchanges."""
    here, elsewhere = [], []
    for exchange, pattern in bindings:
        try:
            history_of(exchange)
        except Trouble:
            elsewhere.append(exchange)
        else:
            here.append((exchange, pattern))
    return here, sorted(set(elsewhere))


async def tell_again(
    queue: str, bindings: Sequence[tuple[str, str]], *, since: datetime, newest: bool, progress: Progress
) -> int:
    """How many were sent, confirmed; with `newest` the last event of each thing only. Raises PublishFailed."""
    publisher = Publisher(url=SecretStr(operator_amqp_url()), name="republish")
    await publisher.start()
    try:
        await publisher.wait_until_connected(within=timedelta(seconds=10))
        sent = 0
        for exchange, pattern in bindings:
            entries = history_of(exchange).told(exchange=exchange, since=since, newest=newest)
            before = sent
            sent += await republish(
                entries,
                queue=queue,
                pattern=pattern,
                publisher=publisher,
                progress=lambda number, before=before: progress.reach(before + number),  # type: ignore[misc]
            )
        return sent
    finally:
        await publisher.stop()


def history_of(exchange: str) -> Any:
    """The service that tells on `exchange`: its module `history` has EXCHANGES and told()."""
    services = importlib.import_module("services")
    for module in pkgutil.iter_modules(services.__path__):
        name = f"services.{module.name}.history"
        if importlib.util.find_spec(name):
            history = importlib.import_module(name)
            if exchange in history.EXCHANGES:
                return history
    raise Trouble(f"No service here tells on {exchange!r}: run this where that service is installed.")
