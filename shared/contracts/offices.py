"""Exchange `offices`: the whole, versioned office, so that others know its names, addresses and hours."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.event import Data, Event

# Where an office's own text goes in a message, and in which ones there is room for it.
MESSAGE_PLACES = ("before", "after", "manage", "deadline")
MESSAGE_PURPOSES = (
    "confirm_request",
    "confirmation",
    "reminder",
    "changed",
    "rescheduled",
    "cancellation",
    "office_cancellation",
    "waiting",
    "offer",
    "offer_expired",
    "link",
    "entry",
    "erased",
    "invitation",
)

# How the id of an office ends that people practise on. The id alone says it, and every event names its office, so
# nobody who hears of one can take it for a real one, whatever he hears first.
_TRAINING = "-uebung"

# A text in several languages, by language code: {"de": …, "en": …}. German is always there.
Text = dict[str, str]
COLOUR = r"^#[0-9a-fA-F]{6}$"
_TIME_OF_DAY = r"^([01]\d|2[0-3]):[0-5]\d$"


def is_training(office: str) -> bool:
    """Whether nobody in it is real: what happens there is written to nobody outside and counts nowhere."""
    return office.endswith(_TRAINING)


def training_of(office: str) -> str:
    """The id of the office on which those of `office` practise."""
    return office if is_training(office) else office + _TRAINING


def practised_by(training: str) -> str:
    """Whose people practise there; a real office's own id."""
    return training.removesuffix(_TRAINING)


class Location(Data):
    """Where the office is from `valid_from` until the day before `valid_until`."""

    valid_from: date
    valid_until: date | None = None
    street: str
    postal_code: str
    city: str
    access: Text = Field(default_factory=dict)


class Fee(Data):
    """A hint without guarantee; `amount_cents` where one amount holds for everybody."""

    text: Text
    amount_cents: int | None = None
    valid_from: date | None = None


class Minutes(Data):
    """Desk minutes: `first` for the lead person, more for each further one, fewer for children under 6."""

    first: int
    further: int
    under_6: int


class Precondition(Data):
    """Asked before a visit is booked, so that none is wasted; `advice` is told where the answer differs."""

    id: str
    question: Text
    expected: bool = True
    advice: Text = Field(default_factory=dict)


class Service(Data):
    """`mode` is open, invitation or walk_in; an `emergency` takes the times kept for emergencies, and only those.

    `combines_with` names services of the same team that one visit may hold as well.
    """

    id: str
    team: str
    mode: str
    name: Text
    purpose: Text = Field(default_factory=dict)
    minutes: Minutes
    max_persons: int
    max_minutes: int | None = None
    combines_with: tuple[str, ...] = ()
    emergency: bool = False
    preconditions: tuple[Precondition, ...] = ()
    # What a group is told that is too large for one visit.
    group_advice: Text = Field(default_factory=dict)
    documents: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    fee: Fee | None = None
    law: str | None = None


class Lane(Data):
    """A desk, and what stands at its door. `channel` is for whom its times are where no quota says otherwise;
    `deputies` stand in, in order."""

    id: str
    name: Text = Field(default_factory=dict)
    channel: str
    deputies: tuple[str, ...] = ()


class Team(Data):
    """`pool`: any free lane serves; `surname`: the lane whose range holds the lead person's family name.

    `staff` is how many people serve there: figures of fewer than three, or of a team that does not tell, are shown
    together with those of other teams only.
    """

    id: str
    name: Text
    routing: Literal["pool", "surname"] = "pool"
    staff: int = Field(default=0, ge=0, le=1000)
    lanes: tuple[Lane, ...] = ()


class OpeningHours(Data):
    """Local wall time, `[from, until)` as "HH:MM"; weekdays as mon … sun; every n weeks from `valid_from`'s week.

    Hours of a lane replace those of its team, and those of a team the office's.
    """

    weekdays: tuple[str, ...]
    from_: str = Field(alias="from")
    until: str
    valid_from: date | None = None
    valid_until: date | None = None
    every_weeks: int = Field(default=1, ge=1, le=52)
    team: str | None = None
    lane: str | None = None


