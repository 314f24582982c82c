from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from services.booking.domain.appointment import Appointment
from services.booking.storage import to_state
from services.reporting.handlers import appointment_fact
from tests.builders import MONDAY, a_confirmed, a_hold, a_request

ZONE = ZoneInfo("Europe/Berlin")
LATER = MONDAY + timedelta(days=2)


def moved() -> Appointment:
    before = a_confirmed()
    starts_at, ends_at = before.starts_at + timedelta(days=1), before.ends_at + timedelta(days=1)
    change = before.reschedule(
        lane="counter_2", starts_at=starts_at, ends_at=ends_at, now=MONDAY, release_at=LATER
    )
    return change.after


@pytest.mark.parametrize(
    "over",
    [
        a_hold().expire(now=LATER, release_at=LATER).after,
        a_request().expire(now=LATER, release_at=LATER).after,
        a_confirmed().cancel(now=LATER, release_at=LATER).after,
        a_confirmed(),
        moved(),
    ],
    ids=["hold ran out", "nobody confirmed", "cancelled", "visited", "moved and visited"],
)
def test_what_is_anonymised_changes_no_figure(over: Appointment) -> None:
    """Seen to fail with the step counted, with the number of persons lost, and with the channel lost."""
    after = over.anonymise(kind="request", now=max(LATER, over.ends_at)).after

    before_entries = sorted(appointment_fact(to_state(over)).entries(ZONE))
    assert before_entries
    assert sorted(appointment_fact(to_state(after)).entries(ZONE)) == before_entries
