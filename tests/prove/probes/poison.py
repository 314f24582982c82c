"""What no handler can take: parked with its reason, and sent back by operators."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any

import httpx

from shared.messaging.consuming import ATTEMPT, RUNGS
from shared.setup import VHOST, broker_definitions, deploy_folder
from tests.e2e.test_survival_of_servers import amtstermin
from tests.prove.faults import probe
from tests.prove.probes.client import at_once
from tests.prove.probes.hearing import Logs, assert_mailed, wait_until_reporting_heard, wait_until_settled
from tests.prove.probes.invented import a_life, sequences_of
from tests.prove.probes.queues import count_parked, deliver, deliver_poison, park, parked, wait_until_parked
from tests.prove.world import World
from tests.waiting import eventually

_APPOINTMENTS, _CONTACTS, _FACTS = "notification.appointments", "notification.contacts", "reporting.appointments"
_ANSWERS = "booking.notifications"
_SHORT_TTL_MS = 200
_BEYOND_BSON = 10**30
_PARKED_CONTACTS, _PARKED_COPIES = 10, 15


@probe(18, "messages that are no events", expected="parked at the first attempt, the others flow")
def unreadable(world: World, chance: Random) -> str:
    """Seen to fail with unreadable messages acknowledged instead of parked."""
    life = a_life(world, chance, steps=2)
    _, requested = life.events
    bodies = _broken(requested.body())
    queues = (_APPOINTMENTS, _FACTS, _ANSWERS)
    ids = {queue: {f"{requested.id}-{queue}-{name}": body for name, body in bodies.items()} for queue in queues}
    logs = {queue: Logs(world, queue.partition(".")[0]) for queue in queues}
    for queue in queues:
        deliver_poison(world, queue, ids[queue])
    deliver(world, {_APPOINTMENTS: [requested], _CONTACTS: [life.contact], _FACTS: life.events})

    for queue in queues:
        for message in wait_until_parked(world, queue, list(ids[queue])):
            assert message.reason == "unreadable", f"{message.id} was parked as {message.reason}"
            assert message.body == ids[queue][message.id], f"{message.id} was parked with another body"
            assert ATTEMPT not in message.headers, f"{message.id} was tried again"
        tries = sum(logs[queue].count("event_parked", list(ids[queue])).values(), Counter[str]())
        assert tries == dict.fromkeys(ids[queue], 1), f"parked not once each: {dict(tries)}"
    logs[_APPOINTMENTS].wait_until_handled({requested.id: 1, life.contact.id: 1})
    wait_until_settled(world, [life])
    wait_until_reporting_heard(world, chance, [life])
    assert_mailed(world, [life], [requested])
    return f"{len(bodies)} kinds on {len(queues)} queues: all parked at once, what stood behind them went through"


def _broken(good: bytes) -> dict[str, bytes]:
    """By what is wrong with it."""
    document = json.loads(good)
    return {
        "empty": b"",
        "no-json": b"appointment requested, please",
        "cut-off": good[: len(good) // 2],
        "not-utf8": good.replace(b'"de"', b'"\xff\xfe\xfa"'),
        "nul": good + b"\x00",
        "deep": b"[" * 100_000 + b"]" * 100_000,
        "deep-object": b'{"data":' * 100_000 + b"1" + b"}" * 100_000,
        "list": b"[" + good + b"]",
        "number": b"1e400",
        "string": json.dumps(good.decode()).encode(),
        "no-data": json.dumps({**document, "data": None}).encode(),
        "wrong-type": json.dumps({**document, "sequence": {"$gt": 0}}).encode(),
        "no-person": json.dumps({**document, "data": {**document["data"], "persons": -1}}).encode(),
        "no-time": json.dumps({**document, "data": {**document["data"], "starts_at": "soon"}}).encode(),
        "two-things": good + good,
    }


@probe(
    19, "a handler that fails on one message", expected="tried as often as configured, then parked with its error"
)
def always_failing(world: World, chance: Random) -> str:
    """Seen to fail with a ladder of two rungs."""
    good, bad = a_life(world, chance, steps=1), a_life(world, chance, steps=1)
    document = json.loads(bad.newest.body())
    document["data"]["persons"] = _BEYOND_BSON
    logs = Logs(world, "reporting")
    with _short_ladder(world):
        deliver_poison(world, _FACTS, {bad.newest.id: json.dumps(document).encode()})
        deliver(world, {_FACTS: [good.newest]})
        (message,) = wait_until_parked(world, _FACTS, [bad.newest.id])
    wait_until_reporting_heard(world, chance, [good])

    failures = [line for name in logs.names for line in logs.lines("handler_failed", name)]
    attempts = sorted(line["attempt"] for line in failures if line["event_id"] == bad.newest.id)
    assert attempts == list(range(len(RUNGS) + 1)), f"tried as number {attempts}"
    assert message.headers[ATTEMPT] == len(RUNGS), f"parked after {message.headers[ATTEMPT]} retries"
    assert message.reason == "failed", f"parked as {message.reason}"
    assert "OverflowError" in message.error, f"parked with the error {message.error}"
    assert "OverflowError" in message.trace, "parked without its trace"
    # Whoever replays everything would send it up the whole ladder again, at its usual pace.
    amtstermin(world.stack, "parking", "discard", _FACTS, bad.newest.id, "--reason", "a probe")
    world.poisoned[_FACTS] -= 1
    return f"tried {len(attempts)} times, on each rung of the ladder once, then parked with error and trace"


@contextmanager
def _short_ladder(world: World) -> Iterator[None]:
    """Every rung of the ladder waits for a moment only; all else of the policies stays as deployed."""
    policies = broker_definitions(deploy_folder())["policies"]
    (deployed,) = (policy["definition"] for policy in policies if policy["name"] == f"retry.{RUNGS[0]}")
    short = json.dumps({**deployed, "message-ttl": _SHORT_TTL_MS})
    ctl = world.stack.rabbitmq.ctl
    ctl("set_policy", "-p", VHOST, "--priority", "10", "--apply-to", "queues", "short-ladder", r"^retry\.", short)
    try:
        yield
    finally:
        ctl("clear_policy", "-p", VHOST, "short-ladder")


@probe(
    20, "events of an unknown type or version", expected="parked as unsupported, no crash, a replay does nothing"
)
def unsupported(world: World, chance: Random) -> str:
    """Seen to fail with unsupported events acknowledged instead of parked."""
    life = a_life(world, chance, steps=4)
    held, requested, _, confirmed = life.events
    bodies = {
        requested.id: _renamed(requested.body(), "appointment.teleported.v1"),
        confirmed.id: _renamed(confirmed.body(), "appointment.confirmed.v2", visit={"from": "08:00"}),
        # Known to others, but not heard by notification.
        held.id: held.body(),
    }
    pids = {service.name: service.pid for service in world.of_kind("notification")}
    deliver_poison(world, _APPOINTMENTS, bodies)
    _assert_unsupported(world, bodies)

    told = amtstermin(world.stack, "parking", "replay", _APPOINTMENTS, *bodies)
    assert _sent_back(told) == len(bodies), f"the replay said: {told.splitlines()[-1]}"
    _assert_unsupported(world, bodies)
    assert sequences_of(world, [life])[life.id] == (0, 0), "a state was taken from an unsupported event"
    assert not wait_until_settled(world, [life]), "a message was planned for an unsupported event"
    assert pids == {service.name: service.pid for service in world.of_kind("notification")}, "a process ended"
    for service in world.of_kind("notification"):
        assert httpx.get(f"{service.url}/health/ready", timeout=10).status_code == 200, (
            f"{service.name} is not ready"
        )
    return f"{len(bodies)} events parked as unsupported; replayed, parked again, nothing stored, no process ended"


def _renamed(body: bytes, type: str, **data: Any) -> bytes:
    document = json.loads(body)
    return json.dumps({**document, "type": type, "data": {**document["data"], **data}}).encode()


def _assert_unsupported(world: World, bodies: Mapping[str, bytes]) -> None:
    for message in wait_until_parked(world, _APPOINTMENTS, list(bodies)):
        assert re.search(r"(unknown|unsupported) event type", message.error), f"parked with: {message.error}"
        assert message.type in message.error, f"the error does not name the type: {message.error}"


@probe(22, "parked events sent back twice, by two operators at once", expected="one effect, nothing lost")
def replayed(world: World, chance: Random) -> str:
    """Seen to fail with a replay that leaves its messages in the parking queue."""
    lives = [a_life(world, chance, steps=2) for _ in range(_PARKED_CONTACTS)]
    logs = Logs(world, "notification")
    deliver(world, {_APPOINTMENTS: [life.newest for life in lives]})
    logs.wait_until_handled({life.newest.id: 1 for life in lives})
    before = count_parked(world, [_CONTACTS])[_CONTACTS]
    bodies = {f"{life.contact.id}-{n}": life.contact.body() for life in lives for n in range(_PARKED_COPIES)}
    park(world, _CONTACTS, bodies)
    eventually(lambda: count_parked(world, [_CONTACTS])[_CONTACTS] == before + len(bodies), what="all parked")

    told = at_once([lambda: amtstermin(world.stack, "parking", "replay", _CONTACTS, "--all")] * 2)
    world.poisoned[_CONTACTS] -= len(bodies)
    audit = Counter(id for text in told for id in _replayed_ids(text))
    wrong = Counter(audit[id] for id in bodies if audit[id] != 1)
    assert not wrong, f"by the audit some were sent back not once, but (times: messages) {dict(wrong)}"
    sent = [_sent_back(text) for text in told]
    assert sum(sent) == before + len(bodies), f"two operators sent back {sent} of {before + len(bodies)}"
    logs.wait_until_handled({life.contact.id: _PARKED_COPIES for life in lives})
    again = at_once([lambda: amtstermin(world.stack, "parking", "replay", _CONTACTS, "--all")] * 2)
    assert not any(set(_replayed_ids(text)) & bodies.keys() for text in again), "a message came back"
    wait_until_settled(world, lives)
    left = [message.id for message in parked(world, _CONTACTS) if message.id in bodies]
    assert not left, f"still parked: {left}"
    assert_mailed(world, lives, [life.newest for life in lives])
    return (
        f"{_PARKED_COPIES} copies of {len(lives)} parked events, sent back by two operators at once "
        f"({sent[0]} and {sent[1]}), then once more: one mail each, nothing left"
    )


def _sent_back(told: str) -> int:
    found = re.search(r"^(\d+) sent back", told, re.MULTILINE)
    assert found, f"the replay said: {told}"
    return int(found[1])


def _replayed_ids(told: str) -> list[str]:
    """As the operator's log tells."""
    lines = (json.loads(line) for line in told.splitlines() if line.startswith("{"))
    return [line["message_id"] for line in lines if line["event"] == "parked_message_replayed"]
