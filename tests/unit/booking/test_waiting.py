from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.booking.domain import waiting
from services.booking.domain.actors import CITIZEN, SYSTEM
from services.booking.domain.appointment import Appointment, Offer, Wish, WrongStatus, wish_for
from tests.builders import MONDAY, a_confirmed, a_party, some_contact

BERLIN = ZoneInfo("Europe/Berlin")
RULES = waiting.OfferRules(most=3, lasts=timedelta(hours=24))
UNTIL = datetime(2026, 12, 12, tzinfo=BERLIN)
WISH = Wish(first=date(2026, 12, 1), last=date(2026, 12, 11))
FRIDAY = datetime(2026, 12, 4, 8, 0, tzinfo=BERLIN)


def an_offer(starts_at: datetime = FRIDAY, *, now: datetime = MONDAY) -> Offer:
    ends_at = starts_at + timedelta(minutes=25)
    return Offer("service_point", "counter_2", starts_at, ends_at, expires_at=now + timedelta(hours=24))


def a_waiter(wish: Wish = WISH) -> Appointment:
    expires_at = MONDAY + timedelta(minutes=10)
    held = wish_for(a_party(), wish, until=UNTIL, now=MONDAY, expires_at=expires_at)
    asked = held.request(some_contact(), person=b"sealed", now=MONDAY, keep_until=UNTIL, claims=("s|me",)).after
    return asked.confirm(now=MONDAY).after


def may(appointment: Appointment, offer: Offer | None = None, *, now: datetime = MONDAY) -> bool:
    next_in_line = waiting.is_next(appointment, now=now, zone=BERLIN, rules=RULES)
    return next_in_line and waiting.suits(appointment, offer or an_offer(), zone=BERLIN)


def test_a_proven_address_waits_and_owns_no_time() -> None:
    waiter = a_waiter()

    assert (waiter.status, waiter.cells, waiter.active, waiter.waiting_since) == ("waiting", (), ("s|me",), MONDAY)


def test_only_times_that_suit_are_offered() -> None:
    assert may(a_waiter())
    assert not may(a_waiter(Wish(WISH.first, WISH.last, weekdays=(0, 1, 2, 3))))
    assert not may(a_waiter(Wish(WISH.first, WISH.last, day_part="afternoon")))
    assert not may(a_waiter(Wish(WISH.first, date(2026, 12, 3))))


def test_one_offer_a_day_and_three_in_all() -> None:
    waiter = a_waiter()
    for day in range(3):
        now = MONDAY + timedelta(days=day, hours=1)
        offered = waiting.offer_time(waiter, an_offer(now=now), now=now).after
        waiter = waiting.end_offer(offered, now=now, by=CITIZEN).after
        late = an_offer(now=MONDAY - timedelta(days=1))
        assert not may(waiter, late, now=now), "twice on one day"
    assert not may(waiter, an_offer(now=MONDAY - timedelta(days=1)), now=MONDAY + timedelta(days=8))


def test_the_offered_time_is_owned_until_it_ends() -> None:
    offered = waiting.offer_time(a_waiter(), an_offer(), now=MONDAY).after
    assert len(offered.cells) == 5
    assert offered.release(now=MONDAY).cells == offered.cells

    with pytest.raises(waiting.NoOffer):
        waiting.end_offer(offered, now=MONDAY, by=SYSTEM)
    ended = waiting.end_offer(offered, now=MONDAY + timedelta(hours=24), by=SYSTEM).after

    assert (ended.cells, ended.offer, ended.status) == ((), None, "waiting")


def test_who_had_no_time_is_confirmed_by_accepting() -> None:
    offered = waiting.offer_time(a_waiter(), an_offer(), now=MONDAY).after

    change = waiting.accept(offered, now=MONDAY, release_at=MONDAY)

    assert (change.after.status, change.after.starts_at, change.after.lane) == ("confirmed", FRIDAY, "counter_2")
    assert change.after.cells == an_offer().cells
    assert change.after.wish is None
    assert change.after.expires_at is None


