"""The booking core on a real database: repeats, expiry, cooling, moves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.stack import Stack
from services.booking.commands import CodeUsedUp, KeyReused, WrongSecret
from services.booking.storage import ChangedMeanwhile, SlotTaken
from shared.contracts import LinkRequested
from tests.builders import a_given_contact
from tests.integration.booking_harness import KEYS, Desk, a_desk

pytestmark = pytest.mark.anyio
KEY = "a-key-of-one-request"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(servers: Stack) -> AsyncIterator[Desk]:
    async with a_desk(servers) as desk:
        yield desk


async def confirmed(desk: Desk, *, place: int = 5) -> str:
    held = await desk.booking.hold(desk.wish(place=place), idempotency_key=f"{KEY}-{place}")
    id = held.appointment.id
    requested = await desk.booking.request(id, a_given_contact())
    await desk.booking.confirm(id, KEYS.secret("confirm", id, requested.contact_sequence or 0))
    return id


async def test_a_repeated_request_gets_the_first_answer(desk: Desk) -> None:
    wish = desk.wish()
    first = await desk.booking.hold(wish, idempotency_key=KEY)
    await desk.booking.request(first.appointment.id, a_given_contact())

    again = await desk.booking.hold(wish, idempotency_key=KEY)

    assert again.appointment.id == first.appointment.id
    assert (again.starts_at, again.expires_at) == (first.starts_at, first.expires_at)
    assert await desk.database["appointments"].count_documents({}) == 1


@pytest.mark.parametrize("change", [{"family_name": "Other"}, {"service": "eat_pin"}])
async def test_the_same_key_with_another_body_is_refused(desk: Desk, change: dict[str, Any]) -> None:
    wish = desk.wish()
    await desk.booking.hold(wish, idempotency_key=KEY)

    with pytest.raises(KeyReused):
        await desk.booking.hold(replace(wish, **change), idempotency_key=KEY)


async def test_a_double_click_on_the_last_desk_holds_it_once(desk: Desk) -> None:
    wish = desk.wish()
    for number in range(2):
        await desk.booking.hold(wish, idempotency_key=f"other-{number}")

    answers = await asyncio.gather(*(desk.booking.hold(wish, idempotency_key=KEY) for _ in range(3)))

    assert len({held.appointment.id for held in answers}) == 1
    with pytest.raises(SlotTaken):
        await desk.booking.hold(wish, idempotency_key="too late")


async def test_an_expired_hold_cools_and_then_returns(desk: Desk) -> None:
    wish = desk.wish()
    holds = [await desk.booking.hold(wish, idempotency_key=f"{KEY}-{n}") for n in range(3)]

    desk.clock.ahead = timedelta(minutes=11)
    await desk.sweeper.sweep()

    document = await desk.document(holds[0].appointment.id)
    assert document["status"] == "expired"
    assert document["outbox"][-1]["type"] == "appointment.expired.v1"
    assert document["cells"]
    with pytest.raises(SlotTaken):
        await desk.booking.hold(wish, idempotency_key="too early")

    desk.clock.ahead = timedelta(minutes=11 + 41)
    await desk.sweeper.sweep()

    assert "cells" not in await desk.document(holds[0].appointment.id)
    assert (await desk.booking.hold(wish, idempotency_key="next")).appointment.version == 1


async def test_a_hold_extended_in_its_last_moment_is_not_expired_by_an_older_reading(desk: Desk) -> None:
    held = (await desk.booking.hold(desk.wish(), idempotency_key=KEY)).appointment
    assert held.expires_at
    read = await desk.booking.appointments.get(held.id)
    late = held.expires_at + timedelta(seconds=1)
    expiry = read.expire(now=late, release_at=late)
    until = held.expires_at + timedelta(minutes=10)
    just_before = held.expires_at - timedelta(milliseconds=1)
    assert await desk.booking.appointments.extend(held.id, now=just_before, until=until)

    with pytest.raises(ChangedMeanwhile):
        await desk.booking.appointments.apply(expiry)

    stored = await desk.booking.appointments.get(held.id)
    assert (stored.status, stored.expires_at) == ("held", until)


async def test_a_cancelled_time_cools_before_others_get_it(desk: Desk) -> None:
    wish = desk.wish()
    for n in range(2):
        await desk.booking.hold(wish, idempotency_key=f"{KEY}-{n}")
    mine = await desk.booking.hold(wish, idempotency_key=KEY)
    await desk.booking.cancel(mine.appointment.id)

    with pytest.raises(SlotTaken):
        await desk.booking.hold(wish, idempotency_key="somebody waits for it")


async def test_a_double_clicked_move_moves_once(desk: Desk) -> None:
    id = await confirmed(desk)
    target = desk.wish(place=8).starts_at

    moved = await asyncio.gather(*(desk.booking.reschedule(id, target) for _ in range(3)))

    assert {appointment.reschedules for appointment in moved} == {1}
    document = await desk.document(id)
    assert [e["type"] for e in document["outbox"]].count("appointment.rescheduled.v1") == 1


async def test_past_appointments_lose_their_cells(desk: Desk) -> None:
    id = await confirmed(desk)

    desk.clock.ahead = timedelta(days=60)
    await desk.sweeper.sweep()

    document = await desk.document(id)
    assert "cells" not in document
    assert document["status"] == "confirmed"


async def test_only_the_newest_message_starts_the_time_to_confirm(desk: Desk) -> None:
    held = await desk.booking.hold(desk.wish(), idempotency_key=KEY)
    id = held.appointment.id
    await desk.booking.request(id, a_given_contact(email="wrong@example.org"))
    first = (await desk.document(id))["requested_by"]
    await desk.booking.request(id, a_given_contact())
    newest = (await desk.document(id))["requested_by"]

    await desk.booking.message_settled(id, caused_by=first)
    assert (await desk.booking.appointments.get(id)).awaits_message

    await desk.booking.message_settled(id, caused_by=newest)
    after = await desk.booking.appointments.get(id)
    assert not after.awaits_message
    assert after.expires_at is not None
    assert after.expires_at - desk.clock.now() < timedelta(minutes=61)


async def test_a_code_has_five_tries_and_a_right_one_costs_none(desk: Desk) -> None:
    held = await desk.booking.hold(desk.wish(), idempotency_key=KEY)
    id = held.appointment.id
    requested = await desk.booking.request(id, a_given_contact())
    right = KEYS.code(id, requested.contact_sequence or 0)
    wrong = "000000" if right != "000000" else "000001"

    for _ in range(4):
        with pytest.raises(WrongSecret):
            await desk.booking.confirm(id, wrong)
    for _ in range(7):
        assert (await desk.booking.confirm(id, right)).status == "confirmed"
    with pytest.raises(WrongSecret):
        await desk.booking.confirm(id, wrong)
    with pytest.raises(CodeUsedUp):
        await desk.booking.confirm(id, right)


async def test_a_link_asked_for_later_is_told_with_the_present_time(desk: Desk) -> None:
    id = await confirmed(desk, place=20)
    desk.clock.ahead = timedelta(days=3)

    await desk.booking.send_links(email="someone@example.org")

    entry = (await desk.document(id))["outbox"][-1]
    assert entry["type"] == LinkRequested.model_fields["type"].default
    assert abs(entry["at"] - desk.clock.now()) < timedelta(minutes=1)


def quick_rebookings(desk: Desk) -> int:
    return sum(demand.quick_rebookings for demand in desk.booking.demand._counts.values())


async def test_a_time_held_at_once_when_it_returns_is_counted(desk: Desk) -> None:
    wish = desk.wish()
    holds = [await desk.booking.hold(wish, idempotency_key=f"{KEY}-{n}") for n in range(3)]
    for held in holds[:2]:
        await desk.booking.cancel(held.appointment.id)
    assert quick_rebookings(desk) == 0

    desk.clock.ahead = timedelta(minutes=41)
    await desk.sweeper.sweep()
    await desk.booking.hold(wish, idempotency_key="the bot")
    assert quick_rebookings(desk) == 1

    desk.clock.ahead += timedelta(seconds=11)
    await desk.booking.hold(wish, idempotency_key="somebody else")
    assert quick_rebookings(desk) == 1
