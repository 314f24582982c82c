"""What is known of the time between the backup and the loss, from whatever has survived it.

Asked before anything is replaced: the databases as they are, and the messages that wait in the broker. Nothing of
it is personal: it is what reporting may know, and what events carry.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aio_pika.exceptions import AMQPError
from pymongo import MongoClient

Client = MongoClient[dict[str, Any]]
Document = dict[str, Any]

_ERASED = ("contact.erased.v1", "appointment.anonymised.v1")
_TIMEOUT = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest that somebody knew of an appointment."""

    appointment: str
    office: str
    service: str
    starts_at: datetime
    version: int
    status: str
    by: str


@dataclass(slots=True)
class Survivors:
    """`asked` are the sources that could say anything, by name; `away` those that could not, and why."""

    seen: dict[str, Seen] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)

    def add(self, seen: Seen) -> None:
        known = self.seen.get(seen.appointment)
        if known is None or (known.version, known.status == "") < (seen.version, seen.status == ""):
            self.seen[seen.appointment] = seen


class StillRunning(Exception):
    """Somebody consumes from these queues."""


def from_databases(client: Client, *, since: datetime) -> Survivors:
    """What services' databases know of appointments that changed at or after `since`."""
    found = Survivors()
    for name, look in (
        ("booking", _of_booking),
        ("notification", _of_notification),
        (_live_figures(client), _of_reporting),
    ):
        if client[name]["appointments"].find_one({}, {"_id": 1}) is None:
            found.away.append(f"the database {name} is empty")
            continue
        found.asked.append(f"the database {name}")
        for seen in look(client, since):
            found.add(seen)
    _erased(client, found, since)
    return found


def _of_booking(client: Client, since: datetime) -> Iterator[Seen]:
    fields = dict.fromkeys(("office", "service", "starts_at", "version", "status"), 1)
    for document in client["booking"]["appointments"].find({"history.at": {"$gte": since}}, fields):
        yield _seen(document["_id"], document, document["version"], document["status"], "booking")


def _of_notification(client: Client, since: datetime) -> Iterator[Seen]:
    for document in client["notification"]["appointments"].find({"data.steps.at": {"$gte": since}}):
        data = document["data"]
        yield _seen(document["_id"], data, document["sequence"], data["status"], "notification")


def _of_reporting(client: Client, since: datetime) -> Iterator[Seen]:
    """Facts have steps, no status."""
    for document in client[_live_figures(client)]["appointments"].find({}, {"fact": 1, "sequence": 1}):
        fact = document["fact"]
        if any(step[1] >= since for step in fact["steps"]):
            yield _seen(document["_id"], fact, document["sequence"], fact["steps"][-1][0], "reporting")


def _live_figures(client: Client) -> str:
    """Reporting's facts stand in one of two databases, as its pointer says."""
    pointer = client["reporting"]["generations"].find_one({"_id": "live"})
    return str(pointer["live"]) if pointer else "reporting"


def _erased(client: Client, found: Survivors, since: datetime) -> None:
    gone = client["booking"]["appointments"].find({"anonymised_at": {"$gte": since}}, {"_id": 1})
    found.erased.update(document["_id"] for document in gone)
    told = client["notification"]["contacts"].find({"erased": True}, {"_id": 1})
    found.erased.update(document["_id"] for document in told)


async def from_broker(url: str, queues: Iterable[str], into: Survivors) -> int:
    """Empties `queues`, whose messages are of a time that is no more, after reading what they say; how many.

    Raises StillRunning, with nothing taken, where somebody consumes.
    """
    try:
        connection = await aio_pika.connect(url, timeout=_TIMEOUT)
    except (OSError, AMQPError, TimeoutError) as error:
        into.away.append(f"RabbitMQ does not answer ({type(error).__name__})")
        return 0
    async with connection:
        channel = await connection.channel()
        declared = [await channel.declare_queue(queue, passive=True) for queue in queues]
        busy = [queue.name for queue in declared if queue.declaration_result.consumer_count]
        if busy:
            raise StillRunning(", ".join(busy))
        taken = 0
        for queue in declared:
            while message := await queue.get(no_ack=True, fail=False, timeout=_TIMEOUT):
                taken += 1
                _read(message.body, into)
        if taken:
            into.asked.append("the queues of RabbitMQ")
        else:
            into.away.append("no message waits in RabbitMQ")
        return taken


def _read(body: bytes, into: Survivors) -> None:
    # Whatever cannot be read is no worse than what was lost.
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        event = json.loads(body)
        if event["type"] in _ERASED:
            into.erased.add(event["subject"])
        if event["type"].startswith("appointment."):
            data = event["data"] | {"starts_at": datetime.fromisoformat(event["data"]["starts_at"])}
            into.add(_seen(event["subject"], data, int(event["sequence"]), data["status"], "a message"))


def _seen(id: str, of: Document, version: int, status: str, by: str) -> Seen:
    return Seen(id, of["office"], of["service"], of["starts_at"].astimezone(UTC), version, status, by)
