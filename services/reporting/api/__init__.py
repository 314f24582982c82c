"""The public HTTP API of reporting."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
)

from services.reporting import storage
from services.reporting.domain import FIGURES, Figure, Group, column_names
from services.reporting.storage import Figures, Row
from shared.http import PROBLEM_JSON

DESCRIPTION = "Figures about appointments, demand and messages. It holds no personal data."

_LONGEST_RANGE_DAYS = 1100
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_GROUP_NAMES = "|".join(Group)


def _iso_date(value: object) -> object:
    if isinstance(value, str) and not _ISO_DATE.fullmatch(value):
        raise ValueError("must be a date as 2026-11-30")
    return value


IsoDate = Annotated[date, BeforeValidator(_iso_date)]


class FiguresQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    from_: IsoDate = Field(alias="from", description="First day, inclusive.")
    to: IsoDate = Field(
        description=f"First day that is no longer included; at most {_LONGEST_RANGE_DAYS} days after `from`."
    )
    group_by: str = Field(
        default="",
        max_length=100,
        description="Comma separated: " + ", ".join(Group) + ". Without it, one row for the whole range.",
        json_schema_extra={"pattern": f"^(({_GROUP_NAMES})(,({_GROUP_NAMES}))*)?$"},
    )
    office: str | None = Field(default=None, min_length=1, max_length=100, description="Only this office.")

    @field_validator("to")
    @classmethod
    def _after_from(cls, to: date, info: ValidationInfo) -> date:
        since = info.data.get("from_")
        if since and to <= since:
            raise ValueError("must be later than from, since the day it names is not included")
        if since and (to - since).days > _LONGEST_RANGE_DAYS:
            raise ValueError(f"must be at most {_LONGEST_RANGE_DAYS} days after from")
        return to

    @field_validator("group_by")
    @classmethod
    def _known_groups(cls, value: str) -> str:
        unknown = [name for name in value.split(",") if name and name not in list(Group)]
        if unknown or (value and not all(value.split(","))):
            raise ValueError(f"may name, comma separated: {', '.join(Group)}")
        return value

    def query(self) -> storage.Query:
        names = self.group_by.split(",")
        groups = tuple(group for group in Group if group in names)
        return storage.Query(since=self.from_, until=self.to, groups=groups, office=self.office)


def _column(figure: Figure) -> Any:
    description = f"{figure.title['en']}. {figure.definition['en']}"
    return (int | float | None if figure.may_be_null else int, Field(description=description))


_COLUMNS: dict[str, Any] = {
    **{group.value: (str | None, Field(default=None, description=group.definition)) for group in Group},
    **{figure.name: _column(figure) for figure in FIGURES},
}
FiguresRow = create_model("FiguresRow", **_COLUMNS)


def router(*, figures: Figures) -> APIRouter:
    routes = APIRouter(prefix="/v1/reports", tags=["reports"])

    @routes.get(
        "/figures",
        summary="Figures of a range of days",
        description="Flat rows, one per group that has anything to tell, sorted by their groups; only the "
        "groups asked for are columns. Figures follow an event within a second. "
        "CSV where `Accept` prefers `text/csv`.",
        response_model=list[FiguresRow],
        responses={
            200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
            422: {
                "description": "A parameter is wrong; `errors` names it",
                "content": {PROBLEM_JSON: {"schema": {"type": "object"}}},
            },
        },
    )
    async def get_figures(request: Request, asked: Annotated[FiguresQuery, Query()]) -> Response:
        query = asked.query()
        rows = await figures.rows(query)
        headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
        if prefers_csv(request.headers.get("accept", "")):
            name = f"figures_{query.since}_{query.until}.csv"
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
            return Response(as_csv(query.groups, rows), media_type="text/csv", headers=headers)
        return JSONResponse(as_json(query.groups, rows), headers=headers)

    return routes


def as_json(groups: Sequence[Group], rows: Sequence[Row]) -> list[dict[str, str | float | None]]:
    return [{**dict(zip(groups, row.groups, strict=True)), **row.values} for row in rows]


def as_csv(groups: tuple[Group, ...], rows: Sequence[Row]) -> str:
    """RFC 4180, with a header; what does not apply is empty."""
    out = io.StringIO()
    table = csv.writer(out)
    columns = column_names(groups)
    table.writerow(columns)
    for row in as_json(groups, rows):
        table.writerow(_cell(row[column]) for column in columns)
    return out.getvalue()


def _cell(value: str | float | None) -> str | float:
    """A spreadsheet would run a text that begins like a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value


def prefers_csv(accept: str) -> bool:
    """Whether text/csv stands above JSON in an Accept header (RFC 9110); JSON where both are equal."""
    return _quality(accept, "text/csv") > _quality(accept, "application/json")


def _quality(accept: str, media_type: str) -> float:
    """Of the most specific range that covers `media_type`: its q, and a trace more for naming it fully."""
    ranges = (media_type, media_type.split("/")[0] + "/*", "*/*")
    found: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        found[name] = _q(parameters)
    for bonus, name in zip((0.0001, 0, 0), ranges, strict=True):
        if name in found:
            return found[name] + (bonus if found[name] else 0)
    return 0.0


def _q(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
