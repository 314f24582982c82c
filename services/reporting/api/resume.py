"""GET /v1/reports/resume: the résumé of any period, as PDF or as page."""

import asyncio
from datetime import tzinfo
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from services.reporting.access import Reader, Role
from services.reporting.api.figures import PRIVATE, PROBLEM, no_such_office, team_not_shown
from services.reporting.api.formats import etag_answer
from services.reporting.api.query import RangeQuery
from services.reporting.api.signed_in import Who, only
from services.reporting.domain import Group
from services.reporting.reports import NoSuchOffice, Reports, TeamNotShown
from services.reporting.resume import Resume, as_html, as_pdf, build
from services.reporting.views import Selection
from services.reporting.web.rendering import HEADERS
from shared.mongo import DatabaseClock

One = Annotated[str | None, Field(min_length=1, max_length=100)]


class ResumeFormat(StrEnum):
    PDF = "pdf"
    HTML = "html"


class ResumeQuery(RangeQuery):
    office: One = Field(default=None, description="Only this office.")
    service: One = Field(default=None, description="Only this service.")
    team: One = Field(default=None, description="Only this team.")
    format: ResumeFormat = Field(default=ResumeFormat.PDF, description="`pdf` is tagged (PDF/UA-1).")

    @property
    def selection(self) -> Selection:
        given = {Group.SERVICE: self.service, Group.TEAM: self.team}
        return Selection(self.period, self.office, {group: value for group, value in given.items() if value})


def router(*, reports: Reports, who: Who, clock: DatabaseClock, zone: tzinfo) -> APIRouter:
    routes = APIRouter(prefix="/v1/reports", tags=["reports"])
    # A PDF takes a core for about a second: one after the other.
    press = asyncio.Semaphore(1)

    @routes.get(
        "/resume",
        summary="The résumé of a period",
        description="In German: a page of text, charts, a table per section with the period before beside it, and "
        "what the figures mean.",
        response_class=Response,
        responses={
            200: {"content": {_TYPES[f]: {"schema": {"type": "string"}} for f in ResumeFormat}},
            304: {"description": "What the reader has is still true"},
            401: {"description": "No valid key", **PROBLEM},
            403: {"description": "The key's role may not see it", **PROBLEM},
            404: {"description": "The key is another office's", **PROBLEM},
            422: {"description": "A parameter is wrong; `errors` names it", **PROBLEM},
        },
    )
    async def get_resume(
        request: Request,
        asked: Annotated[ResumeQuery, Query()],
        reader: Annotated[Reader, Depends(only(who, Role.STAFF))],
    ) -> Response:
        try:
            resume = await build(reports.within(reader.office), asked.selection, now=clock.now().astimezone(zone))
        except TeamNotShown as error:
            raise team_not_shown() from error
        except NoSuchOffice as error:
            raise no_such_office() from error
        async with press:
            return await _answer(request, resume, asked.format)

    return routes


_TYPES = {ResumeFormat.PDF: "application/pdf", ResumeFormat.HTML: "text/html"}


async def _answer(request: Request, resume: Resume, format: ResumeFormat) -> Response:
    headers: dict[str, Any] = {**PRIVATE, "Content-Language": "de"}
    if format is ResumeFormat.HTML:
        page = as_html(resume).encode()
        return etag_answer(request, page, media_type="text/html", headers={**HEADERS, **headers})
    pdf = await asyncio.to_thread(as_pdf, resume)
    headers["Content-Disposition"] = f'inline; filename="{file_name(resume)}"'
    return etag_answer(request, pdf, media_type="application/pdf", headers=headers)


def file_name(resume: Resume) -> str:
    period = resume.selection.period
    return f"resume_{period.since}_{period.last_day}.pdf"
