"""GET /v1/reports/definitions: what each figure and each group means. Open: it tells of nobody."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.reporting.api.formats import etag_answer
from services.reporting.domain import FIGURES, Figure, Group, Kind, Percentile, Ratio, Section


class FigureDefinition(BaseModel):
    name: str
    section: str
    unit: str
    kind: str = Field(description="`sum` adds up over any rows; `percentile` and `ratio` do not.")
    of: list[str] = Field(description="Of a ratio: the figures that are divided.")
    to: list[str] = Field(description="Of a ratio: the figures by which they are divided.")
    groups: list[str] = Field(description="The groups by which it is told apart.")
    title: dict[str, str]
    definition: dict[str, str]


class GroupDefinition(BaseModel):
    name: str
    definition: str


class SectionTitle(BaseModel):
    name: str
    title: dict[str, str]


class Definitions(BaseModel):
    sections: list[SectionTitle]
    groups: list[GroupDefinition]
    figures: list[FigureDefinition]


def router() -> APIRouter:
    routes = APIRouter(prefix="/v1/reports", tags=["reports"])
    body = definitions().model_dump_json().encode()

    @routes.get(
        "/definitions",
        summary="What each figure means",
        description="Titles and definitions in German and English, as the dashboard and the résumé show them.",
        response_model=Definitions,
        responses={304: {"description": "What the reader has is still true"}},
    )
    async def get_definitions(request: Request) -> Response:
        return etag_answer(
            request, body, media_type="application/json", headers={"Cache-Control": "public, max-age=3600"}
        )

    return routes


def definitions() -> Definitions:
    return Definitions(
        sections=[_section(section) for section in Section],
        groups=[GroupDefinition(name=group, definition=group.definition) for group in Group],
        figures=[_figure(figure) for figure in FIGURES],
    )


def _section(section: Section) -> SectionTitle:
    return SectionTitle(name=section, title=dict(section.named))


def _figure(figure: Figure) -> FigureDefinition:
    ratio = figure.kind if isinstance(figure.kind, Ratio) else None
    return FigureDefinition(
        name=figure.name,
        section=figure.section,
        unit=figure.unit,
        kind=_kind(figure.kind),
        of=list(ratio.of) if ratio else [],
        to=list(ratio.to) if ratio else [],
        groups=list(figure.groups),
        title=dict(figure.title),
        definition=dict(figure.definition),
    )


def _kind(kind: Kind) -> str:
    if isinstance(kind, Ratio):
        return "ratio"
    return "percentile" if isinstance(kind, Percentile) else "sum"
