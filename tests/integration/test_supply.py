"""Each day's plan and each hour's free times are told once by all processes, and anew when they change."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.booking.domain.rules import Closure
from services.booking.domain.supply import planned_days
from services.booking.storage import Publications
from services.booking.storage.offices import OfficeStore
from services.booking.supplying import Supplying
from shared.messaging import Publisher
from shared.outbox import Relay
from tests.integration.booking_harness import Desk, a_desk, is_fresh

pytestmark = pytest.mark.anyio
ID = "zollernalbkreis"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(servers: Stack) -> AsyncIterator[Desk]:
    async with a_desk(servers) as desk:
        await desk.booking.offices.start()  # type: ignore[attr-defined]
        yield desk
        await desk.booking.offices.stop()  # type: ignore[attr-defined]


def a_process(desk: Desk) -> Supplying:
    relay = Relay(publisher=_nobody(), collections=[desk.database["capacity"]], clock=desk.clock)
    return Supplying(
        Publications(desk.database, relay=relay),
        offices=desk.booking.offices,  # type: ignore[arg-type]
        memory=desk.booking.memory,
        clock=desk.clock,
        every=timedelta(hours=1),
    )


def _nobody() -> Publisher:
    return Publisher(url=SecretStr("amqp://nobody@127.0.0.1:1"), name="none")


async def told(desk: Desk, collection: str) -> dict[str, list[dict[str, Any]]]:
    """The events of each document, oldest first."""
    found = {}
    async for document in desk.database[collection].find():
        found[document["_id"]] = [json.loads(entry["body"]) for entry in document["outbox"]]
    return found


async def test_processes_together_tell_each_plan_and_hour_once(desk: Desk) -> None:
    """Seen to fail with the version left out of the write's filter."""
    await asyncio.gather(*(a_process(desk).tell() for _ in range(4)))
    plans = await told(desk, "capacity")
    days = [day.isoformat() for day in planned_days(desk.office, now=desk.clock.now())]
    assert sorted(plans) == [f"{ID}|{day}" for day in days]
    assert [len(events) for events in plans.values()] == [1] * len(days)
    hours = await told(desk, "free_times")
    assert [len(events) for events in hours.values()] == [1]


async def test_next_hour_is_told_and_the_plan_is_not_told_again(desk: Desk) -> None:
    process = a_process(desk)
    await process.tell()
    plans = await told(desk, "capacity")
    desk.clock.ahead += timedelta(hours=1)
    await is_fresh(desk)
    await process.tell()
    await a_process(desk).tell()
    assert len(await told(desk, "free_times")) == 2
    after = await told(desk, "capacity")
    assert {id: events for id, events in after.items() if id in plans} == plans


async def test_closure_tells_its_day_anew_and_no_other(desk: Desk) -> None:
    process = a_process(desk)
    await process.tell()
    day = await close(desk)
    await process.tell()
    plans = await told(desk, "capacity")
    assert {id for id, events in plans.items() if len(events) > 1} == {f"{ID}|{day}"}
    first, second = plans[f"{ID}|{day}"]
    assert (first["sequence"], second["sequence"]) == ("1", "2")
    assert first["data"]["teams"]
    assert second["data"]["teams"] == []


async def test_plan_by_older_rules_does_not_replace_a_newer_one(desk: Desk) -> None:
    """A process that has not heard of a change for a moment. Seen to fail without the office's version."""
    behind = a_process(desk)
    old = desk.booking.offices[ID]
    await close(desk)
    await a_process(desk).tell()
    before = await told(desk, "capacity")
    await behind._tell_plan(old)
    assert await told(desk, "capacity") == before


async def close(desk: Desk) -> date:
    """A day of next week."""
    office = desk.booking.offices[ID]
    today = desk.clock.now().astimezone(office.zone).date()
    day = next(d for d in planned_days(office, now=desk.clock.now()) if d > today and office.is_open(d))
    closure = Closure.model_validate(
        {"from": day.isoformat(), "until": (day + timedelta(days=1)).isoformat(), "reason": {"de": "Umzug"}}
    )
    stored = await OfficeStore(desk.database).get(ID)
    assert stored
    data = stored.data.model_copy(update={"closures": (*stored.data.closures, closure)})
    offices: Any = desk.booking.offices
    await offices.save(data, actor="test", expected_version=stored.version)
    return day
