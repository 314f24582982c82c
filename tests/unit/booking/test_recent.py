import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from services.booking.commands import Booking, WrongSecret
from services.booking.domain.appointment import Appointment, Change
from services.booking.recent import Recent
from services.booking.storage import ChangedMeanwhile
from services.booking.tokens import Keys
from tests.builders import MONDAY, a_confirmed, a_given_contact, a_hold, a_person, a_request, some_contact
from tests.sealed import some_people

KEYS = Keys({"k1": b"x" * 32})
PEOPLE = some_people(secrets=KEYS)


@dataclass
class Stored:
    """The one document of an appointment, and how often it was read."""

    appointment: Appointment
    recent: Recent = field(default_factory=Recent)
    reads: int = 0

    async def get(self, id: str) -> Appointment:
        self.reads += 1
        return self.appointment

    async def apply(self, change: Change) -> Appointment:
        if change.before.version != self.appointment.version:
            raise ChangedMeanwhile
        self.appointment = change.after
        self.recent.keep(change.after)
        return change.after


class Clock:
    def now(self) -> datetime:
        return MONDAY


def booking(stored: Stored) -> Booking:
    unused = cast(Any, None)
    return Booking(
        offices={},
        appointments=cast(Any, stored),
        memory=unused,
        keys=KEYS,
        people=PEOPLE,
        clock=cast(Any, Clock()),
        demand=unused,
        keep_request=timedelta(hours=24),
        inviting=unused,
    )


def secret_of(appointment: Appointment) -> str:
    assert appointment.contact_sequence is not None
    return KEYS.secret("confirm", appointment.id, appointment.contact_sequence)


def test_steps_in_one_process_read_nothing_again() -> None:
    held = a_hold(id="held", person=asyncio.run(PEOPLE.seal_first("held", a_person())))
    stored = Stored(held)
    stored.recent.keep(held)

    requested = asyncio.run(booking(stored).request(held.id, a_given_contact()))
    confirmed = asyncio.run(booking(stored).confirm(held.id, secret_of(requested)))

    assert (confirmed.status, stored.appointment, stored.reads) == ("confirmed", confirmed, 0)


def test_what_another_process_wrote_decides() -> None:
    """Confirmed elsewhere since we wrote the request: answered as it is, and written no second time."""
    requested = a_request()
    confirmed = requested.confirm(now=MONDAY).after
    stored = Stored(confirmed)
    stored.recent.keep(requested)

    assert asyncio.run(booking(stored).confirm(requested.id, secret_of(requested))) == confirmed
    assert stored.appointment == confirmed


def test_an_old_state_refuses_nobody() -> None:
    """A new address came to another process: its message's secret counts, though we know the old one only."""
    first = a_request()
    second = first.request(
        some_contact(digest="of another"),
        person=b"sealed again",
        now=MONDAY,
        keep_until=MONDAY + timedelta(hours=24),
    ).after
    stored = Stored(second)
    stored.recent.keep(first)

    assert asyncio.run(booking(stored).confirm(first.id, secret_of(second))).status == "confirmed"


def test_a_wrong_secret_is_refused_by_the_stored_state() -> None:
    requested = a_request()
    stored = Stored(requested)
    stored.recent.keep(requested)

    with pytest.raises(WrongSecret):
        asyncio.run(booking(stored).confirm(requested.id, KEYS.secret("confirm", requested.id, 7)))
    assert stored.reads == 1


def test_only_so_many_states_are_kept() -> None:
    recent = Recent()
    states = [a_confirmed(id=str(number)) for number in range(2001)]
    for state in states:
        recent.keep(state)

    assert recent.take("0") is None
    assert recent.take("2000") == states[-1]
    assert recent.take("2000") is None
