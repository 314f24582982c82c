"""Exchange `offices`: the whole, versioned office, so that others know its names, addresses and hours."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.event import Data, Event

# A text in several languages, by language code: {"de": …, "en": …}. German is always there.
Text = dict[str, str]


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


class Service(Data):
    id: str
    team: str
    mode: str
    name: Text
    purpose: Text = Field(default_factory=dict)
    minutes: Minutes
    max_persons: int
    documents: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    fee: Fee | None = None
    law: str | None = None


class Lane(Data):
    id: str
    channel: str


class Team(Data):
    id: str
    name: Text
    lanes: tuple[Lane, ...] = ()


class OpeningHours(Data):
    """Local wall time, `[from, until)` as "HH:MM"; weekdays as mon … sun."""

    weekdays: tuple[str, ...]
    from_: str = Field(alias="from")
    until: str
    valid_from: date | None = None
    valid_until: date | None = None


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


class OfficePublished(Event):
    exchange: ClassVar[str] = "offices"
    type: Literal["office.published.v1"] = "office.published.v1"
    data: Office
