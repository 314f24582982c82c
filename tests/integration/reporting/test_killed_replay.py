"""Reporting is killed at random points while it takes a long replay, and no figure differs.

The suite plays a few thousand events; AMTSTERMIN_REPLAY_EVENTS=100000 makes it the long run. Safeguard that was
removed to see it fail: the acknowledgement after the write (`Consumers._receiver`, `finish` before `_handle`).
"""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from deploy.local.stack import Service, Stack
from services.reporting.settings import Settings
from services.reporting.storage import Figures
from shared.contracts import parse_event
from shared.messaging import Publisher
from shared.mongo import Database, connect
from shared.outbox import outbox_entry
from shared.republish import send_to
from tests.integration.reporting.harness import EVER, told_of
from tests.integration.reporting.stories import Wire, body, office_life, recount

pytestmark = pytest.mark.anyio

_EVENTS = int(os.environ.get("AMTSTERMIN_REPLAY_EVENTS", "3000"))
_KILLS = 3 if _EVENTS < 50_000 else 12
# Of one made-up appointment with its messages.
_EVENTS_EACH = 6
_QUEUE = {"appointment": "reporting.appointments", "demand": "reporting.appointments"}
_FACTS = ("appointments", "messages", "demand", "capacity", "free_times")


@pytest.fixture
def replaying(servers: Stack) -> Iterator[tuple[Service, Settings]]:
    """A process of reporting with a database of its own."""
    uri, name = servers.secret("admin_mongodb_uri"), f"reporting_{uuid4().hex[:8]}"
    environment = {"REPORTING_MONGODB_URI": uri, "REPORTING_MONGODB_DATABASE": name}
    service = servers.start_service("reporting", name="replaying", environment=environment)
    amqp = SecretStr(servers.secret("reporting_amqp_url"))
    yield service, Settings(mongodb_uri=SecretStr(uri), mongodb_database=name, amqp_url=amqp)
    service.stop()


async def test_killed_again_and_again_no_figure_differs(
    replaying: tuple[Service, Settings], servers: Stack
) -> None:
    service, settings = replaying
    chance = random.Random(_EVENTS)  # noqa: S311
    events = office_life(11, appointments=_EVENTS // _EVENTS_EACH)
    chance.shuffle(events)
    subjects = len({event["subject"] for event in events})
    client = connect(settings)
    facts = client[settings.mongodb_database]
    points = sorted(chance.uniform(0.02, 0.95) for _ in range(_KILLS))

    await publish(servers, events)
    began = time.monotonic()
    for point in points:
        await _until_applied(facts, round(point * subjects))
        await asyncio.to_thread(service.kill)
        await asyncio.to_thread(service.start)
    await _until_applied(facts, subjects)
    await _until_shown(Figures(facts), events)

    print(f"{len(events):,} events, killed {len(points)} times, {time.monotonic() - began:.0f} s")
    await client.drop_database(settings.mongodb_database)
    client.close()


async def publish(servers: Stack, events: list[Wire]) -> None:
    publisher = Publisher(url=SecretStr(servers.secret("operator_amqp_url")), name="replay")
    await publisher.start()
    try:
        await publisher.wait_until_connected(within=timedelta(seconds=10))
        for start in range(0, len(events), 500):
            by_queue: dict[str, list[Wire]] = {}
            for event in events[start : start + 500]:
                by_queue.setdefault(_queue_of(event), []).append(event)
            for queue, some in by_queue.items():
                await send_to(queue, [outbox_entry(parse_event(body(event))) for event in some], publisher)
    finally:
        await publisher.stop()


def _queue_of(event: Wire) -> str:
    kind = event["type"].split(".")[0]
    return _QUEUE.get(kind, "reporting.notifications" if kind == "notification" else "reporting.offices")


async def _until_applied(database: Database, number: int) -> None:
    deadline = time.monotonic() + 60 + _EVENTS / 50
    while sum([await database[kind].count_documents({}) for kind in _FACTS]) < number:
        assert time.monotonic() < deadline, f"not {number} facts"
        await asyncio.sleep(0.05)


async def _until_shown(figures: Figures, events: list[Wire]) -> None:
    """The last events of known subjects may still come, and figures follow a moment later."""
    wanted, deadline = recount(events), time.monotonic() + 60 + _EVENTS / 50
    while (shown := told_of(await figures.rows(EVER))) != wanted:
        assert time.monotonic() < deadline, {k for k in shown | wanted if shown.get(k) != wanted.get(k)}
        await asyncio.sleep(0.3)
