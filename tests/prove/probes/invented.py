"""Appointments that no booking made: events as booking would publish them, for queues to deliver."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

from services.booking.domain.appointment import Appointment
from services.booking.people import open_contact_of
from services.booking.storage import to_state
from services.notification.channels.email.mime import message_id
from services.notification.domain import message_for
from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmationSent,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentHeld,
    AppointmentJoinedWaitingList,
    AppointmentLeftWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
    AppointmentOfficeCancelled,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentRestored,
    Contact,
    ContactProvided,
    OpenContact,
    new_event,
)
from shared.contracts.appointments import AppointmentEvent
from shared.sealing import PublicKeys
from tests.builders import a_hold, a_person, some_contact
from tests.prove.probes.client import a_key
from tests.prove.world import World
from tests.sealed import sealed

# What is bound to notification's queue of appointments; reporting hears everything.
TOLD_TO_NOTIFICATION = (
    AppointmentRequested,
    AppointmentConfirmed,
    AppointmentRescheduled,
    AppointmentCancelled,
    AppointmentOfficeCancelled,
    AppointmentRestored,
    AppointmentExpired,
    AppointmentJoinedWaitingList,
    AppointmentLeftWaitingList,
    AppointmentOffered,
    AppointmentOfferEnded,
)
_COUNTED = ("held", "requested", "confirmed", "rescheduled", "cancelled", "persons")


@dataclass(frozen=True, slots=True)
class Life:
    """`events` from the hold on, one of each step, and the `contact` that came with the second: sealed as it is
    told, and `person` as notification opens it.

    `service` is this appointment's own: so its figures stand in a row of their own.
    """

    id: str
    email: str
    service: str
    events: tuple[AppointmentEvent, ...]
    contact: ContactProvided
    person: OpenContact

    @property
    def heard(self) -> list[AppointmentEvent]:
        """The events that notification hears."""
        return [event for event in self.events if isinstance(event, TOLD_TO_NOTIFICATION)]

    @property
    def newest(self) -> AppointmentEvent:
        return self.events[-1]

    def mail_of(self, event: AppointmentEvent) -> str:
        """The mail that `event` asks for, as it names itself."""
        delivery = message_for(event)
        assert delivery, f"{event.type} asks for no message"
        return reference_of(delivery.id)


def reference_of(delivery: str) -> str:
    """A delivery's id as its mail names it: in the letters of a Message-ID."""
    return message_id(delivery, "x").strip("<>").partition("@")[0]


def a_life(world: World, chance: Random, *, steps: int = 6, **contact: Any) -> Life:
    """The first `steps` of held, requested, confirmation sent, confirmed, rescheduled, cancelled."""
    key = a_key(chance)
    while key in world.invented:
        key = a_key(chance)
    email = f"invented-{key[:13]}@example.org"
    states = _states(key)
    events = tuple(_event(state) for state in states[:steps])
    url = world.service("booking").url
    person = open_contact_of(states[1], a_person(email=email), secrets=world.keys, public_url=url)
    person = person.model_copy(update=contact)
    told = seal_for(world, person)
    life = Life(
        id=key,
        email=email,
        service=states[0].service,
        events=events,
        contact=new_event(ContactProvided, subject=key, sequence=2, data=told, time=states[1].steps[-1].at),
        person=person,
    )
    world.invented.add(key)
    world.planted |= {id for event in events if (message := message_for(event)) for id in message.siblings}
    return life


def seal_for(world: World, person: OpenContact) -> Contact:
    """As only notification can open it."""
    return sealed(person, keys=PublicKeys.read(world.stack.secret("booking_contact_public_keys")))


_KINDS: tuple[type[AppointmentEvent], ...] = (
    AppointmentHeld,
    AppointmentRequested,
    AppointmentConfirmationSent,
    AppointmentConfirmed,
    AppointmentRescheduled,
    AppointmentCancelled,
)


def _states(id: str) -> list[Appointment]:
    now = datetime.now(UTC)
    ahead = now + timedelta(hours=24)
    held = a_hold(now=now, starts_in=timedelta(days=14), id=id, service=f"probe-{id[:13]}")
    requested = held.request(some_contact(), person=b"sealed", now=now, keep_until=ahead).after
    sent = requested.confirmation_sent(now=now, expires_at=ahead).after
    confirmed = sent.confirm(now=now).after
    moved = confirmed.reschedule(
        lane="counter_2",
        starts_at=held.starts_at + timedelta(days=1),
        ends_at=held.ends_at + timedelta(days=1),
        now=now,
        release_at=ahead,
    ).after
    return [held, requested, sent, confirmed, moved, moved.cancel(now=now, release_at=ahead).after]


def _event(state: Appointment) -> AppointmentEvent:
    kind = _KINDS[state.version - 1]
    return new_event(kind, subject=state.id, sequence=state.version, data=to_state(state), time=state.steps[-1].at)


def figures_of(world: World, lives: Sequence[Life]) -> dict[str, dict[str, int]]:
    """The report's sums of persons and of each step, for each appointment's own service."""
    today = datetime.now(UTC).date()
    days = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=60)), "group_by": "service"}
    url = f"{world.service('reporting').url}/v1/reports/figures"
    answer = httpx.get(url, params=days, headers=world.stack.reader, timeout=15)
    rows = {row["service"]: {name: row[name] for name in _COUNTED} for row in answer.json()}
    return {life.id: rows.get(life.service, {}) for life in lives}


def counted_once(life: Life) -> dict[str, int]:
    """What `figures_of` shows where this life was counted once."""
    steps = {step.step for step in life.newest.data.steps}
    persons = life.newest.data.persons if "confirmed" in steps else 0
    return {**{name: int(name in steps) for name in _COUNTED}, "persons": persons}


def mails_to(world: World, lives: Sequence[Life]) -> Counter[str]:
    """How often each delivery was handed over, mails only."""
    addresses = {life.email for life in lives}
    return Counter(taken.reference for taken in world.mail.taken if taken.to in addresses)


def sequences_of(world: World, lives: Sequence[Life]) -> dict[str, tuple[int, int]]:
    """By appointment the newest state that notification and reporting know, 0 for none."""
    mine = {"_id": {"$in": [life.id for life in lives]}}
    with world.auditor() as client:
        known = {d["_id"]: d["sequence"] for d in client["notification"]["appointments"].find(mine)}
        facts = {d["_id"]: d["sequence"] for d in client["reporting"]["appointments"].find(mine)}
    return {life.id: (known.get(life.id, 0), facts.get(life.id, 0)) for life in lives}
