"""The events of one appointment."""

from datetime import datetime, timedelta
from typing import Any

from shared.contracts import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentRequested,
    AppointmentRescheduled,
    ContactProvided,
    Event,
    LinkRequested,
    MessageRequested,
    RequestedMessage,
    new_event,
)
from tests.integration.notification.harness import Notification
from tests.unit.notification.builders import (
    NOW,
    a_contact_event,
    a_link_request,
    a_state,
    an_appointment_id,
    an_erasure,
    an_event,
)


class Story:
    """One appointment's events, in a week from now by the database's clock."""

    def __init__(self, notification: Notification, **contact: Any) -> None:
        self._now = notification.clock.now()
        self._id = an_appointment_id()
        self._contact = {"email": f"{self._id[:8]}@example.org", **contact}
        self.starts_at = self._now + timedelta(days=7)

    @property
    def id(self) -> str:
        return self._id

    @property
    def email(self) -> str:
        return str(self._contact["email"])

    def event(self, cls: Any, sequence: int, **state: Any) -> Any:
        values = {"appointment": self._id, "starts_at": self.starts_at, "contact_sequence": 2, **state}
        return an_event(cls, sequence=sequence, time=self._now, **values)

    def requested(self) -> AppointmentRequested:
        event: AppointmentRequested = self.event(AppointmentRequested, 2, status="requested")
        return event

    def confirmed(self, sequence: int = 3) -> AppointmentConfirmed:
        event: AppointmentConfirmed = self.event(AppointmentConfirmed, sequence)
        return event

    def moved(self, sequence: int = 4) -> AppointmentRescheduled:
        moved = {"starts_at": self.starts_at + timedelta(days=1), "previous_starts_at": self.starts_at}
        event: AppointmentRescheduled = self.event(AppointmentRescheduled, sequence, **moved)
        return event

    def cancelled(self, sequence: int = 5) -> AppointmentCancelled:
        event: AppointmentCancelled = self.event(AppointmentCancelled, sequence, status="cancelled")
        return event

    def contact(self, sequence: int = 2) -> ContactProvided:
        return a_contact_event(sequence=sequence, time=self._now, appointment=self._id, **self._contact)

    def link(self, sequence: int = 6) -> LinkRequested:
        return a_link_request(sequence=sequence, time=self._now, appointment=self._id, **self._contact)

    def asked_again(self, purpose: str, sequence: int = 3) -> MessageRequested:
        """Staff want a message once more."""
        state = a_state(appointment=self._id, starts_at=self.starts_at, contact_sequence=2)
        data = RequestedMessage(**state.model_dump(), purpose=purpose)
        return new_event(MessageRequested, subject=self._id, sequence=sequence, data=data, time=self._now)

    def erased(self, *, now: datetime | None = None, asked: bool = True) -> Event:
        """Long ago, where `now` is not given."""
        return an_erasure(appointment=self._id, time=now or NOW, asked=asked)
