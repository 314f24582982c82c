"""What a delivery is, what is known of those that it depends on, and what can be decided about it."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from services.notification.purposes import Purpose
from shared.contracts import AppointmentState, Office, OpenContact


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class Status(StrEnum):
    """`sandboxed` would have been sent, but to somebody whom a trial must not reach."""

    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    NOT_WANTED = "not_wanted"
    SANDBOXED = "sandboxed"


class Priority(IntEnum):
    """The lower goes first in a backlog.

    Urgent is what somebody waits for just now, or what comes too late in the morning: it breaks quiet hours too.
    """

    URGENT = 0
    NORMAL = 1
    LATER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one person over one channel.

    It goes out only with facts at least as new as the event that asked for it: the appointment's state from
    `state_sequence` on (0: any) and a contact from `contact_sequence` on (None: whatever the state names).
    `starts_at` is the time that it is about: the appointment's, or the offered one.
    """

    id: str
    caused_by: str
    appointment: str
    office: str
    purpose: Purpose
    channel: Channel
    language: str
    state_sequence: int
    contact_sequence: int | None
    starts_at: datetime | None
    created_at: datetime
    due_at: datetime
    not_after: datetime
    correlation_id: str
    traceparent: str | None
    priority: Priority = Priority.NORMAL
    attempts: int = 0
    waits: int = 0
    version: int = 0

    @property
    def siblings(self) -> tuple[str, ...]:
        """The ids of what was planned for the same event and purpose, over every channel."""
        return tuple(delivery_id(self.caused_by, self.purpose, channel) for channel in Channel)


@dataclass(frozen=True, slots=True)
class KnownState:
    sequence: int
    data: AppointmentState


@dataclass(frozen=True, slots=True)
class KnownContact:
    """`data` is None once the contact was erased; nothing brings it back."""

    sequence: int
    data: OpenContact | None


@dataclass(frozen=True, slots=True)
class Send:
    state: KnownState
    contact: OpenContact
    office: Office
    to: str

    @property
    def languages(self) -> tuple[str | None, ...]:
        """What the reader wants to read, the first choice first."""
        return self.contact.language, self.state.data.language


@dataclass(frozen=True, slots=True)
class Wait:
    missing: str


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is missing: it is not the time of day, or not the day yet."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class Drop:
    status: Status
    reason: str


def stored(time: datetime) -> datetime:
    """In whole milliseconds, as the database gives it back: a time must equal itself after the journey."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def delivery_id(event_id: str, purpose: Purpose, channel: Channel) -> str:
    return f"{event_id}:{purpose}:{channel}"
