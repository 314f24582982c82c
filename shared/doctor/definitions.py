"""Whether the broker's users, rights, policies and bindings are those of the file, as rabbitmqctl tells them."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from shared.doctor.findings import Finding, Level, well
from shared.doctor.rabbitmq import LOAD
from shared.setup import VHOST

Entries = dict[tuple[str, ...], tuple[str, ...]]

_ON_VHOST = ("-p", VHOST)
# How rabbitmqctl lists each kind; what in an entry names it, and what is compared.
_KINDS: dict[str, tuple[Sequence[str], Sequence[str], Sequence[str]]] = {
    "users": (("list_users",), ("user",), ("tags",)),
    "permissions": (("list_permissions", *_ON_VHOST), ("user",), ("configure", "write", "read")),
    "topic_permissions": (("list_topic_permissions", *_ON_VHOST), ("user", "exchange"), ("write", "read")),
    "policies": (("list_policies", *_ON_VHOST), ("name",), ("pattern", "apply-to", "definition")),
    "bindings": (
        ("list_bindings", *_ON_VHOST, "source_name", "destination_name", "routing_key"),
        ("source_name", "destination_name", "routing_key"),
        (),
    ),
}
_WORDS = {
    ("users", "user"): "name",
    ("bindings", "source_name"): "source",
    ("bindings", "destination_name"): "destination",
}
_SHOWN = 5


def examine_exported(text: str, *, wanted: dict[str, Any]) -> Iterator[Finding]:
    """`text` is what `rabbitmqctl export_definitions -` prints; of alarms it knows nothing."""
    if "{" not in text:
        do = "Does RabbitMQ run? `docker compose ps --all rabbitmq`; start it, then look again."
        yield Finding("definitions", Level.UNKNOWN, f"RabbitMQ gave none: {text.strip()!r:.120}", do)
        return
    try:
        exported = json.loads(text[text.index("{") :])
        wrong = [
            sentence
            for kind in _KINDS
            for sentence in _compared(kind, wanted[kind], map(_in_its_words(kind), _of_ours(exported[kind])))
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        do = "Give it what `rabbitmqctl -q export_definitions -` prints beside the broker."
        yield Finding("definitions", Level.UNKNOWN, f"these are no definitions: {error!s:.120}", do)
        return
    yield _judged(wrong)


def _of_ours(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry.get("vhost", VHOST) == VHOST]


def examine(ctl: Sequence[str], *, wanted: dict[str, Any]) -> Iterator[Finding]:
    """`ctl` is the command that runs rabbitmqctl beside the broker."""
    try:
        wrong = [sentence for kind in _KINDS for sentence in _differences(kind, wanted[kind], ctl)]
        status = json.loads(_run([*ctl, "-q", "status", "--formatter", "json"]))
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        do = "Let --rabbitmqctl say how to run it, as `docker compose exec -T rabbitmq rabbitmqctl`."
        yield Finding("definitions", Level.UNKNOWN, f"rabbitmqctl does not work here: {error!s:.120}", do)
        return
    yield _judged(wrong)
    yield _alarms(status)


def _judged(wrong: Sequence[str]) -> Finding:
    if not wrong:
        return well("definitions", "users, rights, bindings and policies are those of the file")
    said = f"{'; '.join(wrong[:_SHOWN])}{f' and {len(wrong) - _SHOWN} more' if len(wrong) > _SHOWN else ''}"
    return Finding("definitions", Level.CRITICAL, said, f"{LOAD} Take away what the file does not know.")


def _differences(kind: str, wanted: list[dict[str, Any]], ctl: Sequence[str]) -> Iterator[str]:
    command, _, _ = _KINDS[kind]
    yield from _compared(kind, wanted, json.loads(_run([*ctl, "-q", *command, "--formatter", "json"])))


def _compared(kind: str, wanted: list[dict[str, Any]], listed: Iterable[dict[str, Any]]) -> Iterator[str]:
    expected, found = _entries(kind, map(_in_its_words(kind), wanted)), _entries(kind, listed)
    for key in sorted(expected.keys() | found.keys()):
        name = f"{kind} {' '.join(key)}"
        if key not in found:
            yield f"{name}: missing"
        elif key not in expected:
            yield f"{name}: unknown to the file"
        elif expected[key] != found[key]:
            yield f"{name}: differs"


def _in_its_words(kind: str) -> Any:
    def said(entry: dict[str, Any]) -> dict[str, Any]:
        _, names, compared = _KINDS[kind]
        return {word: entry.get(_WORDS.get((kind, word), word)) for word in (*names, *compared)}

    return said


def _entries(kind: str, listed: Any) -> Entries:
    """A binding to the nameless exchange is the broker's own."""
    _, names, compared = _KINDS[kind]
    return {
        tuple(str(entry[name]) for name in names): tuple(_plain(entry[name]) for name in compared)
        for entry in listed
        if kind != "bindings" or entry["source_name"]
    }


def _plain(value: Any) -> str:
    """Policies come as JSON within JSON."""
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    return json.dumps(value, sort_keys=True)


def _alarms(status: dict[str, Any]) -> Finding:
    alarms = status.get("alarms") or []
    if not alarms:
        return well("alarms", "RabbitMQ has none")
    do = "Make room on its disk or give it memory: until then it takes no event, and bookings' events wait."
    return Finding("alarms", Level.CRITICAL, f"RabbitMQ has {len(alarms)}: {alarms!s:.120}", do)


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
