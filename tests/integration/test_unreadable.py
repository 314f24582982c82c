"""Persons whom no key opens, as after a restore with other secrets: they hide nobody else, and go when asked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from deploy.local.stack import Stack
from services.booking import doctoring
from services.booking.commands import WaitingList
from services.booking.domain.appointment import Wish
from services.booking.people import UNREADABLE
from shared.doctor.findings import Level
from shared.sealing import SymmetricKeys, Wrapped, new_data_key
from tests.integration.office_harness import A, AtWork, Colleague, O, a_client, an_office_at_work, bearer
from tests.integration.operating import commands_of
from tests.integration.pages_harness import at_the_screen, text_of
from tests.integration.test_planning import closure
from tests.sealed import OWN_KEYS

pytestmark = pytest.mark.anyio
LOST = SymmetricKeys({"k0": b"o" * 32})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def lose_the_key(work: AtWork, *ids: str) -> None:
    """Wrapped by a key that this process does not have, as another one sees it that has unwrapped nothing yet."""
    for id in ids:
        wrapped = LOST.wrap(new_data_key(), owner=id)
        await work.desk.keys["keys"].update_one({"_id": id}, {"$set": {"booking": _document(wrapped)}})
    work.desk.booking.people._recent.clear()


def _document(wrapped: Wrapped) -> dict[str, Any]:
    return {"key_id": wrapped.key_id, "box": wrapped.box}


async def test_each_page_shows_the_visit_and_its_neighbours_and_the_log_names_the_key_once(work: AtWork) -> None:
    """Seen to fail with a line for each view."""
    by = await work.colleague("lead")
    screen = await at_the_screen(work, "lead")
    lost = [await work.booked(by, wall, family_name="Wolkenbruch") for wall in ("10:00", "10:30")]
    await work.booked(by, "11:00", family_name="Sonnenschein")
    await lose_the_key(work, *(one["id"] for one in lost))
    id, code = lost[0]["id"], lost[0]["code"]

    with capture_logs() as lines:
        for path in ("/staff/today", "/staff/plan"):
            page = text_of(await screen.see(path))
            assert page.count(UNREADABLE.family_name) == 2, path
            assert "Sonnenschein" in page, path
        for path in (f"/staff/appointments/{id}", f"/staff/appointments/{id}/slip"):
            assert UNREADABLE.family_name in text_of(await screen.see(path)), path
        assert UNREADABLE.family_name in text_of(await screen.sent("/staff/search", wanted=code))
        assert (await by.get(f"{A}/{id}"))["family_name"] == UNREADABLE.family_name
        day = await by.get(f"{O}/day")
    assert [one["name"] for one in day["entries"]].count(UNREADABLE.family_name) == 2
    missed = [line for line in lines if line["event"] == "person_not_opened"]
    assert [(line["key_id"], line["log_level"]) for line in missed] == [("k0", "error")]
    assert "Wolkenbruch" not in str(lines)


async def test_a_visit_of_whom_nothing_can_be_read_is_served(work: AtWork) -> None:
    by = await work.colleague("service_point")
    lost = await work.booked(by, "08:40")
    await lose_the_key(work, lost["id"])

    for step in ("check-in", "call", "start", "complete"):
        body = {"lane": "counter_1"} if step == "call" else {}
        served = await by.post(f"{A}/{lost['id']}/{step}", body)
        assert served["name"] == UNREADABLE.family_name, step

    assert (await work.desk.document(lost["id"]))["status"] == "completed"


async def test_what_nobody_can_read_is_exported_as_such_and_erased_all_the_same(work: AtWork) -> None:
    """Erasing destroys the key; it opens nothing."""
    held = await work.booked_by_citizen("10:00", days=4)
    await lose_the_key(work, held["id"])
    own, kept = f"/v1/appointments/{held['id']}", bearer(held)
    async with a_client(work.app) as client:
        exported = await client.get(f"{own}/export", headers=kept)
        erased = await client.delete(own, params={"cancel": "true"}, headers=kept)

    person = exported.json()["person"]
    assert (exported.status_code, person["readable"], person["family_name"]) == (
        200,
        False,
        UNREADABLE.family_name,
    )
    assert exported.json()["appointment"]["starts_at"]
    assert erased.status_code == 204, erased.text
    document = await work.desk.document(held["id"])
    assert (document["status"], "person" in document) == ("anonymised", False)
    assert await work.desk.keys["keys"].find_one({"_id": held["id"]}) is None
    assert document["history"][-1]["type"] == "contact.erased.v1"


async def test_the_doctor_opens_the_newest_and_the_oldest_name(
    work: AtWork, servers: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seen to fail with the newest alone: who goes on with other keys has new names that open."""
    commands_of(work.desk, servers, monkeypatch, capsys)
    by = await work.colleague("service_point")

    async def names() -> tuple[Level, str]:
        found = await asyncio.to_thread(lambda: {one.check: one for one in doctoring.examine()}["names"])
        assert bool(found.do) == (found.level is not Level.OK)
        return found.level, found.said

    assert await names() == (Level.OK, "nothing is stored yet")
    first, _ = await work.booked(by, "10:00"), await work.booked(by, "10:30")
    # The desk's key is called k1 as well.
    assert await names() == (Level.CRITICAL, "they cannot all be read: no key k1 that opens them")
    monkeypatch.setenv("BOOKING_CONTACT_KEYS", OWN_KEYS)
    assert await names() == (Level.OK, "the newest and the oldest open")
    await lose_the_key(work, first["id"])
    assert await names() == (Level.CRITICAL, "they cannot all be read: no key k0 that opens them")
    await work.desk.keys["keys"].delete_many({})
    assert await names() == (Level.CRITICAL, "some are stored, and their keys are not")
    monkeypatch.setenv("BOOKING_MONGODB_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100")
    assert await names() == (Level.UNKNOWN, "could not be asked for: ServerSelectionTimeoutError")