def test_who_had_a_time_moves_and_the_old_one_cools() -> None:
    mine = a_confirmed(now=MONDAY, starts_in=timedelta(days=10))
    waiter = waiting.join(mine, WISH, now=MONDAY).after
    offered = waiting.offer_time(waiter, an_offer(), now=MONDAY).after
    assert set(offered.cells) == set(mine.cells) | set(an_offer().cells)

    moved = waiting.accept(offered, now=MONDAY, release_at=MONDAY + timedelta(hours=1)).after

    assert (moved.starts_at, moved.previous_starts_at) == (FRIDAY, mine.starts_at)
    assert set(moved.cooling[0].cells) == set(mine.cells)
    assert set(moved.cells) == set(mine.cells) | set(an_offer().cells)


def test_a_later_time_is_not_offered_to_who_has_one() -> None:
    mine = a_confirmed(now=MONDAY, starts_in=timedelta(days=2))
    assert not may(waiting.join(mine, WISH, now=MONDAY).after)


def test_acceptance_is_remembered_and_a_move_beside_an_offer_is_none() -> None:
    offered = waiting.offer_time(a_waiter(), an_offer(), now=MONDAY).after
    assert waiting.accept(offered, now=MONDAY, release_at=MONDAY).after.accepted_at == (MONDAY,)
    mine = a_confirmed(now=MONDAY, starts_in=timedelta(days=10))
    beside = waiting.offer_time(waiting.join(mine, WISH, now=MONDAY).after, an_offer(), now=MONDAY).after
    new = mine.starts_at + timedelta(days=1)
    moved = beside.reschedule(
        lane="counter_1", starts_at=new, ends_at=new + timedelta(minutes=25), now=MONDAY, release_at=MONDAY
    )
    assert moved.after.accepted_at == ()


def test_an_expired_offer_cannot_be_accepted() -> None:
    offered = waiting.offer_time(a_waiter(), an_offer(), now=MONDAY).after
    with pytest.raises(waiting.NoOffer):
        waiting.accept(offered, now=MONDAY + timedelta(hours=24), release_at=MONDAY)


def test_leaving_gives_the_offer_back_and_keeps_the_time() -> None:
    mine = a_confirmed(now=MONDAY, starts_in=timedelta(days=10))
    offered = waiting.offer_time(waiting.join(mine, WISH, now=MONDAY).after, an_offer(), now=MONDAY).after

    left = waiting.leave(offered, now=MONDAY).after

    assert (left.cells, left.wish, left.offer) == (mine.cells, None, None)


@pytest.mark.parametrize("command", ["reschedule", "cancel", "resize", "office_cancel"])
def test_no_change_loses_or_keeps_cells_it_should_not(command: str) -> None:
    mine = a_confirmed(now=MONDAY, starts_in=timedelta(days=10))
    offered = waiting.offer_time(waiting.join(mine, WISH, now=MONDAY).after, an_offer(), now=MONDAY).after
    release_at = MONDAY + timedelta(hours=1)
    new = mine.starts_at + timedelta(days=1)
    changes: dict[str, Any] = {
        "reschedule": lambda: offered.reschedule(
            lane="counter_1", starts_at=new, ends_at=new + timedelta(minutes=25), now=MONDAY, release_at=release_at
        ),
        "resize": lambda: offered.resize(
            municipalities=mine.municipalities[:1],
            children_under_6=0,
            ends_at=mine.starts_at + timedelta(minutes=15),
            now=MONDAY,
            release_at=release_at,
        ),
        "cancel": lambda: offered.cancel(now=MONDAY, release_at=release_at),
        "office_cancel": lambda: offered.office_cancel(now=MONDAY, by=SYSTEM, reason="closure"),
    }
    after = changes[command]().after

    assert len(after.cells) == len(set(after.cells))
    assert set(after.release(now=MONDAY).cells) == set(after.cells)
    later = after.release(now=MONDAY + timedelta(hours=2))
    owned = set(later.current_cells()) if later.status == "confirmed" else set()
    assert set(later.cells) == owned | (set(an_offer().cells) if later.offer else set())


def test_whoever_only_holds_cannot_wait_beside() -> None:
    held = a_confirmed(now=MONDAY).cancel(now=MONDAY, release_at=MONDAY).after
    with pytest.raises(WrongStatus):
        waiting.join(held, WISH, now=MONDAY)
