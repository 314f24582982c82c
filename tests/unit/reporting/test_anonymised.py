from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from services.booking.domain import waiting
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import Appointment, Offer, Wish
from services.booking.domain.day import DayRules, call, check_in, complete
from services.booking.domain.day import start as begin
from services.booking.storage import to_state
from services.reporting.handlers import appointment_fact
from tests.builders import MONDAY, a_confirmed, a_hold, a_request

ZONE = ZoneInfo("Europe/Berlin")
_STAFF = Actor("staff", "of the office")
LATER = MONDAY + timedelta(days=2)


def moved() -> Appointment:
    before = a_confirmed()
    starts_at, ends_at = before.starts_at + timedelta(days=1), before.ends_at + timedelta(days=1)
    change = before.reschedule(
        lane="counter_2", starts_at=starts_at, ends_at=ends_at, now=MONDAY, release_at=LATER
    )
    return change.after


def served() -> Appointment:
    """Checked in, called, at the desk, done: with minutes of waiting and of service."""
    visit = a_confirmed()
    start = visit.starts_at
    midnight = start.replace(hour=0)
    day = (midnight, midnight + timedelta(days=1))
    rules = DayRules(late_after=timedelta(minutes=15), late="serve", calls=3)
    now = start + timedelta(minutes=40)
    visit = check_in(visit, at=start, now=now, day=day, rules=rules).after
    visit = call(visit, at=start + timedelta(minutes=5), now=now, day=day, by=_STAFF, lane="counter_1").after
    visit = begin(visit, at=start + timedelta(minutes=6), now=now, day=day, by=_STAFF).after
    return complete(visit, at=start + timedelta(minutes=30), now=now, day=day, by=_STAFF).after


def waited_for() -> Appointment:
    mine = a_confirmed(starts_in=timedelta(days=10))
    start = mine.starts_at - timedelta(days=3)
    offer = Offer("service_point", "counter_1", start, start + timedelta(minutes=25), LATER)
    wish = Wish(first=start.date(), last=start.date())
    offered = waiting.offer_time(waiting.join(mine, wish, now=MONDAY).after, offer, now=MONDAY).after
    return waiting.accept(offered, now=MONDAY, release_at=LATER).after


@pytest.mark.parametrize(
    "over",
    [
        a_hold().expire(now=LATER, release_at=LATER).after,
        a_request().expire(now=LATER, release_at=LATER).after,
        a_confirmed().cancel(now=LATER, release_at=LATER).after,
        a_confirmed(),
        moved(),
        a_confirmed(emergency=True, channel="helper").cancel(now=LATER, release_at=LATER, by=_STAFF).after,
        a_confirmed().office_cancel(now=LATER, by=_STAFF, reason="closure").after,
        served(),
        waited_for(),
    ],
    ids=[
        "hold ran out",
        "nobody confirmed",
        "cancelled",
        "visited",
        "moved and visited",
        "cancelled by staff",
        "cancelled by the office",
        "served",
        "accepted an offer",
    ],
)
def test_what_is_anonymised_changes_no_figure(over: Appointment) -> None:
    """Seen to fail with the step counted, with the number of persons lost, and with the channel lost."""
    after = over.anonymise(kind="request", now=max(LATER, over.ends_at)).after

    before_entries = sorted(appointment_fact(to_state(over)).entries(ZONE))
    assert before_entries
    assert sorted(appointment_fact(to_state(after)).entries(ZONE)) == before_entries
