"""What staff do for callers and at the counter, over HTTP."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from tests.integration.office_harness import A, AtWork, O, a_client, a_visit, an_office_at_work, bearer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def as_citizen(
    work: AtWork, held: dict[str, Any], method: str, what: str, body: Any = None
) -> httpx.Response:
    async with a_client(work.app) as client:
        path = f"/v1/appointments/{held['id']}{what}"
        return await client.request(method, path, json=body, headers=bearer(held))


async def test_a_caller_without_an_address_gets_a_slip(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "10:00", days=1, access_needs=["wheelchair"])

    assert (await by.get(f"{A}/{booked['id']}/slip.pdf")).startswith(b"%PDF")
    person = await by.get(f"{A}/{booked['id']}")
    assert (booked["status"], person["email"], person["access_needs"]) == ("confirmed", None, ["wheelchair"])
    found = await by.get(f"{O}/appointments", params={"code": booked["code"].lower()})
    assert [one["appointment"]["id"] for one in found] == [booked["id"]]


async def test_the_same_request_books_once(work: AtWork) -> None:
    by = await work.colleague("service_point")
    key = {"headers": {"Idempotency-Key": "one-and-the-same"}}

    once, again = [await by.post(f"{O}/appointments", work.wanted("10:00"), **key) for _ in range(2)]
    other = await by("POST", f"{O}/appointments", json=work.wanted("11:00"), **key)

    assert once == again
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")


async def test_one_person_is_not_booked_twice_by_mistake(work: AtWork) -> None:
    by = await work.colleague("service_point")
    contact: dict[str, Any] = {"contact": {"email": "someone@example.org"}}
    await work.booked(by, "10:00", **contact)

    assert await by.refused(f"{O}/appointments", work.wanted("11:00", **contact)) == (409, "booked-already")
    assert (await work.booked(by, "11:00", another_person=True, **contact))["status"] == "confirmed"


async def test_staff_take_a_time_that_cools(work: AtWork) -> None:
    """Citizens wait until it returns at random; the caller on the phone does not."""
    by = await work.colleague("service_point")
    held = await work.booked_by_citizen("10:00", days=3)
    desk = (await by.get(f"{A}/{held['id']}"))["lane"]
    await as_citizen(work, held, "POST", "/cancel")
    for other in {"counter_1", "counter_2", "counter_3"} - {desk}:
        await work.booked(by, "10:00", days=3, lane=other)
    lane = {"lane": desk}
    async with a_client(work.app) as client:
        answers = {"pin_letter": True}
        body = {"office": "zollernalbkreis", **work.wanted("10:00", days=3, preconditions=answers)}
        refused = await client.post("/v1/appointments", json=body, headers={"Idempotency-Key": "a-citizen"})

    booked = await work.booked(by, "10:00", days=3, **lane)

    assert (refused.status_code, refused.json()["type"]) == (409, "slot-taken")
    assert (await by.get(f"{A}/{booked['id']}"))["lane"] == desk
    restored = await as_citizen(work, held, "POST", "/restore")
    assert (restored.status_code, restored.json()["type"]) == (409, "nothing-to-restore")


async def test_staff_take_no_time_that_somebody_has(work: AtWork) -> None:
    by = await work.colleague("service_point")
    first = await work.booked(by, "10:00", lane="counter_1")
    later = await work.booked(by, "11:00", lane="counter_1")

    there = work.wanted("10:00", lane="counter_1")
    assert await by.refused(f"{O}/appointments", there) == (409, "slot-taken")
    move = {"starts_at": there["starts_at"], "lane": "counter_1"}
    assert await by.refused(f"{A}/{later['id']}/reschedule", move) == (409, "slot-taken")
    for _ in range(3):
        await work.booked(by, "10:00")
    assert await by.refused(f"{O}/appointments", work.wanted("10:00")) == (409, "slot-taken")
    document = await work.desk.document(first["id"])
    assert [cell.split("|")[1] for cell in document["cells"]] == ["counter_1"] * 3


async def test_another_desk_keeps_the_time(work: AtWork) -> None:
    by = await work.colleague("caseworker")
    booked = await work.booked(by, "10:00", service="cond_change")
    assert (await by.get(f"{A}/{booked['id']}"))["lane"] == "room_7"

    moved = await by.post(f"{A}/{booked['id']}/desk", {"lane": "room_2"})

    assert moved["starts_at"] == booked["starts_at"]
    assert (await by.get(f"{A}/{booked['id']}"))["lane"] == "room_2"
    second = await work.booked(by, "10:00", service="cond_change", family_name="Adler")
    taken = await by.refused(f"{A}/{second['id']}/desk", {"lane": "room_2"})
    assert taken == (409, "slot-taken")


async def test_a_desk_that_is_closed_then_is_refused(work: AtWork) -> None:
    by = await work.colleague("caseworker")

    assert await by.refused(f"{O}/appointments", work.wanted("13:00")) == (422, "start-not-bookable")
    assert await by.refused(f"{O}/appointments", work.wanted("08:00")) == (422, "start-not-bookable")


async def test_a_closed_desk_is_named_as_closed(work: AtWork) -> None:
    by, lead = await work.colleague("service_point"), await work.colleague("lead")
    booked = await work.booked(by, "10:00", days=1, lane="counter_2")
    day = work.at("10:00", days=1).date().isoformat()
    span = {"from": f"{day}T09:00:00", "until": f"{day}T11:00:00"}
    closure = {**span, "team": "service_point", "lane": "counter_1", "reason": {"de": "Umbau"}}
    await lead.post(f"{O}/closures", closure)

    tries = {
        f"{O}/appointments": work.wanted("10:00", days=1, lane="counter_1"),
        f"{A}/{booked['id']}/reschedule": {"starts_at": booked["starts_at"], "lane": "counter_1"},
        f"{A}/{booked['id']}/desk": {"lane": "counter_1"},
    }
    for path, body in tries.items():
        answer = await by("POST", path, json=body)
        assert (answer.status_code, answer.json()["type"], answer.json()["reason"]) == (
            422, "start-not-bookable", "desk-closed"), path  # fmt: skip


async def test_staff_put_any_name_right(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "10:00")

    await by.post(f"{A}/{booked['id']}/name", {"family_name": "Yılmaz", "given_name": "Elif"})

    person = await by.get(f"{A}/{booked['id']}")
    assert (person["family_name"], person["given_name"]) == ("Yılmaz", "Elif")


async def test_citizens_cannot_walk_to_another_name(work: AtWork) -> None:
    """Each step alone is small; what counts is how far the name is from the first one."""
    by = await work.colleague("service_point")
    held = await work.booked_by_citizen("10:00", days=3, family_name="Maier")

    async def rename(name: str) -> int:
        return (await as_citizen(work, held, "PUT", "/name", {"family_name": name})).status_code

    assert await rename("Meier") == 200
    assert await rename("Meyer") == 403
    assert await rename("Maier") == 200
    assert (await by.get(f"{A}/{held['id']}"))["family_name"] == "Maier"
    await by.post(f"{A}/{held['id']}/name", {"family_name": "Meyer"})
    assert await rename("Meyerl") == 200


async def test_a_group_that_grows_may_overrun(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "10:00", lane="counter_1")
    await work.booked(by, "10:15", lane="counter_1")
    family = {"members": a_visit()["members"] * 4}

    assert await by.refused(f"{A}/{booked['id']}/members", family) == (409, "slot-taken")
    grown = await by.post(f"{A}/{booked['id']}/members", {**family, "overrun": True})
    assert (grown["persons"], grown["ends_at"]) == (4, booked["ends_at"])


async def test_a_group_may_overrun_past_closing(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "12:15")
    family = {"members": a_visit()["members"] * 3}

    assert await by.refused(f"{A}/{booked['id']}/members", family) == (422, "start-not-bookable")
    grown = await by.post(f"{A}/{booked['id']}/members", {**family, "overrun": True})
    assert (grown["persons"], grown["ends_at"]) == (3, booked["ends_at"])


async def test_the_next_visit_is_for_the_same_people(work: AtWork) -> None:
    by = await work.colleague("caseworker")
    contact = {"email": "someone@example.org", "given_name": "Ayşe"}
    booked = await work.booked(by, "09:00", contact=contact, members=a_visit()["members"] * 2)
    await by.post(f"{A}/{booked['id']}/check-in")

    starts_at = work.at("09:00", days=7).isoformat()
    made = await by.post(f"{A}/{booked['id']}/follow-up", {"starts_at": starts_at})

    assert made["id"] != booked["id"]
    assert (made["persons"], datetime.fromisoformat(made["starts_at"])) == (2, work.at("09:00", days=7))
    person = await by.get(f"{A}/{made['id']}")
    assert (person["family_name"], person["given_name"], person["email"]) == (
        "Öztürk",
        "Ayşe",
        "someone@example.org",
    )
    assert await work.recorded(made["id"]) == ["appointment.followed_up", "person.seen"]


async def test_the_office_cancels_with_a_reason(work: AtWork) -> None:
    by = await work.colleague("service_point")
    asked, forced = await work.booked(by, "10:00"), await work.booked(by, "10:00")

    assert (await by.post(f"{A}/{asked['id']}/cancel"))["status"] == "cancelled"
    done = await by.post(f"{A}/{forced['id']}/cancel", {"asked_by_citizen": False, "reason": "closure"})
    assert (done["status"], done["reason"]) == ("office_cancelled", "closure")
    assert await by.refused(f"{A}/{forced['id']}/check-in") == (409, "wrong-status")
