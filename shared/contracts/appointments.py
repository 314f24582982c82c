"""Exchange `appointments`: what happens to appointments, without any personal data.

Every event carries the appointment's whole state, so the newest one alone is enough.
"""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.event import Data, Event


class Step(Data):
    """One step of an appointment's life: `held`, `requested`, `confirmation_sent`, `confirmed`, …"""

    step: str
    at: AwareDatetime


class AppointmentState(Data):
    """An appointment as others may know it. Times are UTC, `[starts_at, ends_at)`.

    `municipalities` holds one AGS per member, the lead person's first. `contact_sequence` is the sequence of
    the newest contact event, for those who may hear it. `previous_starts_at` is what a reschedule changed.
    """

    appointment: str
    office: str
    service: str
    team: str
    lane: str
    status: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    persons: int = Field(ge=1)
    children_under_6: int = Field(ge=0)
    municipalities: tuple[str, ...]
    channel: str
    language: str | None = None
    expires_at: AwareDatetime | None = None
    contact_sequence: int | None = None
    reschedules: int = 0
    steps: tuple[Step, ...] = ()
    previous_starts_at: AwareDatetime | None = None


class AppointmentEvent(Event):
    exchange: ClassVar[str] = "appointments"
    data: AppointmentState


class AppointmentHeld(AppointmentEvent):
    """A time was taken for somebody who is still typing."""

    type: Literal["appointment.held.v1"] = "appointment.held.v1"


class AppointmentRequested(AppointmentEvent):
    """Contact details came in; the message that asks to confirm is due."""

    type: Literal["appointment.requested.v1"] = "appointment.requested.v1"


class AppointmentConfirmationSent(AppointmentEvent):
    """The message that asks to confirm was handed over; the time to confirm runs from here."""

    type: Literal["appointment.confirmation_sent.v1"] = "appointment.confirmation_sent.v1"


class AppointmentConfirmed(AppointmentEvent):
    type: Literal["appointment.confirmed.v1"] = "appointment.confirmed.v1"


class AppointmentRescheduled(AppointmentEvent):
    type: Literal["appointment.rescheduled.v1"] = "appointment.rescheduled.v1"


class AppointmentCancelled(AppointmentEvent):
    type: Literal["appointment.cancelled.v1"] = "appointment.cancelled.v1"


class AppointmentExpired(AppointmentEvent):
    """A hold, or a request that nobody confirmed, ran out."""

    type: Literal["appointment.expired.v1"] = "appointment.expired.v1"


class Demand(Data):
    """What was looked for in one minute, as one booking process (`instance`) saw it: counts only."""

    office: str
    minute: AwareDatetime
    instance: str
    searches: int = 0
    searches_without_result: int = 0
    out_of_area: dict[str, int] = Field(default_factory=dict)
    slot_taken: int = 0


class DemandMeasured(Event):
    """The counts of one minute so far; a later event of the same subject replaces them."""

    exchange: ClassVar[str] = "appointments"
    type: Literal["demand.measured.v1"] = "demand.measured.v1"
    data: Demand
