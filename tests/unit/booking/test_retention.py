from datetime import datetime, timedelta

import pytest

from services.booking.domain.appointment import Appointment, WrongStatus
from services.booking.domain.retention import kept_until, kind_of
from services.booking.domain.rules import Retention
from services.booking.storage import to_document
from shared.contracts import AppointmentAnonymised, ContactErased
from tests.builders import MONDAY, a_confirmed, a_hold, a_request, some_contact

RULES = Retention()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def expired(appointment: Appointment, at: datetime) -> Appointment:
    return appointment.expire(now=at, release_at=at).after


def cancelled(appointment: Appointment, at: datetime) -> Appointment:
    return appointment.cancel(now=at, release_at=at).after


LATER = MONDAY + 2 * DAY
CONFIRMED = a_confirmed()


@pytest.mark.parametrize(
    ("appointment", "kind", "until"),
    [
        (a_hold(), None, None),
        (a_request(), None, None),
        (expired(a_hold(), LATER), "hold", MONDAY + timedelta(minutes=10) + HOUR),
        (expired(a_request(), LATER), "unconfirmed", MONDAY + 24 * HOUR + 24 * HOUR),
        (cancelled(a_hold(), LATER), "cancelled", LATER + DAY),
        (cancelled(a_confirmed(), LATER), "cancelled", LATER + DAY),
        (CONFIRMED, "visit", CONFIRMED.ends_at + 7 * DAY),
    ],
    ids=["held", "requested", "hold ran out", "nobody confirmed", "hold given back", "cancelled", "visited"],
)
def test_each_end_has_its_own_time(appointment: Appointment, kind: str | None, until: datetime | None) -> None:
    assert (kind_of(appointment), kept_until(appointment, RULES)) == (kind, until)


def test_an_office_may_decide_other_times() -> None:
    assert kept_until(CONFIRMED, Retention(visit_days=2)) == CONFIRMED.ends_at + 2 * DAY


def test_what_is_anonymised_says_nothing_of_the_person() -> None:
    over = cancelled(a_confirmed(request_digest="digest", code="ABCD2345"), MONDAY)
    change = over.anonymise(kind="cancelled", now=LATER)
    after = change.after

    stored = repr(to_document(after))
    for plain in ("sealed", "digest of", "of all", "of the address", "ABCD2345", "'digest'"):
        assert plain not in stored.replace("'digest': None", "")
    assert (after.person, after.code, after.request_digest) == (None, "", "")
    assert (change.event, change.contact) == (AppointmentAnonymised, ContactErased)


def test_what_is_anonymised_keeps_the_figures() -> None:
    over = cancelled(a_confirmed(), MONDAY)
    after = over.anonymise(kind="cancelled", now=LATER).after

    kept = ("office", "service", "team", "starts_at", "ends_at", "persons", "children_under_6", "municipalities")
    assert [getattr(after, name) for name in kept] == [getattr(over, name) for name in kept]
    assert (after.outcome, after.anonymised_at, after.anonymised_as) == ("cancelled", LATER, "cancelled")
    assert after.steps[:-1] == over.steps
    assert after.contact is not None
    assert after.contact.language == some_contact().language


def test_of_a_hold_without_contact_no_contact_is_erased() -> None:
    change = expired(a_hold(), LATER).anonymise(kind="hold", now=LATER)

    assert (change.contact, change.after.contact) == (None, None)


def test_a_booking_that_lies_ahead_is_not_anonymised() -> None:
    with pytest.raises(WrongStatus):
        CONFIRMED.anonymise(kind="visit", now=CONFIRMED.starts_at)


def test_nothing_is_anonymised_twice() -> None:
    once = CONFIRMED.anonymise(kind="visit", now=CONFIRMED.ends_at).after
    with pytest.raises(WrongStatus):
        once.anonymise(kind="visit", now=CONFIRMED.ends_at)
    assert kept_until(once, RULES) is None
