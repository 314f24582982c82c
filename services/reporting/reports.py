"""Every reader's way to the exact figures: API, exports, dashboard and résumé ask here, and get the same."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from services.reporting.domain import FIGURES, Group, Percentile, Tally, Value
from services.reporting.domain.teams import OTHER_TEAMS, teams_shown
from services.reporting.storage import Figures, OfficeData, Offices, Query, Row

Key = tuple[str | None, ...]

# How work goes at a desk. By service they would be a small team's own, where nobody else does what it does.
_OF_WORK = frozenset(
    figure.name
    for figure in FIGURES
    if figure.name.startswith("used_")
    or (isinstance(figure.kind, Percentile) and figure.kind.of == "handling_minutes")
)


class TeamNotShown(Exception):
    """A team of so few that figures of it alone would be figures of persons."""

    def __init__(self, team: str | None) -> None:
        super().__init__(team)
        self.team = team


@dataclass(frozen=True, slots=True)
class _Shown:
    """The (office, team) that may stand alone, and the services that only others give."""

    teams: frozenset[tuple[str, str]]
    quiet_services: frozenset[str]

    @classmethod
    def of(cls, offices: Collection[OfficeData]) -> "_Shown":
        teams = frozenset((office.id, team) for office in offices for team in teams_shown(office.staff))
        given = [(office.id, team, name) for office in offices for name, team in office.service_teams.items()]
        return cls(teams, frozenset(name for office, team, name in given if (office, team) not in teams))

    def name(self, office: str | None, team: str | None) -> str | None:
        return team if team is None or (office, team) in self.teams else OTHER_TEAMS


class NoSuchOffice(Exception):
    """One that does not exist for whoever asks."""


class Reports:
    """Teams of fewer than three never stand alone here. With `only`, no other office is here at all."""

    def __init__(self, *, figures: Figures, offices: Offices, only: str | None = None) -> None:
        self._figures = figures
        self._offices = offices
        self._only = only

    def within(self, office: str | None) -> "Reports":
        """What a reader of this office has; all of it where it is None."""
        return self if office is None else Reports(figures=self._figures, offices=self._offices, only=office)

    async def offices(self) -> list[OfficeData]:
        return [office for office in await self._offices.all() if self._only in (None, office.id)]

    async def rows(self, query: Query) -> list[Row]:
        """One row per group that has anything to tell, sorted; without groups exactly one row."""
        shown = _Shown.of(await self.offices())
        tallies = await self._tallies(query, shown)
        return [Row(key, _values(query, key, tally, shown)) for key, tally in tallies.items()]

    async def tallies(self, query: Query) -> dict[Key, Tally]:
        """The same before percentiles and shares are worked out."""
        return await self._tallies(query, _Shown.of(await self.offices()))

    async def _tallies(self, query: Query, shown: _Shown) -> dict[Key, Tally]:
        if self._only is not None:
            if query.office not in (None, self._only):
                raise NoSuchOffice(query.office)
            query = replace(query, office=self._only)
        wanted = query.where.get(Group.TEAM)
        if Group.TEAM not in query.groups and wanted is None:
            return await self._figures.tallies(query)
        for team in wanted or ():
            if team not in (None, OTHER_TEAMS) and team not in {name for _, name in shown.teams}:
                raise TeamNotShown(team)
        where = dict(query.where)
        where.pop(Group.TEAM, None)
        finer = replace(query, groups=(*query.groups, Group.OFFICE, Group.TEAM), where=where)
        found = await self._figures.tallies(finer)
        return _coarser(query, finer, found, shown)


def _coarser(query: Query, finer: Query, found: dict[Key, Tally], shown: _Shown) -> dict[Key, Tally]:
    wanted = query.where.get(Group.TEAM)
    coarse: dict[Key, Tally] = {} if query.groups else {(): Tally()}
    for key, tally in found.items():
        place = dict(zip(finer.in_order, key, strict=True))
        place[Group.TEAM] = shown.name(place[Group.OFFICE], place[Group.TEAM])
        if wanted is None or place[Group.TEAM] in wanted:
            coarse.setdefault(tuple(place[group] for group in query.in_order), Tally()).merge(tally)
    return {key: coarse[key] for key in sorted(coarse, key=sorting)}


def _values(query: Query, key: Key, tally: Tally, shown: _Shown) -> dict[str, Value]:
    values = tally.values()
    if shown.quiet_services.intersection(_services(query, key)):
        values |= dict.fromkeys(_OF_WORK)
    return values


def _services(query: Query, key: Key) -> Iterable[str | None]:
    if Group.SERVICE in query.groups:
        return (key[query.in_order.index(Group.SERVICE)],)
    return query.where.get(Group.SERVICE, ())


def sorting(key: Key) -> tuple[str, ...]:
    return tuple(part or "" for part in key)