class Authority(Data):
    """An immigration office that is responsible for some municipalities; `own` is this one."""

    id: str
    name: str
    own: bool = False
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    url: str | None = None


class Municipality(Data):
    ags: str
    name: str
    authority: str


class MessageText(Data):
    """What an office adds to a message, or says instead: see docs/office-data.md.

    It holds for one `purpose` (of MESSAGE_PURPOSES) or all that tell of a visit, and for one `service` or all.
    `place` is one of MESSAGE_PLACES: `before` or `after` what the message says, or the paragraph that it takes the
    place of.
    """

    purpose: str | None = None
    service: str | None = None
    place: str = "after"
    text: Text


class Messages(Data):
    """The office's own words in messages, and when people are written to, by its wall time.

    `sms_sender` begins each SMS where `sender` is too long for it. Reminders go out `reminder_hours` before the
    visit, none where that is 0. In `[quiet_from, quiet_until)`, each "HH:MM", no reminder goes out and no phone
    rings but for what is urgent; there are no quiet hours where both are equal.
    """

    sms_sender: str | None = None
    texts: tuple[MessageText, ...] = ()
    reminder_hours: int = Field(default=24, ge=0, le=14 * 24)
    quiet_from: str = Field(default="21:00", pattern=_TIME_OF_DAY)
    quiet_until: str = Field(default="08:00", pattern=_TIME_OF_DAY)


class Theme(Data):
    """How pages and mails look: `name` stands at the head of pages instead of the office's."""

    name: Text = Field(default_factory=dict)
    accent: str | None = Field(default=None, pattern=COLOUR)
    accent_dark: str | None = Field(default=None, pattern=COLOUR)


class Office(Data):
    id: str
    name: Text
    timezone: str
    phone: str | None = None
    email: str | None = None
    sender: str
    # How long a citizen has to confirm, from when the message was handed over.
    confirm_minutes: int = 60
    locations: tuple[Location, ...]
    opening_hours: tuple[OpeningHours, ...]
    teams: tuple[Team, ...]
    services: tuple[Service, ...]
    authorities: tuple[Authority, ...]
    municipalities: tuple[Municipality, ...]
    messages: Messages = Messages()
    theme: Theme = Theme()
    # Whether anybody may see figures of whole months, coarsened.
    public_figures: bool = False


class OfficePublished(Event):
    exchange: ClassVar[str] = "offices"
    type: Literal["office.published.v1"] = "office.published.v1"
    data: Office


class ListedVisit(Data):
    """One appointment as a list for the office's own people names it: by its code, and by nobody's name."""

    starts_at: AwareDatetime
    code: str
    service: str
    team: str
    lane: str
    persons: int = Field(ge=1)


class DayList(Data):
    """Who is expected on the office's local `day`, as it was at `as_of`; `url` leads whoever signs in to it."""

    office: str
    day: date
    as_of: AwareDatetime
    visits: tuple[ListedVisit, ...]
    url: str = ""


class ConflictingVisit(ListedVisit):
    """`reason` is closed, desk-absent or no-such-desk."""

    reason: str


class ConflictList(Data):
    """All appointments in conflict with what is open; of them `new` were not among those told before."""

    office: str
    as_of: AwareDatetime
    new: int = Field(ge=1)
    visits: tuple[ConflictingVisit, ...]
    url: str = ""


class OfficeDayPlanned(Event):
    """Once on each day of an office, early; `subject` is office and day."""

    exchange: ClassVar[str] = "offices"
    type: Literal["office.day_planned.v1"] = "office.day_planned.v1"
    data: DayList


class OfficeConflictsFound(Event):
    """Closures or hours have produced conflicts that nobody was told of yet."""

    exchange: ClassVar[str] = "offices"
    type: Literal["office.conflicts_found.v1"] = "office.conflicts_found.v1"
    data: ConflictList
