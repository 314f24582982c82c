"""An office's day over HTTP: who is here, who is called, who is served, and what was done by mistake."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.integration.office_harness import OTHER_OFFICE, A, AtWork, Colleague, O, a_visit, an_office_at_work

pytestmark = pytest.mark.anyio
LANE = {"lane": "counter_1"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def here(work: AtWork, by: Colleague) -> str:
    """Somebody with a ticket."""
    return str((await by.post(f"{O}/tickets", a_visit()))["id"])


async def test_one_of_two_colleagues_gets_the_person(work: AtWork) -> None:
    one, two = await work.colleague("service_point"), await work.colleague("caseworker")
    id = await here(work, one)

    answers = await asyncio.gather(
        one("POST", f"{A}/{id}/call", json=LANE), two("POST", f"{A}/{id}/call", json={"lane": "counter_2"})
    )

    codes = [answer.status_code for answer in answers]
    winner, loser = (one, two) if codes == [200, 409] else (two, one)
    assert sorted(codes) == [200, 409]
    assert answers[codes.index(409)].json()["type"] == "called-by-another"
    assert await loser.refused(f"{A}/{id}/start") == (409, "called-by-another")
    assert (await winner.post(f"{A}/{id}/start"))["status"] == "in_service"


async def test_the_last_action_is_taken_back(work: AtWork) -> None:
    by = await work.colleague("service_point")
    id = await here(work, by)
    called = await by.post(f"{A}/{id}/call", LANE)
    started = await by.post(f"{A}/{id}/start")

    stale = {"version": called["version"]}
    assert await by.refused(f"{A}/{id}/undo", stale) == (409, "nothing-to-undo")
    undone = await by.post(f"{A}/{id}/undo", {"version": started["version"]})
    assert (undone["status"], undone["called_to"]) == ("called", "counter_1")
    undone = await by.post(f"{A}/{id}/undo", {"version": undone["version"]})
    assert (undone["status"], undone["called_to"], undone["calls"]) == ("checked_in", None, 0)
    assert not undone["can_undo"]


async def test_only_after_three_calls_is_somebody_absent(work: AtWork) -> None:
    by = await work.colleague("service_point")
    id = await here(work, by)

    for call in range(3):
        if call:
            assert await by.refused(f"{A}/{id}/no-show") == (409, "calls-missing")
        await by.post(f"{A}/{id}/call", LANE)
    absent = await by.post(f"{A}/{id}/no-show")
    assert (absent["status"], absent["calls"]) == ("no_show", 3)
    back = await by.post(f"{A}/{id}/undo", {"version": absent["version"]})
    assert (back["status"], back["calls"]) == ("called", 3)


async def test_whoever_is_late_goes_to_the_end(work: AtWork) -> None:
    by = await work.colleague("service_point")
    late = await work.booked(by, "09:00")
    next_one = await work.booked(by, "09:10")
    work.it_is("09:16")
    await by.post(f"{A}/{next_one['id']}/check-in")
    await by.post(f"{A}/{late['id']}/check-in")

    assert await queue(by) == [next_one["id"], late["id"]]


async def test_staff_decide_what_happens_to_the_late(work: AtWork) -> None:
    by = await work.colleague("service_point")
    late, next_one = await work.booked(by, "09:00"), await work.booked(by, "09:10")
    work.it_is("09:16")
    await by.post(f"{A}/{next_one['id']}/check-in")

    assert await by.refused(f"{A}/{late['id']}/check-in", {"late": "rebook"}) == (409, "too-late")
    await by.post(f"{A}/{late['id']}/check-in", {"late": "serve"})
    assert await queue(by) == [late["id"], next_one["id"]]


async def queue(by: Colleague) -> list[str]:
    return [entry["id"] for entry in (await by.get(f"{O}/day"))["entries"]]


async def test_each_ticket_has_a_number_of_its_own(work: AtWork) -> None:
    by = await work.colleague("service_point")
    key = {"headers": {"Idempotency-Key": "one-and-the-same"}}

    made = [await by.post(f"{O}/tickets", a_visit(), **key) for _ in range(2)]
    third = await by.post(f"{O}/tickets", a_visit())
    other = await by("POST", f"{O}/tickets", json=a_visit(family_name="Yılmaz"), **key)

    assert [one["ticket"] for one in (*made, third)] == ["W001", "W001", "W002"]
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")


async def test_a_pause_stops_calling_and_the_clocks(work: AtWork) -> None:
    by = await work.colleague("service_point")
    team = {"team": "service_point"}
    work.it_is("09:00")
    id = await here(work, by)
    work.it_is("09:10")
    await by.post(f"{O}/pause", team)
    work.it_is("09:20")

    assert await by.refused(f"{A}/{id}/call", LANE) == (409, "paused")
    assert await by.refused(f"{O}/pause", team) == (409, "pause-running")
    work.it_is("09:30")
    await by.post(f"{O}/resume", team)
    assert await by.refused(f"{O}/resume", team) == (409, "no-pause")
    work.it_is("09:35:30")
    assert (await by.post(f"{A}/{id}/call", LANE))["waiting_minutes"] == 15


async def test_what_is_entered_later_has_its_own_times(work: AtWork) -> None:
    """After a morning without network the paper list is typed in."""
    by = await work.colleague("service_point")
    booked = await work.booked(by, "09:00")
    work.it_is("11:00")
    own = f"{A}/{booked['id']}"

    def at(wall: str, **more: Any) -> dict[str, Any]:
        return {"at": work.at(wall).isoformat(), **more}

    await by.post(f"{own}/check-in", at("08:50"))
    assert await by.refused(f"{own}/call", at("08:40", **LANE)) == (409, "not-this-day")
    assert (await by.post(f"{own}/call", at("09:02", **LANE)))["waiting_minutes"] == 12
    await by.post(f"{own}/start", at("09:03"))
    assert await by.refused(f"{own}/complete", at("11:30")) == (409, "not-this-day")
    assert (await by.post(f"{own}/complete", at("09:21")))["handling_minutes"] == 18
    seen = await by.get(own)
    assert [step[1][11:16] for step in seen["history"][-4:]] == [
        f"{work.at(wall):%H:%M}" for wall in ("08:50", "09:02", "09:03", "09:21")
    ]


async def test_only_the_days_own_appointments_are_served(work: AtWork) -> None:
    by = await work.colleague("service_point")
    tomorrow = await work.booked(by, "09:00", days=1)

    assert await by.refused(f"{A}/{tomorrow['id']}/check-in") == (409, "not-this-day")
    assert await by.refused(f"{A}/{tomorrow['id']}/start") == (409, "wrong-status")


async def test_the_day_is_printed_for_those_who_see_persons(work: AtWork) -> None:
    by, looker = await work.colleague("lead"), await work.colleague("read_only")
    await work.booked(by, "09:00")

    assert (await by.get(f"{O}/day.pdf")).startswith(b"%PDF")
    assert await looker.refused(f"{O}/day.pdf", method="GET") == (403, "not-allowed")
    shown = [entry["name"] for entry in (await looker.get(f"{O}/day"))["entries"]]
    assert shown == [None]
    assert [entry["name"] for entry in (await by.get(f"{O}/day"))["entries"]] == ["Öztürk"]


async def test_desks_and_teams_that_are_not_there_are_refused(work: AtWork) -> None:
    by = await work.colleague("service_point")
    id, booked = await here(work, by), await work.booked(by, "09:00")
    nowhere: dict[str, Any] = {"lane": "counter_99"}

    assert await by.refused(f"{A}/{id}/call", nowhere) == (422, "lane-unknown")
    assert await by.refused(f"{O}/pause", {"team": "nobody"}) == (422, "team-unknown")
    assert await by.refused(f"{O}/resume", {"team": "nobody"}) == (422, "team-unknown")
    assert await by.refused(f"{O}/appointments", work.wanted("10:00", **nowhere)) == (422, "lane-unknown")
    own = f"{A}/{booked['id']}"
    there = {"starts_at": work.at("10:00").isoformat(), **nowhere}
    assert await by.refused(f"{own}/reschedule", there) == (422, "lane-unknown")
    assert await by.refused(f"{own}/desk", {"lane": "room_1"}) == (422, "lane-unknown")
    assert await by.refused(f"{own}/follow-up", there) == (422, "lane-unknown")
    assert (await by.get(own))["appointment"]["starts_at"] == booked["starts_at"]


async def test_another_offices_appointments_do_not_exist(work: AtWork) -> None:
    mine, theirs = await work.colleague("lead"), await work.colleague("lead", office=OTHER_OFFICE)
    booked = await work.booked(mine, "09:00")
    own = f"{A}/{booked['id']}"
    bodies: dict[str, Any] = {
        "check-in": {}, "call": LANE, "start": {}, "complete": {}, "no-show": {}, "undo": {"version": 1},
        "reschedule": {"starts_at": work.at("10:00").isoformat()}, "desk": {"lane": "counter_2"},
        "name": {"family_name": "Yılmaz"}, "members": {"members": a_visit()["members"]}, "cancel": {},
        "follow-up": {"starts_at": work.at("10:00").isoformat()}, "reviewed": {},
    }  # fmt: skip

    for action, body in bodies.items():
        assert await theirs.refused(f"{own}/{action}", body) == (404, "not-here"), action
    for path in (own, f"{own}/slip.pdf", f"{O}/day", f"{O}/day.pdf", f"{O}/appointments", O, f"{O}/conflicts"):
        assert await theirs.refused(path, method="GET") == (404, "not-here"), path
    assert (await theirs.get(f"/v1/staff/offices/{OTHER_OFFICE}/day"))["entries"] == []
    assert [step[0] for step in (await mine.get(own))["history"]] == ["confirmed"]


async def test_the_record_tells_every_action_and_no_name(work: AtWork) -> None:
    by, lead = await work.colleague("caseworker"), await work.colleague("lead")
    contact = {"email": "someone@example.org", "phone": "+49 151 23456789"}
    booked = await work.booked(by, "09:00", contact=contact)
    own = f"{A}/{booked['id']}"
    await by.get(own)
    await by.get(f"{own}/slip.pdf")
    await by.post(f"{own}/name", {"family_name": "Yılmaz"})
    await by.post(f"{own}/check-in")
    await by.post(f"{own}/call", LANE)
    await by.post(f"{own}/start")
    await by.post(f"{own}/complete")

    record = await lead.get("/v1/staff/audit", params={"subject": booked["id"]})
    assert [entry["action"] for entry in reversed(record["entries"])] == [
        "appointment.booked",
        "person.seen",
        "slip.printed",
        "appointment.name_corrected",
        "appointment.checked_in",
        "appointment.called",
        "appointment.started",
        "appointment.completed",
    ]
    assert {entry["actor"]["id"] for entry in record["entries"]} == {by.account.id}
    stored = [str(entry) async for entry in work.desk.database["audit"].find()]
    assert not [text for text in stored for name in ("ztürk", "lmaz", "example.org", "23456789") if name in text]
