"""Offices in the database: a change by one process is the rule of all within a second."""

import argparse
import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.stack import Stack
from services.booking import cli
from services.booking.domain.office import Office
from services.booking.domain.rules import Closure, OfficeData
from services.booking.memory import Memory, NotLoaded
from services.booking.offices import BrokenOffice, Offices
from services.booking.storage import ChangedMeanwhile
from services.booking.storage.offices import OfficeStore
from tests.builders import OFFICE_FILE, an_office
from tests.integration.booking_harness import Desk, a_desk
from tests.waiting import until

pytestmark = pytest.mark.anyio
ID = "zollernalbkreis"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(servers: Stack) -> AsyncIterator[Desk]:
    async with a_desk(servers) as desk:
        await until(lambda: desk.booking.memory.fresh)
        yield desk


@asynccontextmanager
async def a_process(desk: Desk, data: OfficeData | None = None) -> AsyncIterator[Offices]:
    files = {ID: an_office() if data is None else Office(data)}
    offices = Offices(files, store=OfficeStore(desk.database), key=b"k", clock=desk.clock)
    await offices.start()
    try:
        yield offices
    finally:
        await offices.stop()


def knows(memory: Memory, office: str) -> bool:
    try:
        return memory.availability(office).office.id == office
    except NotLoaded:
        return False


def closed(day: date) -> tuple[Closure, ...]:
    span = {"from": day, "until": day + timedelta(days=1), "reason": {"de": "Umzug"}}
    return (Closure.model_validate(span),)


def with_phone(offices: Offices, phone: str) -> OfficeData:
    return offices[ID].data.model_copy(update={"phone": phone})


async def stored(desk: Desk) -> dict[str, Any]:
    found = await desk.database["offices"].find_one({"_id": ID})
    assert found
    return found


async def test_a_second_process_goes_by_a_new_version_within_a_second(desk: Desk) -> None:
    async with a_process(desk) as first, a_process(desk) as second:
        second.follow(desk.booking.memory.follow)
        start = desk.wish().starts_at
        day = start.astimezone(first[ID].zone).date()
        assert [o[ID].version for o in (first, second)] == [1, 1]

        data = first[ID].data.model_copy(update={"closures": closed(day)})
        assert await first.save(data, actor="Ada", expected_version=1) == 2

        assert first[ID].version == 2
        await until(lambda: second[ID].version == 2, within=1.0)
        assert not second[ID].is_open(day)
        availability = desk.booking.memory.availability(ID)
        lanes = availability.free_lanes("service_point", starts_at=start, length=3, now=desk.clock.now())
        assert lanes == []


async def test_a_version_tells_who_made_it_and_what_differs(desk: Desk) -> None:
    async with a_process(desk) as offices:
        await offices.save(with_phone(offices, "115"), actor="Ada", expected_version=1)

    document = await stored(desk)
    assert [(h["version"], h["by"], h["differs"]) for h in document["history"]] == [
        (1, "file", []),
        (2, "Ada", ["phone"]),
    ]
    assert [(entry["type"], entry["sequence"]) for entry in document["outbox"]] == [
        ("office.published.v1", 1),
        ("office.published.v1", 2),
    ]


async def test_of_two_who_save_the_same_version_one_wins(desk: Desk) -> None:
    async with a_process(desk) as first, a_process(desk) as second:
        told = await asyncio.gather(
            first.save(with_phone(first, "1"), actor="Ada", expected_version=1),
            second.save(with_phone(second, "2"), actor="Bo", expected_version=1),
            return_exceptions=True,
        )

    assert [type(answer) for answer in told if not isinstance(answer, int)] == [ChangedMeanwhile]
    assert (await stored(desk))["version"] == 2


