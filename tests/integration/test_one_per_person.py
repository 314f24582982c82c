"""One active appointment per person and service: the database refuses the second, and the person chooses."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from services.booking.commands import BookedAlready
from services.booking.domain.appointment import NothingToRestore
from services.booking.people import GivenContact
from tests.builders import a_given_contact
from tests.integration.booking_harness import KEYS, Desk, a_desk

pytestmark = pytest.mark.anyio
MINE = a_given_contact(email="mine@example.org")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(servers: Stack) -> AsyncIterator[Desk]:
    async with a_desk(servers) as desk:
        yield desk


async def requested(desk: Desk, *, place: int, contact: GivenContact = MINE, name: str = "Öztürk") -> str:
    wish = desk.wish(place=place, family_name=name)
    held = await desk.booking.hold(wish, idempotency_key=f"request-{place}-{name}")
    await desk.booking.request(held.appointment.id, contact)
    return held.appointment.id


async def confirm(desk: Desk, id: str, **more: str) -> str:
    appointment = await desk.booking.appointments.get(id)
    secret = KEYS.secret("confirm", id, appointment.contact_sequence or 0)
    return (await desk.booking.confirm(id, secret, **more)).id  # type: ignore[arg-type]


async def statuses(desk: Desk, *ids: str) -> list[str]:
    return [(await desk.document(id))["status"] for id in ids]


async def test_a_second_appointment_is_found_only_when_the_address_is_proven(desk: Desk) -> None:
    first, second = await requested(desk, place=3), await requested(desk, place=5, name="ÖZTÜRK")
    await confirm(desk, first)

    with pytest.raises(BookedAlready) as refused:
        await confirm(desk, second)

    assert refused.value.existing.id == first
    assert await statuses(desk, first, second) == ["confirmed", "requested"]


async def test_keep_gives_the_new_one_up(desk: Desk) -> None:
    first, second = await requested(desk, place=3), await requested(desk, place=5)
    await confirm(desk, first)

    assert await confirm(desk, second, instead="keep") == first
    assert await statuses(desk, first, second) == ["confirmed", "cancelled"]


async def test_move_takes_the_new_one_and_cancels_the_old_together(desk: Desk) -> None:
    first, second = await requested(desk, place=3), await requested(desk, place=5)
    await confirm(desk, first)

    assert await confirm(desk, second, instead="move") == second
    assert await statuses(desk, first, second) == ["cancelled", "confirmed"]
    told = [e["type"] for e in (await desk.document(second))["history"] if e["exchange"] == "appointments"]
    assert told[-1] == "appointment.confirmed.v1"


async def test_for_another_person_both_stay_and_staff_look(desk: Desk) -> None:
    first, second = await requested(desk, place=3), await requested(desk, place=5)
    await confirm(desk, first)

    assert await confirm(desk, second, instead="another_person") == second
    assert await statuses(desk, first, second) == ["confirmed", "confirmed"]
    assert [a.id for a in await desk.booking.appointments.for_review("zollernalbkreis")] == [second]


async def test_another_name_or_address_is_another_person(desk: Desk) -> None:
    ids = [
        await requested(desk, place=3),
        await requested(desk, place=5, name="Yılmaz"),
        await requested(desk, place=7, contact=a_given_contact(email="theirs@example.org")),
    ]

    for id in ids:
        await confirm(desk, id)

    assert await statuses(desk, *ids) == ["confirmed"] * 3


async def test_of_two_confirmed_at_once_one_wins(desk: Desk) -> None:
    ids = [await requested(desk, place=place) for place in (3, 4, 5, 6)]

    answers = await asyncio.gather(*(confirm(desk, id) for id in ids), return_exceptions=True)

    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sorted(await statuses(desk, *ids)) == ["confirmed", *["requested"] * 3]


async def test_after_cancelling_the_person_may_book_again(desk: Desk) -> None:
    first, second = await requested(desk, place=3), await requested(desk, place=5)
    await confirm(desk, first)
    await desk.booking.cancel(first)

    await confirm(desk, second)

    with pytest.raises(BookedAlready):
        await desk.booking.restore(first)
    assert await statuses(desk, first, second) == ["cancelled", "confirmed"]


async def test_a_cancellation_is_taken_back_while_it_cools(desk: Desk) -> None:
    id = await requested(desk, place=5)
    await confirm(desk, id)
    before = await desk.document(id)
    await desk.booking.cancel(id)

    await desk.booking.restore(id)

    after = await desk.document(id)
    assert (after["status"], after["cells"], after["active"]) == ("confirmed", before["cells"], before["active"])
    await desk.booking.cancel(id)
    desk.clock.ahead = (await desk.document(id))["cooling"][0]["release_at"] - desk.clock.now()
    await desk.sweeper.sweep()
    with pytest.raises(NothingToRestore):
        await desk.booking.restore(id)
