"""Events and facts as notification hears them, with defaults."""

import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from services.notification.domain import Delivery, KnownContact, KnownState, Send, message_for
from shared.contracts import (
    AppointmentConfirmed,
    AppointmentState,
    ContactErased,
    ContactProvided,
    EntryRequested,
    ErasedContact,
    LinkRequested,
    Office,
    OfficePublished,
    OpenContact,
    OpenEntry,
    Step,
    new_event,
)
from shared.contracts.appointments import AppointmentEvent
from shared.sealed_contact import seal_entry
from tests.sealed import PUBLIC, sealed

OFFICE_FILE = Path(__file__).parents[3] / "deploy" / "offices" / "zollernalbkreis.toml"
SENDER = "termine@amt.example"

# Thursday, 3 December 2026, 10:30 in Balingen.
VISIT = datetime(2026, 12, 3, 9, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

A = TypeVar("A", bound=AppointmentEvent)


def an_office(**changes: Any) -> Office:
    return Office.model_validate({**_office_data(), **changes})


@cache
def _office_data() -> dict[str, Any]:
    return tomllib.loads(OFFICE_FILE.read_text())


def a_state(**changes: Any) -> AppointmentState:
    starts_at = changes.get("starts_at", VISIT)
    values: dict[str, Any] = {
        "appointment": "0192aaaa-0000-8000-8000-000000000001",
        "office": "zollernalbkreis",
        "service": "eat_pickup",
        "team": "service_point",
        "lane": "counter_1",
        "status": "confirmed",
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=25),
        "persons": 3,
        "children_under_6": 1,
        "municipalities": ("08417031",) * 3,
        "channel": "web",
        "language": "de",
        "contact_sequence": 2,
        "steps": (Step(step="confirmed", at=NOW),),
    }
    return AppointmentState(**{**values, **changes})


def a_contact(**changes: Any) -> OpenContact:
    values: dict[str, Any] = {
        "appointment": "0192aaaa-0000-8000-8000-000000000001",
        "office": "zollernalbkreis",
        "code": "K7MQ4XPA",
        "family_name": "Yılmaz",
        "given_name": "Ayşe",
        "email": "ayse@example.org",
        "phone": "0151 12345678",
        "language": "de",
        "sms_consent": True,
        "confirm_url": "https://termine.example/c/0192aaaa#confirm-s3cret",
        "confirm_code": "482913",
        "manage_url": "https://termine.example/t/0192aaaa#manage-s3cret",
        "unsubscribe_url": "https://termine.example/unsubscribe/0192aaaa/s3cret",
    }
    return OpenContact(**{**values, **changes})


def an_event(cls: type[A], *, sequence: int = 3, time: datetime = NOW, **state: Any) -> A:
    data = a_state(**state)
    return new_event(cls, subject=data.appointment, sequence=sequence, data=data, time=time)


def a_contact_event(*, sequence: int = 2, time: datetime = NOW, **contact: Any) -> ContactProvided:
    data = sealed(a_contact(**contact))
    return new_event(ContactProvided, subject=data.appointment, sequence=sequence, data=data, time=time)


def a_link_request(*, sequence: int = 5, time: datetime = NOW, **contact: Any) -> LinkRequested:
    data = sealed(a_contact(**contact))
    return new_event(LinkRequested, subject=data.appointment, sequence=sequence, data=data, time=time)


def an_entry(*, time: datetime = NOW, **changes: Any) -> OpenEntry:
    values: dict[str, Any] = {
        "entry": "0192aaaa-0000-8000-8000-00000000000e",
        "office": "zollernalbkreis",
        "email": "someone@example.org",
        "language": "de",
        "entry_url": "https://termine.example/entry?token=entry.0192aaaa.1796027400.k1.s3cret",
        "expires_at": time + timedelta(minutes=30),
    }
    return OpenEntry(**{**values, **changes})


def an_entry_request(*, time: datetime = NOW, **changes: Any) -> EntryRequested:
    data = seal_entry(an_entry(time=time, **changes), keys=PUBLIC)
    return new_event(EntryRequested, subject=data.entry, sequence=1, data=data, time=time)


def an_erasure(*, appointment: str, sequence: int = 9, time: datetime = NOW, asked: bool = True) -> ContactErased:
    data = ErasedContact(appointment=appointment, asked=asked)
    return new_event(ContactErased, subject=appointment, sequence=sequence, data=data, time=time)


def an_office_event(*, sequence: int = 1, **office: Any) -> OfficePublished:
    data = an_office(**office)
    return new_event(OfficePublished, subject=data.id, sequence=sequence, data=data, time=NOW)


def an_appointment_id() -> str:
    return str(uuid4())


def a_delivery(cls: type[AppointmentEvent] = AppointmentConfirmed, **event: Any) -> Delivery:
    """The mail that an event of this class asks for."""
    delivery = message_for(an_event(cls, **event))
    assert delivery is not None
    return delivery


def known(*, sequence: int = 3, **state: Any) -> KnownState:
    return KnownState(sequence, a_state(**state))


def known_contact(*, sequence: int = 2, **contact: Any) -> KnownContact:
    return KnownContact(sequence, a_contact(**contact))


def facts(
    *, state: KnownState | None = None, contact: OpenContact | None = None, office: Office | None = None
) -> Send:
    contact = contact or a_contact()
    return Send(state or known(), contact, office or an_office(), contact.email or "")