async def test_what_cannot_be_meant_is_not_saved(desk: Desk) -> None:
    async with a_process(desk) as offices:
        gap = offices[ID].data.model_copy(update={"surname_ranges": offices[ID].data.surname_ranges[:-1]})
        with pytest.raises(BrokenOffice, match="nobody has names that begin with 'TR'"):
            await offices.save(gap, actor="Ada", expected_version=1)

    assert (await stored(desk))["version"] == 1


async def test_the_file_decides_until_the_office_is_edited(desk: Desk) -> None:
    def file(phone: str) -> OfficeData:
        return an_office().data.model_copy(update={"phone": phone})

    async with a_process(desk, file("1")), a_process(desk, file("1")):
        assert (await stored(desk))["version"] == 1
    async with a_process(desk, file("2")) as offices:
        assert (offices[ID].version, offices[ID].data.phone) == (2, "2")
        await offices.save(with_phone(offices, "3"), actor="Ada", expected_version=2)
    async with a_process(desk, file("4")) as offices:
        assert (offices[ID].version, offices[ID].data.phone) == (3, "3")


async def test_a_new_office_is_loaded_with_its_times(desk: Desk) -> None:
    """It came from elsewhere: no process had a file of it."""
    new = an_office().data.model_copy(update={"id": "elsewhere"})
    async with a_process(desk) as offices:
        following = Memory(desk.database, offices=offices, clock=desk.clock)
        offices.follow(following.follow)
        await following.start()
        try:
            await until(lambda: following.fresh)
            await OfficeStore(desk.database).save(new, actor="Ada", expected_version=None, now=desk.clock.now())
            await until(lambda: "elsewhere" in offices)
            await until(lambda: knows(following, "elsewhere"))
        finally:
            await following.stop()


Run = Callable[[Path, bool], Awaitable[int]]


@pytest.fixture
def imported(desk: Desk, servers: Stack, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("BOOKING_MONGODB_URI", servers.secret("admin_mongodb_uri"))
    monkeypatch.setenv("BOOKING_MONGODB_DATABASE", desk.database.name)
    monkeypatch.setenv("BOOKING_AMQP_URL", "amqp://nobody@127.0.0.1:1")
    monkeypatch.setenv("BOOKING_SIGNING_KEYS", "k1:" + "78" * 32)
    monkeypatch.setenv("BOOKING_CONTACT_KEYS", "k1:" + "78" * 32)
    monkeypatch.setenv("BOOKING_CONTACT_PUBLIC_KEYS", "n1:" + "78" * 32)

    async def run(file: Path, yes: bool) -> int:
        parser = argparse.ArgumentParser()
        cli.register(parser.add_subparsers())
        arguments = parser.parse_args(["office", "import", str(file), *(["--yes"] if yes else [])])
        code: int = await asyncio.to_thread(arguments.run, arguments)
        return code

    return run


async def test_an_import_shows_conflicts_before_it_is_taken(
    desk: Desk, imported: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await desk.booking.hold(desk.wish(), idempotency_key="a-key-of-one")
    day = held.starts_at.astimezone(desk.office.zone).date()
    file = tmp_path / "office.toml"
    closure = f'[[closures]]\nfrom = {day}\nuntil = {day + timedelta(days=1)}\nreason = {{ de = "Umzug" }}\n\n'
    file.write_text(OFFICE_FILE.read_text().replace("[[closures]]", closure + "[[closures]]", 1))

    async with a_process(desk) as offices:
        monkeypatch.setattr("builtins.input", lambda _: "n")
        assert await imported(file, False) == 1
        assert (await stored(desk))["version"] == 1

        assert await imported(file, True) == 0
        await until(lambda: offices[ID].version == 2, within=1.0)

    told = capsys.readouterr().out
    assert "1 appointments are to come, 1 of them in conflict:" in told
    assert re.search(rf"{held.appointment.code}  service_point/counter_\d  closed", told)
    assert "Öztürk" not in told
    assert (await stored(desk))["history"][-1]["by"].startswith("cli:")
    assert "closures" in (await stored(desk))["history"][-1]["differs"]
