"""GET /v1/public/figures: for everybody, of offices that want it: whole months, small counts hidden."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, tzinfo
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, create_model, field_validator

from services.reporting.api.figures import RESPONSES
from services.reporting.api.formats import Format, Table, Value, answer
from services.reporting.api.query import RangeQuery, chosen, listed, wrong
from services.reporting.domain import BY_NAME, Group, Tally
from services.reporting.domain.disclosure import LEAST_SHOWN
from services.reporting.domain.periods import Period, month_of, quarter_of
from services.reporting.domain.public import (
    OTHER_MUNICIPALITIES,
    PUBLIC_FIGURES,
    PUBLIC_GROUPS,
    Month,
    Place,
    month,
    published,
)
from services.reporting.reports import Reports
from services.reporting.storage import Interval
from services.reporting.storage import Query as Asked
from shared.http import Problem
from shared.mongo import DatabaseClock

_NAMES = tuple(figure.name for figure in PUBLIC_FIGURES)
_OPEN = {"Vary": "Accept", "Cache-Control": "public, max-age=3600"}


class PublicQuery(RangeQuery):
    office: str = Field(min_length=1, max_length=100, description="Id of the office.")
    interval: str = Field(
        default="month",
        pattern="^(month|quarter|total)$",
        description="A column `from` holds the first day of each month or quarter; `total` is the whole range.",
    )
    group_by: str = Field(
        default="",
        pattern=f"^({'|'.join(PUBLIC_GROUPS)})?$",
        description="One of: " + ", ".join(PUBLIC_GROUPS) + ".",
    )
    figures: str = Field(
        default="",
        max_length=2000,
        description="Only these, comma separated, in this order; all that are public where it is missing.",
        json_schema_extra={"pattern": listed(_NAMES)},
    )
    format: Format | None = Field(default=None, description="In place of the Accept header.")

    @field_validator("from_", "to")
    @classmethod
    def _first_of_month(cls, value: date) -> date:
        if value.day != 1:
            raise ValueError("must be the first day of a month: only whole months are public")
        return value

    @field_validator("figures")
    @classmethod
    def _public_figures(cls, value: str) -> str:
        chosen(value, _NAMES)
        return value

    @property
    def group(self) -> Group | None:
        return Group(self.group_by) if self.group_by else None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(chosen(self.figures, _NAMES))) or _NAMES

    def periods(self) -> list[Period]:
        if self.interval == "total":
            return [self.period]
        of = quarter_of if self.interval == "quarter" else month_of
        firsts = sorted({of(each.since).since for each in self.period.months()})
        whole = [of(first) for first in firsts]
        return [Period(max(p.since, self.from_), min(p.until, self.to)) for p in whole]


def _column(name: str) -> Any:
    figure = BY_NAME[name]
    return (float | None, Field(default=None, description=f"{figure.title['en']}. {figure.definition['en']}"))


_COLUMNS: dict[str, Any] = {
    "from": (str, ...),
    "to": (str, ...),
    **{group.value: (str | None, None) for group in PUBLIC_GROUPS},
    **{name: _column(name) for name in _NAMES},
}
PublicRow: Any = create_model("PublicRow", **_COLUMNS)


def router(*, reports: Reports, clock: DatabaseClock, zone: tzinfo) -> APIRouter:
    routes = APIRouter(prefix="/v1/public", tags=["public"])

    @routes.get(
        "/figures",
        summary="Figures for everybody",
        description="Of offices that make them public, of months that are over. Municipalities of few are one, "
        f"`{OTHER_MUNICIPALITIES}`; counts from 1 to {LEAST_SHOWN - 1} are null, and so is what they would follow "
        "from, and shares and medians of hidden counts. Longer periods are null where one of their months is.",
        response_model=list[PublicRow],
        responses={**RESPONSES, 404: {"description": "No such office, or its figures are not public"}},
    )
    async def get_public(request: Request, asked: Annotated[PublicQuery, Query()]) -> Response:
        await _must_be_public(reports, asked.office)
        if asked.to > month_of(clock.now().astimezone(zone).date()).since:
            raise wrong(
                "to", "must not be later than the first day of this month: only months that are over are public"
            )
        months = dict(zip(asked.period.months(), await _months(reports, asked), strict=True))
        table = Table(_columns(asked), [line for p in asked.periods() for line in _lines(asked, p, months)])
        name = f"public_{asked.office}_{asked.from_}_{asked.to}"
        return answer(request, table, format=asked.format, name=name, headers=_OPEN)

    return routes


async def _must_be_public(reports: Reports, office: str) -> None:
    if not any(known.id == office and known.public for known in await reports.offices()):
        raise Problem(404, "not-public", "Not public", "There is no such office, or its figures are not public.")


async def _months(reports: Reports, asked: PublicQuery) -> list[Month]:
    """All that is public of each month: what is hidden must not depend on what is asked."""
    tables = await asyncio.gather(*(_by_month(reports, asked, group) for group in PUBLIC_GROUPS))
    return [
        month({group: table.get(each.since, {}) for group, table in zip(PUBLIC_GROUPS, tables, strict=True)})
        for each in asked.period.months()
    ]


async def _by_month(reports: Reports, asked: PublicQuery, group: Group) -> dict[date, dict[Place, Tally]]:
    query = Asked(
        since=asked.from_,
        until=asked.to,
        groups=(Group.DAY, group),
        office=asked.office,
        interval=Interval.MONTH,
    )
    found: dict[date, dict[Place, Tally]] = {}
    for (first, place), tally in (await reports.tallies(query)).items():
        found.setdefault(date.fromisoformat(str(first)), {})[place] = tally
    return found


def _columns(asked: PublicQuery) -> tuple[str, ...]:
    return ("from", "to", *((asked.group_by,) if asked.group else ()), *asked.names)


def _lines(asked: PublicQuery, period: Period, months: Mapping[Period, Month]) -> Sequence[dict[str, Value]]:
    rows = published([months[each] for each in period.months()], asked.group)
    days: dict[str, Value] = {"from": period.since.isoformat(), "to": period.until.isoformat()}
    group = asked.group
    return [{**days, **({group.value: place} if group else {}), **values} for place, values in rows.items()]
