"""What an office answers for with: who saw what, and how much was erased, by the operators' command."""

import csv
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from deploy.local.stack import Stack
from services.booking.domain.actors import staff
from services.booking.staff.audit import Audit
from tests.integration.booking_harness import Desk, a_desk
from tests.integration.operating import Run, commands_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(servers: Stack) -> AsyncIterator[Desk]:
    async with a_desk(servers) as desk:
        yield desk


@pytest.fixture
def amtstermin(
    desk: Desk, servers: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    return commands_of(desk, servers, monkeypatch, capsys)


async def test_the_record_is_shown_whole_and_by_what_is_asked_for(desk: Desk, amtstermin: Run) -> None:
    """More lines than one page of the database's answer."""
    audit = Audit(desk.database, clock=desk.clock)
    for number in range(501):
        await audit.record(staff("ada"), "person.seen", office="here", subject=f"a-{number}")
    await audit.record(staff("bo"), "account.added", office="elsewhere", subject="c", detail={"roles": ["lead"]})

    _, told = await amtstermin("audit")
    assert len(told.splitlines()) == 502
    assert told.splitlines()[0].endswith("staff:bo  account.added  elsewhere  c  roles=lead")

    _, told = await amtstermin("audit", "--office", "here", "--subject", "a-7", "--csv")
    [line] = csv.DictReader(told.splitlines())
    assert (line["actor"], line["action"], line["office"]) == ("staff:ada", "person.seen", "here")

    tomorrow = (desk.clock.now() + timedelta(days=1)).date().isoformat()
    assert (await amtstermin("audit", "--actor", "ada", "--from", tomorrow))[1] == ""


async def test_what_was_erased_is_counted_by_reason_without_persons(desk: Desk, amtstermin: Run) -> None:
    for number in range(3):
        await desk.booking.hold(desk.wish(place=number + 3), idempotency_key=f"key-of-{number}")
    desk.clock.ahead += timedelta(minutes=30)
    await desk.sweeper.sweep()
    desk.clock.ahead += timedelta(hours=2)
    assert await desk.erasing.sweep(now=desk.clock.now()) == 3

    _, told = await amtstermin("deletions")
    day = desk.clock.now().date().isoformat()
    assert told.splitlines() == ["day,office,reason,persons", f"{day},zollernalbkreis,hold,3"]
    assert (await amtstermin("deletions", "--office", "elsewhere"))[1] == "day,office,reason,persons"
