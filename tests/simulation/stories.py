"""Lives of appointments as booking tells them, with ids that are the same in every run of a seed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentHeld,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentState,
    ContactErased,
    ContactProvided,
    ErasedContact,
    Event,
    LinkRequested,
    OpenContact,
    Step,
)
from shared.contracts.appointments import AppointmentEvent
from shared.contracts.event import wire_type
from tests.sealed import sealed
from tests.simulation.fakes.rabbitmq import Message

OFFICE, SERVICE = "zollernalbkreis", "eat_pickup"
_TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def event(cls: type[Any], *, subject: str, sequence: int, time: datetime, data: Any, id: str = "") -> Any:
    kind = wire_type(cls)
    return cls(
        id=id or f"{subject}.{sequence}.{kind.split('.')[1]}",
        type=kind,
        source="/booking",
        subject=subject,
        time=time,
        sequence=sequence,
        correlationid=subject,
        traceparent=_TRACE,
        data=data,
    )


def as_message(event: Event) -> Message:
    return Message(event.id, event.exchange, event.type, event.body(), event.correlationid)


@dataclass(slots=True)
class Life:
    """An appointment and the person; each method is one change and gives the events it tells."""

    id: str
    starts_at: datetime
    email: str | None
    phone: str | None = None
    sequence: int = 0
    status: str = "held"
    contact_sequence: int | None = None
    previous: datetime | None = None
    steps: tuple[Step, ...] = ()
    states: dict[int, AppointmentState] = field(default_factory=dict)

    def held(self, now: datetime) -> list[Event]:
        return [self._told(AppointmentHeld, "held", now)]

    def requested(self, now: datetime, *, email: str | None = None) -> list[Event]:
        self.email = email or self.email
        self.contact_sequence = self.sequence + 1
        told = self._told(AppointmentRequested, "requested", now)
        return [told, self._contact(ContactProvided, now)]

    def confirmed(self, now: datetime) -> list[Event]:
        return [self._told(AppointmentConfirmed, "confirmed", now)]

    def expired(self, now: datetime) -> list[Event]:
        return [self._told(AppointmentExpired, "expired", now)]

    def rescheduled(self, now: datetime, *, by: timedelta) -> list[Event]:
        self.previous, self.starts_at = self.starts_at, self.starts_at + by
        return [self._told(AppointmentRescheduled, "confirmed", now)]

    def cancelled(self, now: datetime) -> list[Event]:
        return [self._told(AppointmentCancelled, "cancelled", now)]

    def link_requested(self, now: datetime) -> list[Event]:
        return [self._contact(LinkRequested, now)]

    def erased(self, now: datetime) -> list[Event]:
        data = ErasedContact(appointment=self.id)
        return [event(ContactErased, subject=self.id, sequence=self.sequence, time=now, data=data)]

    def _told(self, cls: type[AppointmentEvent], status: str, now: datetime) -> Event:
        self.sequence += 1
        self.status = status
        self.steps = (*self.steps, Step(step=wire_type(cls).split(".")[1], at=now))
        state = self._state()
        self.states[self.sequence] = state
        self.previous = None
        told: Event = event(cls, subject=self.id, sequence=self.sequence, time=now, data=state)
        return told

    def _state(self) -> AppointmentState:
        return AppointmentState(
            appointment=self.id,
            office=OFFICE,
            service=SERVICE,
            team="service_point",
            lane="counter_1",
            status=self.status,
            starts_at=self.starts_at,
            ends_at=self.starts_at + timedelta(minutes=25),
            persons=2,
            children_under_6=1,
            municipalities=("08417031", "08417002"),
            channel="web",
            language="de",
            contact_sequence=self.contact_sequence,
            steps=self.steps,
            previous_starts_at=self.previous,
        )

    def _contact(self, cls: type[Event], now: datetime) -> Event:
        data = OpenContact(
            appointment=self.id,
            office=OFFICE,
            code="K7MQ4XPA",
            family_name="Yılmaz",
            given_name="Ayşe",
            email=self.email,
            phone=self.phone,
            language="de",
            sms_consent=self.phone is not None,
            confirm_url="https://termine.example/c/1",
            confirm_code="482913",
            manage_url="https://termine.example/t/1",
        )
        told: Event = event(cls, subject=self.id, sequence=self.sequence, time=now, data=sealed(data))
        return told
