"""What a reader chose in the address of the page; whatever is not known there falls back to what is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from services.reporting.api.query import LONGEST_RANGE_DAYS
from services.reporting.domain import Group
from services.reporting.domain.periods import Period, add_months, month_of, quarter_of
from services.reporting.domain.teams import teams_shown
from services.reporting.storage import OfficeData
from services.reporting.views import Selection

PERIODS = ("quarter", "last_quarter", "month", "week", "year")
OWN = "own"
Names = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Choices:
    """`running` says that the period is not over: its figures grow, while those of the one before do not."""

    name: str
    period: Period
    running: bool
    office: OfficeData | None
    service: str
    team: str

    @classmethod
    def of(cls, given: Mapping[str, str], *, offices: Sequence[OfficeData], today: date) -> "Choices":
        office = next((office for office in offices if office.id == given.get("office")), None)
        known = [office] if office else offices
        services = {service for each in known for service in each.services}
        teams = {team for each in known for team in teams_shown(each.staff)}
        name, period = _period(given, today)
        return cls(
            name=name,
            period=period,
            running=period.since <= today < period.until,
            office=office,
            service=s if (s := given.get("service", "")) in services else "",
            team=t if (t := given.get("team", "")) in teams else "",
        )

    @property
    def selection(self) -> Selection:
        where = {
            group: value for group, value in ((Group.SERVICE, self.service), (Group.TEAM, self.team)) if value
        }
        return Selection(self.period, self.office.id if self.office else None, where)

    def known_services(self, offices: Sequence[OfficeData], language: str) -> list[tuple[str, str]]:
        return self._named(offices, language, lambda office: office.services)

    def known_teams(self, offices: Sequence[OfficeData], language: str) -> list[tuple[str, str]]:
        def shown(office: OfficeData) -> Names:
            return {team: office.teams[team] for team in teams_shown(office.staff)}

        return self._named(offices, language, shown)

    def _named(
        self, offices: Sequence[OfficeData], language: str, of: Callable[[OfficeData], Names]
    ) -> list[tuple[str, str]]:
        """(id, name), by name."""
        known = {
            id: text for office in ([self.office] if self.office else offices) for id, text in of(office).items()
        }
        return sorted(
            ((id, text.get(language) or text["de"]) for id, text in known.items()), key=lambda pair: pair[1]
        )

    def link(self, language: str, *, period: str = "") -> str:
        own = {"from": self.period.since.isoformat(), "last": self.period.last_day.isoformat()}
        name = period or self.name
        asked = {"period": name, **(own if name == OWN else {}), **self._filters(), "lang": language}
        return "/?" + urlencode(asked)

    def report(self, path: str, **more: str) -> str:
        """The address of the same in the API."""
        days = {"from": self.period.since.isoformat(), "to": self.period.until.isoformat()}
        return f"{path}?" + urlencode({**days, **self._filters(), **more})

    def _filters(self) -> dict[str, str]:
        chosen = {"office": self.office.id if self.office else "", "service": self.service, "team": self.team}
        return {name: value for name, value in chosen.items() if value}


def _period(given: Mapping[str, str], today: date) -> tuple[str, Period]:
    name = given.get("period", OWN if "from" in given else PERIODS[0])
    if name == OWN and (own := _own(given)):
        return name, own
    quarter = quarter_of(today)
    monday = today - timedelta(days=today.weekday())
    periods = {
        "quarter": quarter,
        "last_quarter": Period(add_months(quarter.since, -3), quarter.since),
        "month": month_of(today),
        "week": Period(monday, monday + timedelta(days=7)),
        "year": Period(date(today.year, 1, 1), date(today.year + 1, 1, 1)),
    }
    name = name if name in periods else PERIODS[0]
    return name, periods[name]


def _own(given: Mapping[str, str]) -> Period | None:
    """By `from` and `last`, as the form sends it, or by `from` and `to`, as the API calls the day after."""
    try:
        since = date.fromisoformat(given.get("from", ""))
        if "to" in given:
            last = date.fromisoformat(given["to"]) - timedelta(days=1)
        else:
            last = date.fromisoformat(given.get("last", ""))
    except (ValueError, OverflowError):
        return None
    sensible = since.year >= 2000 and last.year < 2200 and since <= last
    if not sensible or (last - since).days >= LONGEST_RANGE_DAYS:
        return None
    return Period(since, last + timedelta(days=1))
