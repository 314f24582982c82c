"""The waiting list on a real database: what becomes free goes to the next in line, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.stack import Stack
from services.booking.commands import WaitingList, WishNotPossible, WishRequest
from services.booking.domain.appointment import Appointment, Wish
from services.booking.domain.cells import cells_of, read_cell, set_bits, start_of
from services.booking.domain.office import Member
from services.booking.domain.waiting import NoOffer
from services.booking.storage import SlotTaken, to_document
from services.booking.web.routes import add_citizen_pages
from tests.builders import HECHINGEN, a_confirmed, a_given_contact
from tests.integration.booking_harness import KEYS, Desk, a_desk
from tests.unit.booking.test_guard import a_guard
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(servers: Stack) -> AsyncIterator[Desk]:
    async with a_desk(servers) as desk:
        yield desk


@pytest.fixture
def waiting_list(desk: Desk) -> WaitingList:
    return WaitingList(desk.booking)


async def booked(desk: Desk, *, place: int, who: str = "first") -> Appointment:
    held = await desk.booking.hold(desk.wish(place=place), idempotency_key=f"booked-{who}-{place}")
    return await proven(desk, held.appointment.id, who)


async def proven(desk: Desk, id: str, who: str) -> Appointment:
    asked = await desk.booking.request(id, a_given_contact(email=f"{who}@example.org"))
    return await desk.booking.confirm(id, KEYS.secret("confirm", id, asked.contact_sequence or 0))


def wish_for(desk: Desk, *, days: int = 40, **changes: Any) -> Wish:
    today = desk.clock.now().astimezone(desk.office.zone).date()
    return replace(Wish(first=today, last=today + timedelta(days=days)), **changes)


async def waiter(desk: Desk, waiting_list: WaitingList, who: str, **changes: Any) -> Appointment:
    request = WishRequest(
        office="zollernalbkreis",
        service="eat_pickup",
        family_name="Öztürk",
        members=(Member(HECHINGEN),),
        wish=wish_for(desk, **changes),
        preconditions={"pin_letter": True},
    )
    entry = await waiting_list.enter(request, idempotency_key=f"wish-of-{who}")
    return await proven(desk, entry.id, who)


async def fill(desk: Desk) -> None:
    """Nothing is free any more: every open cell that nobody has belongs to a stranger."""
    availability, now = desk.booking.memory.availability("zollernalbkreis"), desk.clock.now()
    taken = {read_cell(cell)[1:] for cell in await desk.database["appointments"].distinct("cells")}
    strangers = [
        {**to_document(stranger), "_id": stranger.id}
        for lane in desk.office.lanes("service_point")
        for first, length in _runs(
            availability.base + bit
            for bit in set_bits(availability.masks.open(("service_point", lane), "web", now=now))
            if (lane, availability.base + bit) not in taken
        )
        for stranger in (_stranger(lane, first, length),)
    ]
    await desk.database["appointments"].insert_many(strangers)
    await until(lambda: not availability.starts("service_point", length=3, now=now))


def _runs(cells: Iterable[int]) -> list[tuple[int, int]]:
    """First cell and length of each uninterrupted run."""
    runs: list[tuple[int, int]] = []
    for cell in cells:
        if runs and cell == sum(runs[-1]):
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((cell, 1))
    return runs


def _stranger(lane: str, first: int, length: int) -> Appointment:
    starts_at, ends_at = start_of(first), start_of(first + length)
    cells = cells_of(team="service_point", lane=lane, starts_at=starts_at, ends_at=ends_at)
    return replace(a_confirmed(), lane=lane, cells=cells, starts_at=starts_at, ends_at=ends_at)


async def test_a_cancelled_time_goes_to_who_has_waited_longest(desk: Desk, waiting_list: WaitingList) -> None:
    mine = await booked(desk, place=15)
    await fill(desk)
    first = await waiter(desk, waiting_list, "longest")
    second = await waiter(desk, waiting_list, "later")
    assert await waiting_list.offer_all() == 0

    await desk.booking.cancel(mine.id)

    assert await waiting_list.offer_all() == 1
    offered = await desk.booking.appointments.get(first.id)
    assert offered.offer is not None
    assert offered.offer.starts_at == mine.starts_at
    assert (await desk.booking.appointments.get(second.id)).offer is None
    freed = await desk.document(mine.id)
    assert not set(freed.get("cells", [])) & set(offered.offer.cells)


async def test_nobody_else_can_hold_an_offered_time(desk: Desk, waiting_list: WaitingList) -> None:
    mine = await booked(desk, place=15)
    request = replace(desk.wish(place=15), starts_at=mine.starts_at)
    await fill(desk)
    await waiter(desk, waiting_list, "waits")
    await desk.booking.cancel(mine.id)
    await waiting_list.offer_all()

    desk.clock.ahead = timedelta(hours=2)
    await desk.sweeper.sweep()

    with pytest.raises(SlotTaken):
        await desk.booking.hold(request, idempotency_key="somebody-quicker")


async def test_accepting_confirms_who_had_no_time(desk: Desk, waiting_list: WaitingList) -> None:
    entry = await waiter(desk, waiting_list, "waits")
    await waiting_list.offer_all()
    offer = (await desk.booking.appointments.get(entry.id)).offer
    assert offer

    done = await waiting_list.accept(entry.id, offer.starts_at)
    again = await waiting_list.accept(entry.id, offer.starts_at)

    assert (done.status, done.starts_at) == ("confirmed", offer.starts_at)
    assert again.version == done.version
    told = [e["type"] for e in (await desk.document(entry.id))["history"] if e["exchange"] == "appointments"]
    assert told[-2:] == ["appointment.offered.v1", "appointment.confirmed.v1"]


async def test_accepting_moves_who_had_one_and_the_old_cools(desk: Desk, waiting_list: WaitingList) -> None:
    mine = await booked(desk, place=15)
    await waiting_list.join(mine.id, wish_for(desk))
    await waiting_list.offer_all()
    offer = (await desk.booking.appointments.get(mine.id)).offer
    assert offer
    assert offer.starts_at < mine.starts_at

    moved = await waiting_list.accept(mine.id, offer.starts_at)

    assert moved.starts_at == offer.starts_at
    assert set(moved.cooling[0].cells) == set(mine.cells)


async def test_an_offer_that_runs_out_goes_to_the_next(desk: Desk, waiting_list: WaitingList) -> None:
    mine = await booked(desk, place=15)
    await fill(desk)
    first = await waiter(desk, waiting_list, "first-in-line")
    second = await waiter(desk, waiting_list, "second-in-line")
    await desk.booking.cancel(mine.id)
    await waiting_list.offer_all()

    desk.clock.ahead = timedelta(hours=24, minutes=1)
    await desk.sweeper.sweep()
    with pytest.raises(NoOffer):
        await waiting_list.accept(first.id, mine.starts_at)
    await waiting_list.offer_all()

    offers = [(await desk.booking.appointments.get(id)).offer for id in (first.id, second.id)]
    assert [offer and offer.starts_at for offer in offers].count(mine.starts_at) == 1


async def test_one_offer_a_day_and_three_in_all(desk: Desk, waiting_list: WaitingList) -> None:
    entry = await waiter(desk, waiting_list, "picky")
    offered = 0
    for day in range(6):
        desk.clock.ahead = timedelta(days=day, minutes=1)
        offered += await waiting_list.offer_all()
        if (await desk.booking.appointments.get(entry.id)).offer:
            await waiting_list.decline(entry.id)
        assert await waiting_list.offer_all() == 0, "a second one on the same day"
    assert offered == 3


async def test_two_processes_offer_one_time_once(desk: Desk, waiting_list: WaitingList) -> None:
    mine = await booked(desk, place=15)
    await fill(desk)
    waiters = [await waiter(desk, waiting_list, f"waiter-{n}") for n in range(3)]
    await desk.booking.cancel(mine.id)

    rounds = await asyncio.gather(*(WaitingList(desk.booking).offer_all() for _ in range(4)))

    offers = [(await desk.booking.appointments.get(w.id)).offer for w in waiters]
    assert sum(rounds) == 1
    assert sum(offer is not None for offer in offers) == 1


async def test_a_wish_that_nothing_can_fulfil_is_refused(desk: Desk, waiting_list: WaitingList) -> None:
    for impossible in (wish_for(desk, days=0), wish_for(desk, days=400), wish_for(desk, weekdays=())):
        mine = await booked(desk, place=9, who=f"nobody{impossible.last}{impossible.weekdays}")
        with pytest.raises(WishNotPossible):
            await waiting_list.join(mine.id, impossible)
        await desk.booking.cancel(mine.id)


async def test_a_wish_ends_with_its_last_day(desk: Desk, waiting_list: WaitingList) -> None:
    await fill(desk)
    entry = await waiter(desk, waiting_list, "in-vain", days=10)
    desk.clock.ahead = timedelta(days=11)

    await desk.sweeper.sweep()

    assert (await desk.document(entry.id))["status"] == "expired"


async def test_one_click_in_a_mail_program_ends_the_waiting(desk: Desk, waiting_list: WaitingList) -> None:
    """RFC 8058: a POST without cookie or question, to the link that the mail's header names."""
    waits, also = await waiter(desk, waiting_list, "a"), await booked(desk, place=0, who="b")
    await waiting_list.join(also.id, wish_for(desk))
    done = await booked(desk, place=3, who="c")
    for entry, after in ((waits, "cancelled"), (also, "confirmed"), (done, "confirmed")):
        link = f"/manage/{entry.id}?secret={KEYS.secret('manage', entry.id)}"
        assert await _clicked(desk, waiting_list, link) == 200
        assert await _clicked(desk, waiting_list, link) == 200
        now = await desk.booking.appointments.get(entry.id)
        assert (now.status, now.wish) == (after, None)


async def test_one_click_needs_the_secret_and_its_word(desk: Desk, waiting_list: WaitingList) -> None:
    entry = await waiter(desk, waiting_list, "a")
    link = f"/manage/{entry.id}?secret="
    assert await _clicked(desk, waiting_list, f"{link}guessed") == 403
    assert await _clicked(desk, waiting_list, f"{link}{KEYS.secret('manage', entry.id)}", word="Yes") == 422
    assert (await desk.booking.appointments.get(entry.id)).status == "waiting"


async def _clicked(desk: Desk, waiting_list: WaitingList, link: str, *, word: str = "One-Click") -> int:
    app = FastAPI()
    add_citizen_pages(app, desk.booking, erasing=desk.erasing, guard=a_guard(None)[0], waiting_list=waiting_list)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return (await client.post(link, data={"List-Unsubscribe": word})).status_code
