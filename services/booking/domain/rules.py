"""The rules of an office as its file writes them: hours, closures, shares, release, surnames, helpers.

Every interval is half open. Days and times are local; `[team, lane]` narrow a rule to a team or one lane of it.
"""

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from services.booking.domain import theme
from services.booking.domain.surnames import Collation, SurnameRange
from shared.contracts import offices
from shared.contracts.event import Data

HELPER_ID = r"^[a-z0-9_-]{1,60}$"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Who a cell is for: everybody, staff, everybody shortly before, emergencies.
Channel = Literal["web", "staff", "kept", "emergency"]


def _day_or_moment(value: Any) -> Any:
    """Kept apart also as text: "2026-12-24" is a day, "2026-12-24T12:00" a moment."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo:
        raise ValueError("local time is meant; leave the offset away")
    if not isinstance(value, date):
        raise ValueError("a day as 2026-12-24 or a local time as 2026-12-24T12:00:00 is meant")
    return value


# A day stands for its midnight. `datetime` is a `date`, and pydantic must make neither into the other.
DayOrMoment = Annotated[Any, BeforeValidator(_day_or_moment)]


def local_moment(value: date, zone: ZoneInfo) -> datetime:
    """The moment that a day (its midnight) or a local time means."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(0))
    return moment.replace(tzinfo=zone)


class BookingRules(Data):
    """Days and minutes; `cooling_minutes` is the range of the random time before a freed time returns.

    With `release = "random"` each lane's day opens at a minute of its own, else at midnight.
    """

    horizon_days: int = Field(ge=1, le=366)
    staff_horizon_days: int = Field(default=182, ge=1, le=366)
    earliest_working_days: int = Field(ge=0, le=30)
    kept_working_days: int = Field(default=2, ge=0, le=30)
    emergency_working_days: int = Field(default=2, ge=0, le=30)
    release: Literal["random", "at_once"] = "random"
    grid_minutes: int = Field(ge=5, le=60, multiple_of=5)
    hold_minutes: int = Field(ge=1, le=60)
    confirm_minutes: int = Field(ge=1, le=24 * 60)
    cooling_minutes: tuple[int, int]


class Retention(Data):
    """How long the person's data stay: hours after a hold, or a request that nobody confirmed, ran out; days after
    a cancellation; days after the visit, kept or not."""

    hold_hours: int = Field(default=1, ge=0, le=24)
    unconfirmed_hours: int = Field(default=24, ge=0, le=7 * 24)
    cancelled_days: int = Field(default=1, ge=0, le=30)
    visit_days: int = Field(default=7, ge=0, le=90)


class DayRules(Data):
    """The day itself: how late somebody may be, what happens to who is later, how often a person is called."""

    late_after_minutes: int = Field(default=15, ge=0, le=240)
    late: Literal["serve", "append", "rebook"] = "append"
    calls: int = Field(default=3, ge=1, le=10)
    # When the day's list is told to those whom NOTIFICATION_STAFF_MAIL names, by the wall; empty: never.
    list_at: str = Field(default="06:30", pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d$")


class WaitingListRules(Data):
    """Offers of one waiter: how many in all (one a day), how long each is open, and how many working days before
    the visit the last one may be made."""

    most_offers: int = Field(default=3, ge=1, le=10)
    offer_hours: int = Field(default=24, ge=1, le=72)
    ahead_working_days: int = Field(default=2, ge=1, le=30)
    horizon_days: int = Field(default=182, ge=1, le=366)


class Online(Data):
    """Booking by citizens can pause; they read the notice instead. Staff go on, and who has a time keeps it."""

    paused: bool = False
    notice: offices.Text = Field(default_factory=dict)


class Holidays(Data):
    country: str
    subdivision: str | None = None


class Closure(Data):
    """Closed from a day or local time until another; the office, a team, or one lane of it."""

    from_: DayOrMoment = Field(alias="from")
    until: DayOrMoment
    reason: offices.Text
    team: str | None = None
    lane: str | None = None


class Absence(Data):
    """Whoever works at the lane is away: its deputies serve its surnames meanwhile."""

    team: str
    lane: str
    from_: DayOrMoment = Field(alias="from")
    until: DayOrMoment


class Quota(Data):
    """For whom the cells of a span are, instead of the lane's own channel. The last one that applies counts."""

    team: str
    lane: str | None = None
    weekdays: tuple[str, ...] = WEEKDAYS
    from_: str = Field(alias="from")
    until: str
    channel: Channel
    valid_from: date | None = None
    valid_until: date | None = None


class Helper(Data):
    """Somebody who books for many, with a quota of holds; `verifier` shows that the secret is known."""

    id: str = Field(pattern=HELPER_ID)
    name: str
    verifier: str = Field(pattern=r"^[0-9a-f]{64}$")
    holds_per_day: int = Field(ge=1, le=10_000)


class Address(Data):
    """Whom the pages name: an authority, an officer, a body that settles disputes. Functions, never persons."""

    name: str
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    phone: str | None = None
    email: str | None = None
    url: str | None = None


class Pages(Data):
    """What the law asks the pages to say about who runs them; see docs/web.md.

    `apply` says how to apply in writing, `shortcomings` what is not accessible yet, `sign_language` is the address
    of a film. `checked` is when and `method` how accessibility was looked at.
    """

    operator: Address | None = None
    represented_by: str | None = None
    data_protection: Address | None = None
    supervision: Address | None = None
    arbitration: Address | None = None
    monitoring: Address | None = None
    apply: offices.Text = Field(default_factory=dict)
    sign_language: str | None = Field(default=None, pattern=r"^https://")
    checked: date | None = None
    method: offices.Text = Field(default_factory=dict)
    shortcomings: tuple[offices.Text, ...] = ()


class Theme(offices.Theme):
    """The same, and it can be read: raises Unreadable within a ValidationError."""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.accent is None and self.accent_dark is not None:
            raise ValueError("accent_dark needs accent beside it")
        if self.accent is not None:
            theme.light(self.accent)
        if self.accent_dark is not None:
            theme.dark(self.accent_dark)
        return self


class OfficeData(offices.Office):
    """An office as its file describes it: what all may know, and the rules of booking."""

    booking: BookingRules
    retention: Retention = Retention()
    day: DayRules = DayRules()
    waiting_list: WaitingListRules = WaitingListRules()
    online: Online = Online()
    holidays: Holidays
    collation: Collation = Collation()
    surname_ranges: tuple[SurnameRange, ...] = ()
    closures: tuple[Closure, ...] = ()
    absences: tuple[Absence, ...] = ()
    quotas: tuple[Quota, ...] = ()
    helpers: tuple[Helper, ...] = ()
    pages: Pages = Pages()
    theme: Theme = Theme()


def week_of(day: date) -> date:
    """Its Monday."""
    return day - timedelta(days=day.weekday())
