"""Things with defaults, so that a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.booking.domain import appointment as booking_domain
from services.booking.domain.appointment import Appointment, ContactDetails, Party
from services.booking.domain.office import Office
from services.booking.offices import read_office
from services.booking.people import GivenContact, Person

HECHINGEN, BALINGEN, ALBSTADT = "08417031", "08417002", "08417079"
OFFICE_FILE = Path(__file__).parents[1] / "deploy" / "offices" / "zollernalbkreis.toml"

# A Monday in an ordinary week.
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


def an_office(*, key: bytes = b"", **changes: Any) -> Office:
    """The delivered office, with whole days: all that is not changed is released at once, without quotas."""
    data = read_office(OFFICE_FILE)
    at_once = data.booking.model_copy(update={"release": "at_once"})
    return Office(data.model_copy(update={"booking": at_once, "quotas": (), **changes}), key=key)


def a_party(**changes: Any) -> Party:
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "office": "zollernalbkreis",
        "code": "ABCD2345",
        "service": "eat_pickup",
        "team": "service_point",
        "municipalities": (HECHINGEN, HECHINGEN, HECHINGEN),
        "person": b"sealed",
        "request_digest": "digest",
    }
    return Party(**{**values, **changes})


def a_hold(*, now: datetime = MONDAY, starts_in: timedelta = timedelta(days=7), **changes: Any) -> Appointment:
    starts_at = now + starts_in
    times: dict[str, Any] = {
        "lane": "counter_1",
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=25),
        "expires_at": now + timedelta(minutes=10),
    }
    given = {name: changes.pop(name) for name in list(changes) if name in times}
    return booking_domain.hold(a_party(**changes), now=now, **{**times, **given})


def a_request(*, now: datetime = MONDAY, claims_of: str | None = None, **changes: Any) -> Appointment:
    """`claims_of` stands for the person's keyed hash."""
    held = a_hold(now=now, **changes)
    claims = (f"{held.service}|{claims_of}",) if claims_of else ()
    keep_until = now + timedelta(hours=24)
    asked = held.request(some_contact(), person=b"sealed anew", now=now, keep_until=keep_until, claims=claims)
    return asked.after


def a_confirmed(*, now: datetime = MONDAY, **changes: Any) -> Appointment:
    return a_request(now=now, **changes).confirm(now=now).after


def some_contact(**changes: Any) -> ContactDetails:
    """As the domain knows it."""
    values: dict[str, Any] = {"language": "de", "digest": "of all", "email_digest": "of the address"}
    return ContactDetails(**{**values, **changes})


def a_given_contact(**changes: Any) -> GivenContact:
    values: dict[str, Any] = {"email": "someone@example.org", "language": "de", "given_name": "Ayşe"}
    return GivenContact(**{**values, **changes})


def a_person(**changes: Any) -> Person:
    values: dict[str, Any] = {"family_name": "Öztürk", "given_name": "Ayşe", "email": "someone@example.org"}
    return Person(**{**values, **changes})
