"""The broker: who listens, what is parked, and whether its users, rights and policies are those of the file."""

import asyncio
import json
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import aio_pika
from aio_pika.exceptions import AMQPError, ChannelClosed

from shared.doctor.findings import Finding, Level, well

_TIMEOUT = 10
_LOAD = "Load deploy/rabbitmq/definitions.json: `rabbitmqctl import_definitions`."
# What of an entry says which one it is; all else is compared.
_NAMES = {
    "users": ("name",),
    "permissions": ("user", "vhost"),
    "topic_permissions": ("user", "vhost", "exchange"),
    "exchanges": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination", "routing_key"),
    "policies": ("vhost", "name"),
}
_COMPARED = {
    "users": ("tags",),
    "permissions": ("configure", "write", "read"),
    "topic_permissions": ("write", "read"),
    "exchanges": ("type", "durable"),
    "queues": ("durable", "arguments"),
    "bindings": (),
    "policies": ("pattern", "definition"),
}


def examine(url: str, *, definitions: dict[str, Any], ctl: Sequence[str]) -> Iterator[Finding]:
    """`ctl` is the command that runs rabbitmqctl beside the broker; empty where there is none."""
    try:
        queues = asyncio.run(_queues(url, [queue["name"] for queue in definitions["queues"]]))
    except (OSError, AMQPError, TimeoutError) as error:
        do = "Look whether RabbitMQ runs (its log), and whether these are its secrets."
        yield Finding("rabbitmq", Level.CRITICAL, f"does not answer: {type(error).__name__}", do)
        return
    yield well("rabbitmq", "answers")
    yield _missing(queues)
    yield _consumers(queues)
    yield _parked(queues)
    yield from _by_ctl(definitions, ctl)


async def _queues(url: str, names: Sequence[str]) -> dict[str, tuple[int, int] | None]:
    """Messages and consumers by queue; None where it is missing."""
    found: dict[str, tuple[int, int] | None] = {}
    connection = await aio_pika.connect(url, timeout=_TIMEOUT)
    async with connection:
        for name in names:
            try:
                async with connection.channel() as channel:
                    declared = (await channel.declare_queue(name, passive=True)).declaration_result
                    found[name] = declared.message_count or 0, declared.consumer_count or 0
            except ChannelClosed:
                found[name] = None
    return found


def _missing(queues: dict[str, tuple[int, int] | None]) -> Finding:
    missing = [name for name, found in queues.items() if found is None]
    if missing:
        return Finding(
            "queues", Level.CRITICAL, f"missing: {', '.join(missing)}", f"{_LOAD} Then republish to them."
        )
    return well("queues", f"all {len(queues)} are there")


def _consumers(queues: dict[str, tuple[int, int] | None]) -> Finding:
    """Retries wait for their time, and what is parked waits for a person: nobody listens to these."""
    work = {n: q for n, q in queues.items() if q and not n.startswith("retry.") and not n.endswith(".parking")}
    silent = [f"{name} ({found[0]} waiting)" for name, found in work.items() if not found[1]]
    if not silent:
        return well("consumers", f"every one of {len(work)} queues is listened to")
    services = sorted({name.split(".")[0] for name in silent})
    do = f"Start {', '.join(services)}, or look into the log for `consumer`."
    return Finding("consumers", Level.CRITICAL, f"nobody listens to {', '.join(silent)}", do)


def _parked(queues: dict[str, tuple[int, int] | None]) -> Finding:
    parked = {n: q[0] for n, q in queues.items() if q and n.endswith(".parking") and q[0]}
    if not parked:
        return well("parked", "no message is parked")
    said = ", ".join(f"{count} for {name.removesuffix('.parking')}" for name, count in parked.items())
    do = "`amtstermin parking list QUEUE` says why; then replay or discard."
    return Finding("parked", Level.WARNING, said, do)


def _by_ctl(definitions: dict[str, Any], ctl: Sequence[str]) -> Iterator[Finding]:
    try:
        loaded = json.loads(_run([*ctl, "-q", "export_definitions", "-"]))
        status = json.loads(_run([*ctl, "-q", "status", "--formatter", "json"]))
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        do = "Let --rabbitmqctl say how to run it, as `docker compose exec -T rabbitmq rabbitmqctl`."
        yield Finding("definitions", Level.UNKNOWN, f"rabbitmqctl does not work here: {error!s:.120}", do)
        return
    yield _definitions(definitions, loaded)
    yield _alarms(status)


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def _definitions(wanted: dict[str, Any], loaded: dict[str, Any]) -> Finding:
    wrong = [sentence for kind in _NAMES for sentence in _differences(kind, wanted, loaded)]
    if not wrong:
        return well("definitions", "users, rights, queues, bindings and policies are those of the file")
    said = f"{'; '.join(wrong[:5])}{f' and {len(wrong) - 5} more' if len(wrong) > 5 else ''}"
    return Finding("definitions", Level.CRITICAL, said, f"{_LOAD} Take away what the file does not know.")


def _differences(kind: str, wanted: dict[str, Any], loaded: dict[str, Any]) -> Iterator[str]:
    expected, found = _entries(kind, wanted), _entries(kind, loaded)
    for key in sorted(expected.keys() | found.keys()):
        name = f"{kind} {' '.join(part for part in key if part not in ('amtstermin', ''))}"
        if key not in found:
            yield f"{name}: missing"
        elif key not in expected:
            yield f"{name}: unknown to the file"
        elif expected[key] != found[key]:
            yield f"{name}: differs"


def _entries(kind: str, definitions: dict[str, Any]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Each binding to the nameless exchange is the broker's own."""
    return {
        tuple(str(entry.get(name, "")) for name in _NAMES[kind]): tuple(
            json.dumps(entry.get(name), sort_keys=True) for name in _COMPARED[kind]
        )
        for entry in definitions.get(kind, [])
        if kind != "bindings" or entry["source"]
    }


def _alarms(status: dict[str, Any]) -> Finding:
    alarms = status.get("alarms") or []
    if not alarms:
        return well("alarms", "RabbitMQ has none")
    do = "Make room on its disk or give it memory: until then it takes no event, and bookings' events wait."
    return Finding("alarms", Level.CRITICAL, f"RabbitMQ has {len(alarms)}: {alarms!s:.120}", do)