async def replanned(work: AtWork, by: Colleague, *ids: str) -> dict[str, str]:
    done = await by.post(f"{O}/replan", {"appointments": list(ids), "how": "move"})
    return {one["id"]: one["outcome"] for one in done}


async def test_replanning_leaves_to_people_whose_desk_goes_by_a_name_that_is_lost(work: AtWork) -> None:
    """Their neighbours get another time, in the preview as in the doing."""
    by, screen = await work.colleague("lead"), await at_the_screen(work, "lead")
    lost, found = [
        await work.booked(by, wall, days=1, service="cond_change", family_name="Öztürk")
        for wall in ("09:00", "10:00")
    ]
    await lose_the_key(work, lost["id"])
    await by.post(f"{O}/closures", closure(work, "08:00", "12:00"))

    ids = [lost["id"], found["id"]]
    preview = text_of(await screen.sent("/staff/replan/preview", how="move", appointments=ids))
    assert "bleibt: Name nicht lesbar" in preview
    assert await replanned(work, by, *ids) == {lost["id"]: "unreadable", found["id"]: "moved"}

    assert [one["id"] for one in await by.get(f"{O}/conflicts")] == [lost["id"]]
    assert "Keine freien Zeiten gefunden" in text_of(await screen.see(f"/staff/appointments/{lost['id']}"))
    assert "appointment.replanned_unreadable" in await work.recorded(lost["id"])


async def test_one_who_waits_and_cannot_be_read_keeps_nobody_waiting(work: AtWork) -> None:
    waiting_list = WaitingList(work.desk.booking)
    today = work.day.date()
    wish = Wish(first=today, last=work.at("08:00", days=21).date())
    held = [
        await work.booked_by_citizen(wall, days=14, service="cond_change", family_name=name)
        for wall, name in (("09:00", "Öztürk"), ("10:00", "Bach"))
    ]
    for one in held:
        await waiting_list.join(one["id"], wish)
    await lose_the_key(work, held[0]["id"])

    assert await waiting_list.offer_all() == 1

    offered = [("offer" in await work.desk.document(one["id"])) for one in held]
    assert offered == [False, True]
