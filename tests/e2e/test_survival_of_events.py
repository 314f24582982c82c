"""Events come repeated, late, in the wrong order, or broken."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from deploy.local.stack import Stack
from services.booking.people import open_contact_of
from services.booking.storage import to_state
from services.booking.tokens import Keys
from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentHeld,
    AppointmentRequested,
    ContactProvided,
    Event,
    new_event,
)
from shared.sealing import PublicKeys
from tests.builders import a_hold, a_person, some_contact
from tests.citizen import Mailbox
from tests.e2e.conftest import NewCitizen
from tests.e2e.test_survival_of_servers import amtstermin
from tests.ledger import Ledger, growth, put_on_queue
from tests.sealed import PUBLIC, sealed
from tests.waiting import eventually

KEYS = Keys({"k1": b"x" * 32})


def a_life(email: str, *, keys: PublicKeys = PUBLIC) -> tuple[list[Event], Event]:
    """The appointment events of a booking that was confirmed and cancelled, and its contact."""
    now = datetime.now(UTC)
    held = a_hold(now=now, starts_in=timedelta(days=14))
    requested = held.request(some_contact(), person=b"sealed", now=now, keep_until=now + timedelta(hours=24)).after
    confirmed = requested.confirm(now=now).after
    cancelled = confirmed.cancel(now=now, release_at=now + timedelta(minutes=20)).after
    kinds = (AppointmentHeld, AppointmentRequested, AppointmentConfirmed, AppointmentCancelled)
    states = (held, requested, confirmed, cancelled)
    events: list[Event] = [
        new_event(kind, subject=held.id, sequence=state.version, data=to_state(state), time=now)
        for kind, state in zip(kinds, states, strict=True)
    ]
    person = open_contact_of(requested, a_person(email=email), secrets=KEYS, public_url="http://127.0.0.1")
    data = sealed(person, keys=keys)
    contact = new_event(ContactProvided, subject=held.id, sequence=2, data=data, time=now)
    return events, contact


def test_repeated_late_and_reversed_events_change_nothing(stack: Stack, ledger: Ledger) -> None:
    """Five times each, newest first, the contact last: one mail, that of the newest state, counted once.

    Seen to fail without the sequence guard of reporting (counts differ) and without the contradiction
    rule of notification (a confirmation for a cancelled appointment).
    """
    before = ledger.figures()
    email = f"{uuid4().hex}@example.org"
    keys = PublicKeys.read(stack.secret("booking_contact_public_keys"))
    events, contact = a_life(email, keys=keys)
    heard = [event for event in events if not isinstance(event, AppointmentHeld)]
    shuffled = random.Random(7).sample(heard * 5, k=len(heard) * 5)  # noqa: S311 (a test)

    asyncio.run(put_on_queue(stack, "notification.appointments", heard[-1], *shuffled))
    asyncio.run(put_on_queue(stack, "reporting.appointments", *reversed(events * 5)))
    asyncio.run(put_on_queue(stack, "notification.contacts", *[contact] * 5))

    mailbox = Mailbox(stack.mail.maildir)
    eventually(lambda: mailbox.to(email), what="the mail of the newest state")
    now = ledger.figures()
    assert ledger.deliveries_of(events[0].subject) == {
        "confirm_request": "superseded",
        "confirmation": "superseded",
        "cancellation": "sent",
    }
    assert len(mailbox.to(email)) == 1
    expected = {"held": 1, "requested": 1, "confirmed": 1, "cancelled": 1, "persons": 3}
    assert growth(before, now, expected) == expected


def test_broken_events_are_parked_with_their_reason_and_the_queue_goes_on(
    stack: Stack, ledger: Ledger, a_citizen: NewCitizen
) -> None:
    """Seen to fail with unreadable events rejected instead of parked: the parking queue stayed empty."""
    events, _ = a_life("nobody@example.org")
    incomplete = events[1].body().replace(b'"starts_at"', b'"begins_at"')
    unknown = events[1].body().replace(b"appointment.requested.v1", b"appointment.requested.v7")

    asyncio.run(put_on_queue(stack, "notification.appointments", b"\xff no JSON", unknown, incomplete))

    def reasons() -> str | None:
        listed = amtstermin(stack, "parking", "list", "notification.appointments")
        return listed if len(listed.splitlines()) >= 3 else None

    listed = eventually(reasons, what="three parked messages")
    assert "not JSON" in listed
    assert "appointment.requested.v7" in listed
    assert "starts_at" in listed
    citizen = a_citizen()
    citizen.book()
    amtstermin(stack, "parking", "discard", "notification.appointments", "--all", "--reason", "test")
    ledger.quiet()
