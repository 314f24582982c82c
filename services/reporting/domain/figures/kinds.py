"""What a figure is: its name, what it means, and how it is worked out of integers that add up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Text = Mapping[str, str]


class Section(StrEnum):
    """What belongs together in reports, in their order."""

    SUPPLY = "supply"
    BOOKINGS = "bookings"
    VISITS = "visits"
    WAITING_LIST = "waiting_list"
    DEMAND = "demand"
    TRADING = "trading"
    MESSAGES = "messages"

    @property
    def named(self) -> Text:
        return _SECTIONS[self]


_SECTIONS: Mapping[Section, Text] = {
    Section.SUPPLY: {"de": "Angebot", "en": "Supply"},
    Section.BOOKINGS: {"de": "Buchungen", "en": "Bookings"},
    Section.VISITS: {"de": "Besuche", "en": "Visits"},
    Section.WAITING_LIST: {"de": "Warteliste", "en": "Waiting list"},
    Section.DEMAND: {"de": "Nachfrage", "en": "Demand"},
    Section.TRADING: {"de": "Hinweise auf Terminhandel", "en": "Signs of trading"},
    Section.MESSAGES: {"de": "Nachrichten", "en": "Messages"},
}


class Unit(StrEnum):
    COUNT = "count"
    DAYS = "days"
    MINUTES = "minutes"
    SECONDS = "seconds"
    PERCENT = "percent"


class Group(StrEnum):
    """By what figures may be grouped, in the order of the columns."""

    DAY = "day"
    OFFICE = "office"
    SERVICE = "service"
    TEAM = "team"
    MUNICIPALITY = "municipality"
    CHANNEL = "channel"
    LANGUAGE = "language"
    HOUR = "hour"
    PURPOSE = "purpose"

    @property
    def definition(self) -> str:
        return _GROUPS[self]


_GROUPS: Mapping[Group, str] = {
    Group.DAY: "Local day (REPORTING_TIMEZONE), ISO date. Each figure says which day counts.",
    Group.OFFICE: "Id of the office.",
    Group.SERVICE: "Id of the service, of several in one visit the first; null for planned minutes, searches and "
    "messages, which know none.",
    Group.TEAM: "Id of the team; null for searches and messages.",
    Group.MUNICIPALITY: "Official key (AGS) of the lead person's municipality; for `out_of_area` the one "
    "that was asked about; null for figures that know none.",
    Group.CHANNEL: "How an appointment was booked (`web`, `helper`: for somebody by a registered helper, `phone`, "
    "`counter`), or how a message went (`email`, `sms`); null for figures that know none.",
    Group.LANGUAGE: "Language that the person chose for messages (BCP 47); null where none is known yet.",
    Group.HOUR: "Local hour, `00` to `23`; null for figures that are not told by the hour.",
    Group.PURPOSE: "What a message is for, as `reminder`; null for what is no message.",
}
# A group by which a figure is not told apart has one row for it, null.
EVERYWHERE = (Group.DAY, Group.OFFICE)
OF_APPOINTMENTS = (
    *EVERYWHERE,
    Group.SERVICE,
    Group.TEAM,
    Group.MUNICIPALITY,
    Group.CHANNEL,
    Group.LANGUAGE,
)
OF_THE_HOUR = (*EVERYWHERE, Group.SERVICE, Group.TEAM, Group.HOUR)
OF_MESSAGES = (*EVERYWHERE, Group.CHANNEL, Group.PURPOSE)


@dataclass(frozen=True, slots=True)
class Sum:
    """An integer that is stored under the figure's name and adds up."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """Nearest rank over the stored histogram `of`; null where it is empty."""

    of: str
    percent: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Sum of the figures `of`, `times` so many, by the sum of the figures `to`; null where that is 0.

    Always of sums, never of other ratios, and rounded half up to `digits`.
    """

    of: tuple[str, ...]
    to: tuple[str, ...]
    times: int = 100
    digits: int = 1


Kind = Sum | Percentile | Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`groups` are those by which it can be told apart; title and definition are in German and English."""

    name: str
    section: Section
    title: Text
    definition: Text
    groups: tuple[Group, ...] = OF_APPOINTMENTS
    unit: Unit = Unit.COUNT
    kind: Kind = field(default_factory=Sum)

    @property
    def may_be_null(self) -> bool:
        return not isinstance(self.kind, Sum)
