"""GET /v1/reports/figures: flat rows, exact, for staff and operators."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, create_model

from services.reporting.access import Reader, Role
from services.reporting.api.formats import Format, Table, Value, answer
from services.reporting.api.query import FIGURES_QUERY, ReportQuery, cursor_of, wrong
from services.reporting.api.signed_in import Who, only
from services.reporting.domain import FIGURES, Figure, Group, Section
from services.reporting.domain import Value as FigureValue
from services.reporting.domain.teams import OTHER_TEAMS
from services.reporting.reports import NoSuchOffice, Reports, TeamNotShown, sorting
from services.reporting.storage import Query as Asked
from services.reporting.storage import Row
from shared.http import PROBLEM_JSON, Problem

# What tells of the running of things, and not of what the office does.
_OPERATORS_SECTIONS = frozenset({Section.DEMAND, Section.TRADING, Section.MESSAGES})
PRIVATE = {"Vary": "Accept, Authorization, Cookie", "Cache-Control": "private, no-cache"}


def may_see(role: Role) -> tuple[Figure, ...]:
    if role is Role.STAFF:
        return FIGURES
    return tuple(figure for figure in FIGURES if figure.section in _OPERATORS_SECTIONS)


def _column(figure: Figure) -> Any:
    description = f"{figure.title['en']}. {figure.definition['en']}"
    return (int | float | None if figure.may_be_null else int | None, Field(default=None, description=description))


_COLUMNS: dict[str, Any] = {
    **{group.value: (str | None, Field(default=None, description=group.definition)) for group in Group},
    **{figure.name: _column(figure) for figure in FIGURES},
}
FiguresRow: Any = create_model("FiguresRow", **_COLUMNS)

PROBLEM: dict[str, Any] = {"content": {PROBLEM_JSON: {"schema": {"type": "object"}}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            Format.CSV.media_type: {"schema": {"type": "string"}},
            Format.XLSX.media_type: {"schema": {"type": "string", "format": "binary"}},
        },
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."},
            "Link": {
                "schema": {"type": "string"},
                "description": 'The next rows, `rel="next"`, where there are more.',
            },
        },
    },
    304: {"description": "What the reader has is still true"},
    422: {"description": "A parameter is wrong; `errors` names it", **PROBLEM},
}


def router(*, reports: Reports, who: Who) -> APIRouter:
    routes = APIRouter(prefix="/v1/reports", tags=["reports"])

    @routes.get(
        "/figures",
        summary="Figures of a range of days",
        description="Flat rows, one per interval and group that has anything to tell, sorted by them; only the "
        "groups and figures asked for are columns. Figures follow an event within a second. JSON, or CSV or XLSX "
        "where `format` or `Accept` asks for it. Teams of fewer than three people are shown together, as "
        f"`{OTHER_TEAMS}`. Operators see figures of demand, trading and messages only.",
        response_model=list[FiguresRow],
        responses={
            **RESPONSES,
            401: {"description": "No valid key", **PROBLEM},
            403: {"description": "The key's role may not see these figures", **PROBLEM},
            404: {"description": "The key is another office's", **PROBLEM},
        },
    )
    async def get_figures(
        request: Request,
        asked_for: Annotated[FIGURES_QUERY, Query()],
        reader: Annotated[Reader, Depends(only(who, Role.STAFF, Role.OPERATORS))],
    ) -> Response:
        allowed = may_see(reader.role)
        chosen = asked_for.chosen(allowed)
        _refuse_others(chosen, allowed, reader.role)
        asked: Asked = asked_for.query
        rows = await _rows(reports.within(reader.office), asked, compare=bool(asked_for.compare))
        page, more = _page(rows, asked_for)
        headers = {**PRIVATE, **({"Link": _next(request, page[-1])} if more else {})}
        table = Table(columns(asked, chosen, compare=bool(asked_for.compare)), [line(asked, row) for row in page])
        name = f"figures_{asked.since}_{asked.until}"
        return answer(request, table, format=asked_for.format, name=name, headers=headers)

    return routes


def _refuse_others(chosen: Sequence[Figure], allowed: Sequence[Figure], role: Role) -> None:
    others = [figure.name for figure in chosen if figure not in allowed]
    if others:
        raise Problem(403, "not-allowed", "Not allowed", f"The role {role} may not see: {', '.join(others)}.")


async def _rows(reports: Reports, asked: Asked, *, compare: bool) -> list[Row]:
    try:
        rows = await reports.rows(asked)
        return beside(rows, await reports.rows(asked.previous())) if compare else rows
    except TeamNotShown as error:
        raise team_not_shown() from error
    except NoSuchOffice as error:
        raise no_such_office() from error


def no_such_office() -> Problem:
    return Problem(404, "no-such-office", "No such office", "For this key there is no such office.")


def team_not_shown() -> RequestValidationError:
    return wrong("team", f"names no team of at least three people; {OTHER_TEAMS!r} shows all others together")


def beside(rows: Sequence[Row], before: Sequence[Row]) -> list[Row]:
    """Each row with the figures of the period before as `<figure>_previous`; a group that only one of the two
    periods knows has no figures in the other."""
    now, then = ({row.groups: row.values for row in found} for found in (rows, before))
    nothing = dict.fromkeys(figure.name for figure in FIGURES)
    return [
        Row(key, {**now.get(key, nothing), **_previous(then.get(key, nothing))})
        for key in sorted({*now, *then}, key=sorting)
    ]


def _previous(values: Mapping[str, FigureValue]) -> dict[str, FigureValue]:
    return {f"{name}_previous": value for name, value in values.items()}


def _page(rows: list[Row], asked_for: ReportQuery) -> tuple[list[Row], bool]:
    after = asked_for.after()
    rest = rows if after is None else [row for row in rows if sorting(row.groups) > sorting(after)]
    return rest[: asked_for.limit], len(rest) > asked_for.limit


def _next(request: Request, last: Row) -> str:
    """RFC 8288; relative, since a proxy may have its own idea of our address."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f'<?{urlencode([*asked, ("cursor", cursor_of(last.groups))])}>; rel="next"'


def columns(asked: Asked, chosen: Sequence[Figure], *, compare: bool = False) -> tuple[str, ...]:
    """Of a report, always in this order: groups, figures, each with the period before beside it."""
    names = [figure.name for figure in chosen]
    figures = [column for name in names for column in (name, f"{name}_previous")] if compare else names
    return (*(group.value for group in asked.in_order), *figures)


def line(asked: Asked, row: Row) -> dict[str, Value]:
    return {**dict(zip(asked.in_order, row.groups, strict=True)), **row.values}
