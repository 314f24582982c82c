"""An office to practise on: filled with invented people, worked in as ever, and apart from the real one."""

from collections.abc import AsyncIterator
from random import Random
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from services.booking.domain.invented import somebody
from services.booking.memory import NotLoaded
from services.booking.offices import checked
from services.booking.toml import plain
from services.booking.training import as_training
from shared.contracts.offices import is_training, practised_by, training_of
from tests.builders import HECHINGEN, an_office
from tests.integration.booking_harness import KEYS
from tests.integration.office_harness import (
    FIRST_CONTACT,
    OFFICE,
    OTHER_OFFICE,
    AtWork,
    a_client,
    an_office_at_work,
)
from tests.integration.pages_harness import AtTheScreen, at_the_screen, text_of
from tests.waiting import until

pytestmark = pytest.mark.anyio
PRACTICE = training_of(OFFICE)
_BAND = 'class="training"'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def practising(work: AtWork) -> AtTheScreen:
    """A lead who has made the training office and is there."""
    by = await at_the_screen(work, "lead")
    await by.sent("/staff/training/office")
    await by.sent("/staff/training/enter")
    await until(lambda: is_loaded(work, PRACTICE), what="the training office is loaded")
    return by


def is_loaded(work: AtWork, office: str) -> bool:
    try:
        work.desk.booking.memory.availability(office)
    except NotLoaded:
        return False
    return True


async def documents(work: AtWork, office: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (
        await work.desk.database["appointments"].find({"office": office}).to_list(None)
    )
    return found


def test_the_id_alone_says_that_an_office_is_for_practice() -> None:
    assert training_of("balingen") == "balingen-uebung"
    assert training_of("balingen-uebung") == "balingen-uebung"
    assert is_training("balingen-uebung")
    assert not is_training("balingen")
    assert practised_by("balingen-uebung") == practised_by("balingen") == "balingen"


def test_the_training_office_has_the_rules_of_the_real_one_and_opens_nothing_of_it() -> None:
    real = an_office().data
    practice = checked(plain(as_training(real.model_copy(update={"public_figures": True}))), source="practice")
    assert all("(Übung)" in name for name in practice.name.values())
    assert (practice.helpers, practice.public_figures) == ((), False)
    for field in ("opening_hours", "teams", "services", "booking", "surname_ranges", "municipalities"):
        assert getattr(practice, field) == getattr(real, field)


def test_invented_people_can_be_reached_by_nobody() -> None:
    random = Random(1)  # noqa: S311 (nobody's secret)
    people = [somebody(random, homes=[HECHINGEN], most=3) for _ in range(500)]
    assert all(one.email is None or one.email.endswith("@example.org") for one in people)
    assert all(one.phone is None or one.phone.startswith("+493023125") for one in people)
    assert {len(one.members) for one in people} == {1, 2, 3}
    assert {(bool(one.email), bool(one.phone)) for one in people} == {(True, True), (True, False), (False, True)}


async def test_a_day_is_filled_worked_in_and_emptied_and_the_real_office_keeps_what_it_has(work: AtWork) -> None:
    real = await work.booked(await work.colleague("lead"), "10:00", days=1)
    before = await work.desk.document(real["id"])
    by = await practising(work)

    await by.sent("/staff/training/people/fill")
    page = await by.see("/staff/today")
    assert _BAND in page
    assert "Wartet (6)" in text_of(page)
    filled = await documents(work, PRACTICE)
    assert len(filled) > 20
    waiting = [one for one in filled if one["status"] == "checked_in"]
    by_hand = waiting[0]["_id"]
    await by.sent(f"/staff/appointments/{by_hand}/do/call", lane="counter_1")
    await by.sent(f"/staff/appointments/{by_hand}/do/start")
    assert _BAND in await by.see(f"/staff/appointments/{by_hand}")
    await by.sent("/staff/training/people/empty")

    left = await documents(work, PRACTICE)
    assert {one["status"] for one in left} == {"anonymised"}
    assert not [one for one in left if one.get("person") or one.get("cells")]
    assert "Wartet (0)" in text_of(await by.see("/staff/today"))
    assert await work.desk.document(real["id"]) == before
    assert [one["_id"] for one in await documents(work, OFFICE)] == [real["id"]]
    recorded = await work.recorded()
    assert recorded.index("training.made") < recorded.index("training.fill") < recorded.index("training.empty")


async def test_a_real_office_is_neither_filled_nor_emptied(work: AtWork) -> None:
    booked = await work.booked(await work.colleague("lead"), "10:00", days=1)
    by = await at_the_screen(work, "lead")
    for what in ("fill", "empty"):
        answer = await by.send(f"/staff/training/people/{what}")
        assert answer.status_code == 409
        assert "echte Amt" in answer.text
    assert [(one["_id"], one["status"]) for one in await documents(work, OFFICE)] == [(booked["id"], "confirmed")]


async def test_practice_is_reached_by_the_own_people_and_no_others(work: AtWork) -> None:
    await practising(work)
    own = await at_the_screen(work, "service_point")
    stranger = await at_the_screen(work, "lead", office=OTHER_OFFICE)
    beginner = await at_the_screen(work, "service_point", office=PRACTICE)

    assert _BAND not in await own.see("/staff/today")
    await own.sent("/staff/training/enter")
    assert _BAND in await own.see("/staff/today")
    await own.sent("/staff/training/leave")
    assert _BAND not in await own.see("/staff/today")

    assert (await stranger.send("/staff/place", office=PRACTICE)).status_code == 404
    assert (await beginner.send("/staff/place", office=OFFICE)).status_code == 404
    await beginner.sent("/staff/training/leave")
    assert _BAND in await beginner.see("/staff/today")
    admin = await at_the_screen(work, "admin")
    assert beginner.account.login in await admin.see("/staff/accounts")


async def test_nobody_books_in_practice_by_chance(work: AtWork) -> None:
    """With a second real office there is a choice, in which practice does not stand."""
    await practising(work)
    async with a_client(work.app) as http:
        listed = (await http.get("/v1/offices")).json()
        assert {one["id"] for one in listed} == {OFFICE, OTHER_OFFICE}
        start = (await http.get("/?lang=en")).text
        assert f"office={OFFICE}" in start
        assert PRACTICE not in start
        there = (await http.get(f"/?lang=en&office={PRACTICE}")).text
        assert "An appointment made here is not valid" in there
        assert 'content="noindex"' in there
        assert _BAND not in (await http.get(f"/?lang=en&office={OFFICE}")).text


async def test_the_page_says_the_digits_that_no_message_brings(work: AtWork) -> None:
    await practising(work)
    for office, said in ((PRACTICE, True), (OFFICE, False)):
        async with a_client(work.app) as http:
            wanted = work.wanted("10:00", days=7, preconditions={"pin_letter": True})
            key = {"Idempotency-Key": str(uuid4())}
            held = (await http.post("/v1/appointments", json={**wanted, "office": office}, headers=key)).json()
            form = {
                "office": office,
                "home": HECHINGEN,
                "service": "eat_pickup",
                "yes": "pin_letter",
                "id": held["id"],
                "token": held["token"],
                "family_name": "Öztürk",
                "email": "somebody@example.org",
            }
            page = (await http.post("/book/request", data=form)).text
        assert (KEYS.code(held["id"], FIRST_CONTACT) in page) is said
