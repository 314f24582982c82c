"""The office's rules through HTTP, on a real database: who serves, how long, what has to be answered first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.stack import Stack
from services.booking.api import add_routes
from services.booking.commands import Day, WaitingList
from services.booking.domain.rules import Quota
from services.booking.storage import DayBook
from shared.http import Health, create_app
from tests.builders import ALBSTADT, HECHINGEN, a_given_contact, an_office
from tests.integration.booking_harness import KEYS, Desk, a_desk
from tests.unit.booking.test_guard import a_guard

pytestmark = pytest.mark.anyio
OFFICE = "/v1/offices/zollernalbkreis"
TUEBINGEN = "08416041"
URGENT = Quota.model_validate(
    {"team": "service_point", "lane": "counter_1", "from": "08:00", "until": "12:30", "channel": "emergency"}
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(servers: Stack) -> AsyncIterator[Desk]:
    async with a_desk(servers, office=an_office(quotas=(URGENT,))) as desk:
        yield desk


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    @asynccontextmanager
    async def nothing(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(title="t", description="t", health=Health(required={}, degrading={}), lifespan=nothing)
    add_routes(
        app,
        desk.booking,
        day=Day(desk.booking, DayBook(desk.database)),
        erasing=desk.erasing,
        waiting_list=WaitingList(desk.booking),
        guard=a_guard(None)[0],
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://booking") as client:
        yield client


def group(*places: str) -> list[dict[str, Any]]:
    return [{"municipality": place} for place in places or (HECHINGEN,)]


async def times(http: httpx.AsyncClient, service: str, name: str, *further: str) -> list[str]:
    asked = {"service": service, "further_services": further, "family_name": name, "members": group()}
    answer = await http.post(f"{OFFICE}/availability", json=asked)
    assert answer.status_code == 200, answer.text
    return [time for day in answer.json()["days"] for time in day["times"]]


async def hold(http: httpx.AsyncClient, starts_at: str, **changes: Any) -> httpx.Response:
    wanted = {"office": "zollernalbkreis", "service": "commitment", "starts_at": starts_at}
    who = {"family_name": "Öztürk", "members": group(), "preconditions": {"pin_letter": True}}
    key = {"Idempotency-Key": changes.pop("key", str(uuid4()))}
    return await http.post("/v1/appointments", json={**wanted, **who, **changes}, headers=key)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"])


async def test_the_family_name_decides_the_desk(http: httpx.AsyncClient, desk: Desk) -> None:
    start = (await times(http, "commitment", "Öztürk"))[3]

    held = await hold(http, start)

    assert held.status_code == 201, held.text
    assert (await desk.document(held.json()["id"]))["lane"] == "room_7"
    assert start not in await times(http, "commitment", "Ölmez")
    assert start in await times(http, "commitment", "Aydın")
    assert problem(await hold(http, start, family_name="Novák")) == (409, "slot-taken")
    other = await hold(http, start, family_name="al-Aydın")
    assert (await desk.document(other.json()["id"]))["lane"] == "room_1"


async def test_names_never_stand_in_a_url(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{OFFICE}/availability", params={"service": "commitment"})

    assert problem(answer) == (422, "family-name-needed")
    assert f"POST {OFFICE}/availability" in answer.json()["detail"]


async def test_a_move_stays_with_the_names_desk(http: httpx.AsyncClient, desk: Desk) -> None:
    start, *_, later = (await times(http, "commitment", "Öztürk"))[:40]
    held = (await hold(http, start)).json()
    id, bearer = held["id"], {"Authorization": f"Bearer {held['token']}"}
    requested = await desk.booking.request(id, a_given_contact())
    await desk.booking.confirm(id, KEYS.secret("confirm", id, requested.contact_sequence or 0))

    moved = await http.post(f"/v1/appointments/{id}/reschedule", json={"starts_at": later}, headers=bearer)

    assert moved.status_code == 200, moved.text
    document = await desk.document(id)
    assert document["lane"] == "room_7"
    assert document["reschedules"] == 1


async def test_two_services_go_into_one_visit(http: httpx.AsyncClient, desk: Desk) -> None:
    start = (await times(http, "eat_pickup", "Öztürk", "eat_pin"))[0]
    both: dict[str, Any] = {"service": "eat_pickup", "further_services": ["eat_pin"], "key": "a-key-of-two"}

    held = await hold(http, start, **both)
    again = await hold(http, start, **both)
    other = await hold(http, start, service="eat_pickup", key="a-key-of-two")

    assert again.json() == held.json()
    assert problem(other) == (422, "idempotency-key-reused")
    document = await desk.document(held.json()["id"])
    assert document["further_services"] == ["eat_pin"]
    assert len(document["cells"]) == 5
    assert (await desk.booking.appointments.get(held.json()["id"])).further_services == ("eat_pin",)


async def test_services_that_do_not_combine_are_refused(http: httpx.AsyncClient) -> None:
    start = (await times(http, "eat_pickup", "Öztürk"))[0]

    answer = await hold(http, start, service="eat_pickup", further_services=["commitment"])

    assert problem(answer) == (422, "combination-not-possible")
    assert answer.json()["services"] == ["eat_pickup", "commitment"]


async def test_questions_are_answered_before_a_visit_is_held(http: httpx.AsyncClient) -> None:
    start = (await times(http, "fiction", "Öztürk"))[0]

    unasked = await hold(http, start, service="fiction")
    wrong = await hold(http, start, service="fiction", preconditions={"applied": False})
    right = await hold(http, start, service="fiction", preconditions={"applied": True})

    assert problem(unasked) == (422, "precondition-missing")
    assert [asked["id"] for asked in unasked.json()["preconditions"]] == ["applied"]
    assert problem(wrong) == (422, "precondition-not-met")
    assert "Antrag" in wrong.json()["advice"]["de"]
    assert right.status_code == 201


async def test_emergencies_have_their_own_times(http: httpx.AsyncClient, desk: Desk) -> None:
    urgent, ordinary = await times(http, "emergency", "Öztürk"), await times(http, "eat_pickup", "Öztürk")
    answers: dict[str, Any] = {"service": "emergency", "preconditions": {"urgent": True}}

    held = await hold(http, urgent[0], **answers)
    later = await hold(http, ordinary[-1], **answers)

    assert (await desk.document(held.json()["id"]))["lane"] == "counter_1"
    assert problem(later) == (422, "start-not-bookable")
    assert later.json()["reason"] == "not-released"


async def test_a_mixed_group_learns_who_can_come(http: httpx.AsyncClient) -> None:
    asked = {"service": "commitment", "family_name": "Öztürk", "members": group(HECHINGEN)}
    one = (await http.post(f"{OFFICE}/assignment", json=asked)).json()
    mixed = {**asked, "service": "eat_pickup", "members": group(HECHINGEN, ALBSTADT, TUEBINGEN)}
    three = (await http.post(f"{OFFICE}/assignment", json=mixed)).json()

    assert (one["team"], one["desk"], one["minutes"]) == ("caseworkers", "MJ–PL", 20)
    assert "Personalausweis oder Reisepass" in one["documents"]["de"]
    assert [member["responsible"] for member in three["members"]] == [True, False, False]
    assert [(m["authority"] or {}).get("id") for m in three["members"]] == ["joint", "albstadt", None]
    assert "115" in three["members"][2]["advice"]["de"]
    assert three["responsible"] is False
    assert three["desk"] is None


async def test_a_home_outside_the_district_gets_a_polite_answer(http: httpx.AsyncClient) -> None:
    start = (await times(http, "commitment", "Öztürk"))[0]

    answer = await hold(http, start, members=group(TUEBINGEN))

    assert problem(answer) == (422, "municipality-elsewhere")
    assert "Rathaus" in answer.json()["advice"]["de"]
    assert TUEBINGEN not in answer.json()["detail"]


async def test_a_group_too_large_is_told_what_to_do(http: httpx.AsyncClient) -> None:
    def asked(service: str, persons: int) -> dict[str, Any]:
        return {"service": service, "family_name": "Öztürk", "members": group(*[HECHINGEN] * persons)}

    own = await http.post(f"{OFFICE}/assignment", json=asked("eat_pickup", 7))
    reckoned = await http.post(f"{OFFICE}/assignment", json=asked("transfer_passport", 9))

    assert problem(own) == problem(reckoned) == (422, "persons-not-possible")
    assert "zwei Termine" in own.json()["advice"]["de"]
    assert "3 Termine" in reckoned.json()["advice"]["de"]
