"""Staff are told the day's list and new conflicts, once, however many processes of booking run."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.booking.commands import Counter, Planning
from services.booking.offices import Offices
from services.booking.staff_lists import ListTelling
from services.booking.storage import StaffLists
from services.booking.storage.offices import OfficeStore
from shared.contracts import Event, OfficeConflictsFound, OfficeDayPlanned, parse_event
from shared.messaging import Publisher
from shared.outbox import Relay
from tests.integration.booking_harness import KEYS
from tests.integration.office_harness import AtWork, Colleague, O, an_office_at_work

pytestmark = pytest.mark.anyio
PROCESSES = 6
SITE = "https://termine.example/"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


def a_process(work: AtWork) -> ListTelling:
    desk = work.desk
    assert isinstance(desk.booking.offices, Offices)
    # Never started: events stay in the outbox, where a test can look at them.
    publisher = Publisher(url=SecretStr("amqp://nobody@127.0.0.1:1/none"), name="none")
    relay = Relay(publisher=publisher, collections=[desk.database["staff_lists"]], clock=desk.clock)
    planning = Planning(
        desk.booking, Counter(desk.booking), desk.booking.offices, OfficeStore(desk.database), KEYS
    )
    return ListTelling(planning, StaffLists(desk.database, relay=relay), site=SITE, every=timedelta(hours=1))


async def told(work: AtWork) -> list[Event]:
    """Of this office, in the order of their sequence."""
    found = [
        parse_event(entry["body"].encode())
        async for document in work.desk.database["staff_lists"].find()
        for entry in document["outbox"]
    ]
    own = [event for event in found if event.subject.startswith("zollernalbkreis|")]
    return sorted(own, key=lambda event: event.sequence)


async def all_look(processes: list[ListTelling]) -> None:
    await asyncio.gather(*(process.tell() for process in processes))


async def test_a_day_is_told_once_by_whichever_process_is_first(work: AtWork) -> None:
    """Seen to fail with an upsert that sets instead of setting on insert."""
    desk = await work.colleague("service_point")
    late, early = await work.booked(desk, "10:00", days=1), await work.booked(desk, "09:00", days=1)
    processes = [a_process(work) for _ in range(PROCESSES)]
    work.it_is("06:29", days=1)
    await all_look(processes)
    assert [e for e in await told(work) if isinstance(e, OfficeDayPlanned)] == []

    work.it_is("06:30", days=1)
    await all_look(processes)
    await all_look([*processes, a_process(work)])

    (event,) = [e for e in await told(work) if isinstance(e, OfficeDayPlanned)]
    assert [visit.code for visit in event.data.visits] == [early["code"], late["code"]]
    assert event.data.url == "https://termine.example/staff/today"
    assert "ztürk" not in event.body().decode()


async def test_the_next_day_is_told_anew_and_a_closed_one_is_not(work: AtWork) -> None:
    process = a_process(work)
    for days in range(7):
        work.it_is("07:00", days=days)
        await process.tell()
    told_days = [e.data.day for e in await told(work) if isinstance(e, OfficeDayPlanned)]
    open_days = [d for d in (work.day.date() + timedelta(days=n) for n in range(7)) if work.desk.office.is_open(d)]
    assert sorted(told_days) == open_days
    assert 1 < len(open_days) < 7


async def close(work: AtWork, lead: Colleague, start: str, end: str) -> None:
    begin, until = (
        work.at(wall, days=1).astimezone(work.day.tzinfo).replace(tzinfo=None) for wall in (start, end)
    )
    body: dict[str, Any] = {"reason": {"de": "Wasserschaden"}}
    await lead.post(f"{O}/closures", {"from": begin.isoformat(), "until": until.isoformat(), **body})


async def test_conflicts_that_stay_are_told_once_and_new_ones_anew(work: AtWork) -> None:
    """Seen to fail with a version of the document that is not compared."""
    lead = await work.colleague("lead")
    first, second = await work.booked(lead, "09:00", days=1), await work.booked(lead, "11:00", days=1)
    processes = [a_process(work) for _ in range(PROCESSES)]
    await close(work, lead, "08:30", "10:00")
    await all_look(processes)
    assert [e for e in await told(work) if isinstance(e, OfficeConflictsFound)] == []

    work.it_is("08:50")
    await all_look(processes)
    await all_look([*processes, a_process(work)])
    (event,) = [e for e in await told(work) if isinstance(e, OfficeConflictsFound)]
    assert [(v.code, v.reason) for v in event.data.visits] == [(first["code"], "closed")]
    assert (event.data.new, "ztürk" in json.dumps(event.model_dump(mode="json"))) == (1, False)

    await close(work, lead, "10:30", "12:00")
    work.it_is("09:10")
    await all_look(processes)
    _, again = [e for e in await told(work) if isinstance(e, OfficeConflictsFound)]
    assert [v.code for v in again.data.visits] == [first["code"], second["code"]]
    assert again.data.new == 1


async def test_who_plans_anew_at_once_gets_no_mail(work: AtWork) -> None:
    lead = await work.colleague("lead")
    inside = await work.booked(lead, "09:00", days=1)
    await close(work, lead, "08:30", "10:00")
    await lead.post(f"{O}/replan", {"appointments": [inside["id"]], "how": "move", "reason": "closure"})
    work.it_is("09:10")
    await a_process(work).tell()
    assert [e for e in await told(work) if isinstance(e, OfficeConflictsFound)] == []
