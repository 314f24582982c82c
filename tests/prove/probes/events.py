"""Events that come repeated, late, in the wrong order, or from another version of their publisher."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from shared.contracts import ContactErased, ErasedContact, Event, new_event
from tests.prove.faults import probe
from tests.prove.probes.hearing import (
    Logs,
    assert_mailed,
    assert_not_doubled,
    wait_until_reporting_heard,
    wait_until_settled,
)
from tests.prove.probes.invented import (
    TOLD_TO_NOTIFICATION,
    Life,
    a_life,
    counted_once,
    figures_of,
    mails_to,
    reference_of,
    sequences_of,
)
from tests.prove.probes.queues import count_parked, deliver
from tests.prove.world import World

_APPOINTMENTS, _CONTACTS, _FACTS = "notification.appointments", "notification.contacts", "reporting.appointments"
_COPIES = 50
_LIVES = 8
_OLD_APPOINTMENTS = 12

Bodies = Sequence[bytes | Event]


@probe(16, "the same event many times at once", expected="one effect")
def repeated(world: World, chance: Random) -> str:
    """Seen to fail with a delivery id that is new each time: a mail for every copy."""
    life = a_life(world, chance, steps=4, phone="+4915112345678", sms_consent=True)
    _, requested, _, confirmed = life.events
    logs = Logs(world, "notification")

    deliver(world, _copied({_APPOINTMENTS: [requested], _CONTACTS: [life.contact], _FACTS: life.events[:2]}))
    logs.wait_until_handled({requested.id: _COPIES, life.contact.id: _COPIES})
    wait_until_settled(world, [life])
    deliver(world, _copied({_APPOINTMENTS: [confirmed], _FACTS: [confirmed]}))
    handled = logs.wait_until_handled({confirmed.id: _COPIES})
    wait_until_settled(world, [life])
    wait_until_reporting_heard(world, chance, [life])

    shares = {name: counts[confirmed.id] for name, counts in handled.items()}
    assert all(shares.values()), f"not every process heard a copy of the confirmation: {shares}"
    assert_mailed(world, [life], [requested, confirmed])
    texts = {taken.reference for taken in world.gateway.taken if taken.reference.startswith(confirmed.id)}
    assert len(texts) == 1, f"{len(texts)} text messages for one confirmation"
    figures = figures_of(world, [life])[life.id]
    assert figures == counted_once(life), f"one appointment counted as {figures}"
    return (
        f"{_COPIES} copies of 4 events to {len(shares)} processes each: "
        "one mail for each of two, one text message, one appointment in the figures"
    )


def _copied(events: Mapping[str, Sequence[Event]]) -> dict[str, Bodies]:
    return {queue: [event for event in some for _ in range(_COPIES)] for queue, some in events.items()}


@dataclass(frozen=True, slots=True)
class _Old:
    """What real appointments have told before: event id → body, `heard` what notification hears of it.

    `newest` is the sequence of each; `ended` are their deliveries that have ended, as mails and texts name them.
    """

    newest: Mapping[str, int]
    bodies: Mapping[str, bytes]
    heard: Mapping[str, bytes]
    ended: frozenset[str]


@probe(17, "events out of order, with gaps, long after", expected="the newest state, whatever the order")
def shuffled(world: World, chance: Random) -> str:
    """Seen to fail without the sequence guard of reporting (an older state known), without the contradiction rule
    of notification (mails for what was over), and without the tombstone of an erased contact.
    """
    lives, forgotten = [a_life(world, chance) for _ in range(_LIVES)], a_life(world, chance, steps=4)
    # Half of them begin with their end: nothing that comes later may be sent any more.
    ended, everybody = lives[: _LIVES // 2], [*lives, forgotten]
    _begin_with_the_end(world, ended, forgotten)
    old = _old_events(world, chance)
    mails_before = _mails_by_delivery(world)

    told = [event for life in everybody for event in _with_a_gap(life, chance)]
    heard = [event for event in told if isinstance(event, TOLD_TO_NOTIFICATION)]
    logs = Logs(world, "notification")
    bodies: dict[str, Bodies] = {
        _APPOINTMENTS: [*heard * 3, *old.heard.values(), *old.heard.values()],
        _FACTS: [*told * 3, *old.bodies.values(), *old.bodies.values()],
        _CONTACTS: [life.contact for life in everybody] * 2,
    }
    deliver(world, {queue: chance.sample(some, k=len(some)) for queue, some in bodies.items()})
    logs.wait_until_handled({**{event.id: 3 for event in heard}, **dict.fromkeys(old.heard, 2)})
    logs.wait_until_handled({life.contact.id: 2 for life in everybody})
    wait_until_settled(world, everybody)
    wait_until_reporting_heard(world, chance, everybody)

    _assert_newest(world, lives, ended)
    assert not mails_to(world, [forgotten]), "a contact came back after it was erased, and had a mail"
    _assert_unchanged(world, old, mails_before)
    return (
        f"{len(told) * 3} events of {len(everybody)} appointments in random order, {len(old.bodies) * 2} old ones "
        f"of {len(old.newest)} real ones again: all converged, no mail for what was over or to who was erased"
    )


def _begin_with_the_end(world: World, ended: Sequence[Life], forgotten: Life) -> None:
    erased = new_event(
        ContactErased,
        subject=forgotten.id,
        sequence=forgotten.newest.sequence,
        data=ErasedContact(appointment=forgotten.id),
        time=forgotten.newest.time,
    )
    logs = Logs(world, "notification")
    deliver(world, {_APPOINTMENTS: [life.newest for life in ended], _CONTACTS: [erased]})
    logs.wait_until_handled({erased.id: 1, **{life.newest.id: 1 for life in ended}})


def _with_a_gap(life: Life, chance: Random) -> list[Event]:
    """All events of a life but one, which is never the newest."""
    lost = chance.randrange(len(life.events) - 1)
    return [event for number, event in enumerate(life.events) if number != lost]


def _assert_newest(world: World, lives: Sequence[Life], ended: Sequence[Life]) -> None:
    _assert_taken_in(world, lives)
    mails = mails_to(world, lives)
    assert_not_doubled(world, lives)
    missing = [life.id for life in lives if not mails[life.mail_of(life.newest)]]
    assert not missing, f"the mail of the newest state is missing: {missing}"
    contradicted = {life.mail_of(e) for life in ended for e in life.heard if e is not life.newest} & mails.keys()
    assert not contradicted, f"{len(contradicted)} mails sent although a newer state was known"


def _assert_taken_in(world: World, lives: Sequence[Life]) -> None:
    """Notification and reporting know the newest state, and the figures show each life once."""
    sequences, figures = sequences_of(world, lives), figures_of(world, lives)
    for life in lives:
        last, known = life.newest.sequence, sequences[life.id]
        assert known == (last, last), f"of state {last} notification and reporting know {known}"
        assert figures[life.id] == counted_once(life), f"one appointment counted as {figures[life.id]}"


def _old_events(world: World, chance: Random) -> _Old:
    """Of real appointments about which nothing is on its way."""
    with world.auditor() as client:
        quiet = {"outbox.0": {"$exists": False}, "version": {"$gte": 3}}
        found = list(client["booking"]["appointments"].find(quiet, {"history": 1}, sort=[("_id", 1)]).limit(500))
        chosen = chance.sample(found, k=min(_OLD_APPOINTMENTS, len(found)))
        over = {"appointment": {"$in": [document["_id"] for document in chosen]}, "status": {"$ne": "due"}}
        deliveries = client["notification"]["deliveries"].distinct("_id", over)
    entries = [
        entry for document in chosen for entry in document["history"] if entry["exchange"] == "appointments"
    ]
    types = {kind.model_fields["type"].default for kind in TOLD_TO_NOTIFICATION}
    return _Old(
        newest={document["_id"]: max(e["sequence"] for e in document["history"]) for document in chosen},
        bodies={entry["id"]: entry["body"].encode() for entry in entries},
        heard={entry["id"]: entry["body"].encode() for entry in entries if entry["type"] in types},
        ended=frozenset(id if id.endswith(":sms") else reference_of(id) for id in deliveries),
    )


def _assert_unchanged(world: World, old: _Old, mails_before: Counter[str]) -> None:
    mails = _mails_by_delivery(world)
    again = [id for id in old.ended if mails[id] != mails_before[id]]
    assert not again, f"an old event had a message sent once more: {again}"
    with world.auditor() as client:
        facts = client["reporting"]["appointments"].find({"_id": {"$in": list(old.newest)}}, {"sequence": 1})
        known = {fact["_id"]: fact["sequence"] for fact in facts}
    older = [id for id, sequence in old.newest.items() if known.get(id, 0) < sequence]
    assert not older, f"reporting fell back to an older state of {older}"


def _mails_by_delivery(world: World) -> Counter[str]:
    return Counter(taken.reference for taken in (*world.mail.taken, *world.gateway.taken))


@probe(21, "old and new versions side by side", expected="both understand what the other adds or does not know")
def mixed_versions(world: World, chance: Random) -> str:
    """Seen to fail with an envelope that forbids unknown fields."""
    lives = [a_life(world, chance, steps=4) for _ in range(_LIVES)]
    logs = Logs(world, "notification")
    queues = (_APPOINTMENTS, _CONTACTS, _FACTS)
    parked_before = count_parked(world, queues)

    # Of one appointment, every second event comes from the newer version, of the next the others.
    newer = {event.id for number, life in enumerate(lives) for event in life.events[number % 2 :: 2]}
    told = {event.id: _as_told(event, newer=event.id in newer) for life in lives for event in life.events}
    contacts = [_as_told(life.contact, newer=number % 2 == 0) for number, life in enumerate(lives)]
    heard = [event.id for life in lives for event in life.heard]
    deliver(
        world,
        {_APPOINTMENTS: [told[id] for id in heard], _FACTS: list(told.values()), _CONTACTS: contacts},
    )
    handled = logs.wait_until_handled(dict.fromkeys([*heard, *(life.contact.id for life in lives)], 1))
    wait_until_settled(world, lives)
    wait_until_reporting_heard(world, chance, lives)

    shares = {name: (len(counts.keys() & newer), len(counts.keys() - newer)) for name, counts in handled.items()}
    assert all(all(share) for share in shares.values()), f"one process heard one version only (new, old): {shares}"
    parked = count_parked(world, queues)
    assert parked == parked_before, f"what another version told was parked: {parked}"
    _assert_taken_in(world, lives)
    mails = mails_to(world, lives)
    missing = [life.id for life in lives if not mails[life.mail_of(life.newest)]]
    assert not missing, f"confirmations are missing: {missing}"
    assert_not_doubled(world, lives)
    return (
        f"{len(told) + len(contacts)} events, half with fields nobody knows, half without optional ones: all used"
    )


def _as_told(event: Event, *, newer: bool) -> bytes:
    """As a newer publisher would tell it, or an older one from before the optional fields."""
    document: dict[str, Any] = json.loads(event.body())
    data = document["data"]
    if newer:
        document |= {"dataschema": "urn:example:appointment:2", "priority": {"level": 1, "why": ["urgent"]}}
        data |= {"waiting_room": "B", "interpreter": {"language": "ti", "booked": True}, "tags": [1, None, "x"]}
        data["steps"] = [{**step, "by": "staff"} for step in data.get("steps", [])]
    else:
        for name in ("language", "reschedules", "previous_starts_at", "given_name", "phone", "sms_consent"):
            if event.type.startswith("appointment.") or name != "language":
                data.pop(name, None)
        del document["traceparent"]
    return json.dumps(document).encode()
