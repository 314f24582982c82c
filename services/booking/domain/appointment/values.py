"""What an appointment is made of, and the errors that say what does not go with it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.booking.domain.cells import cells_of

Status = Literal[
    "held",
    "requested",
    "waiting",
    "confirmed",
    "checked_in",
    "called",
    "in_service",
    "completed",
    "expired",
    "cancelled",
    "office_cancelled",
    "no_show",
    "anonymised",
]
# Those that a person is still expected for, or is there.
OPEN: frozenset[Status] = frozenset(
    {"held", "requested", "waiting", "confirmed", "checked_in", "called", "in_service"}
)
CANCELLED: frozenset[Status] = frozenset({"cancelled", "office_cancelled"})
# Whoever owns its time still: what is over keeps it until the time has passed, so that it can be undone.
OWNING = OPEN | {"completed", "no_show"}
# A wrong address can be put right while the appointment is not confirmed, but not used to send mail at will.
MOST_CONTACTS = 3
# Freed times return a day ahead at the latest, so that somebody can still use them.
RETURNS_BEFORE_START = timedelta(hours=24)


class WrongStatus(Exception):
    """What was asked for does not go with the appointment's status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Expired(Exception):
    """The time to hold or to confirm is over."""


class AlreadyOver(Exception):
    """The appointment has begun."""


class TooManyContacts(Exception):
    pass


class NothingToRestore(Exception):
    """The cancellation can no longer be taken back: its time has been given away, or is about to be."""


REFUSALS = (WrongStatus, Expired, AlreadyOver, TooManyContacts, NothingToRestore)


@dataclass(frozen=True, slots=True)
class Cooling:
    """Freed cells that nobody can book again before `release_at`."""

    cells: tuple[str, ...]
    release_at: datetime


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """What rules need to know of how to reach the person; name and addresses stand sealed in `person`.

    The digests are keyed: equal for equal contacts and addresses, and nothing else can be read from them.
    """

    language: str
    digest: str | None = None
    email_digest: str | None = None
    phone_digest: str | None = None
    sms_consent: bool = False
    has_email: bool = True
    has_phone: bool = False
    # The person can do without; all else is told anyway.
    reminders: bool = True


@dataclass(frozen=True, slots=True)
class Wish:
    """When a time would suit: local days from `first` to `last`, both included, on `weekdays` (0 is Monday).

    `day_part` narrows it to mornings (before 12:00) or afternoons.
    """

    first: date
    last: date
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    day_part: Literal["any", "morning", "afternoon"] = "any"

    def suits(self, starts_at: datetime) -> bool:
        """Whether `starts_at` (local time of the office) is one of the wished times."""
        if not self.first <= starts_at.date() <= self.last or starts_at.weekday() not in self.weekdays:
            return False
        return self.day_part == "any" or (starts_at.hour < 12) == (self.day_part == "morning")


@dataclass(frozen=True, slots=True)
class Offer:
    """A time of somebody who waits, theirs alone until `expires_at`; its cells are among the appointment's."""

    team: str
    lane: str
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime

    @property
    def cells(self) -> tuple[str, ...]:
        return cells_of(team=self.team, lane=self.lane, starts_at=self.starts_at, ends_at=self.ends_at)


@dataclass(frozen=True, slots=True)
class Moment:
    """What an action of the day changed, as it was before, so that it can be undone."""

    status: Status
    steps: int
    calls: int
    called_by: str | None
    called_to: str | None
    queue_at: datetime | None
    waiting_minutes: int | None
    handling_minutes: int | None
    active: tuple[str, ...]


def cool(
    cooling: tuple[Cooling, ...],
    freed: tuple[str, ...],
    starts_at: datetime,
    now: datetime,
    release_at: datetime,
) -> tuple[Cooling, ...]:
    """`cooling` and the cells just freed, unless they are free at once because the visit is near."""
    release_at = min(release_at, starts_at - RETURNS_BEFORE_START)
    if not freed or release_at <= now:
        return cooling
    return (*cooling, Cooling(cells=freed, release_at=release_at))


def cells_in(cooling: tuple[Cooling, ...]) -> tuple[str, ...]:
    return tuple(cell for entry in cooling for cell in entry.cells)
