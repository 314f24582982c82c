"""The dashboard page and its style sheet."""

from collections.abc import Sequence
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.reporting.domain import FIGURES
from services.reporting.storage import Figures, OfficeNames, Offices
from services.reporting.web import dashboard as board
from services.reporting.web.chart import Charts
from services.reporting.web.texts import LANGUAGES, Words, choose_language
from shared.mongo import DatabaseClock

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Language",
}


def router(*, figures: Figures, offices: Offices, clock: DatabaseClock, zone: tzinfo) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    templates = _templates()
    charts = Charts()
    style = (_HERE / "static" / "dashboard.css").read_bytes()

    @routes.get("/dashboard.css")
    async def get_style() -> Response:
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=300"})

    @routes.get("/", response_class=HTMLResponse)
    async def get_dashboard(
        request: Request,
        period: str = "week",
        office: Annotated[str, Query(max_length=100)] = "",
        lang: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        words = Words(choose_language(lang, request.headers.get("accept-language", "")))
        known = await offices.names()
        chosen = next((o for o in known if o.id == office), None)
        period = period if period in board.PERIODS else board.PERIODS[0]
        now = clock.now().astimezone(zone)
        since, until = board.days_of(period, now.date())
        shown = await board.load(
            figures, since=since, until=until, office=chosen.id if chosen else None, words=words
        )
        wide, narrow = [Markup(await charts.svg(series)) for series in board.charts(shown, words)]  # noqa: S704
        page = templates.get_template("dashboard.html").render(
            words=words,
            board=shown,
            last_day=until - timedelta(days=1),
            wide=wide,
            narrow=narrow,
            offices=known,
            office_name=_office_name(known, chosen, words),
            chosen=chosen.id if chosen else "",
            period=period,
            periods=[(p, _link(p, chosen, words.language)) for p in board.PERIODS],
            other=_link(period, chosen, next(x for x in LANGUAGES if x != words.language)),
            api=_api_link(shown, chosen),
            definitions=[(f.title[words.language], f.definition[words.language]) for f in FIGURES],
            now=f"{words.full_day(now.date())}, {now:%H:%M}",
        )
        return HTMLResponse(page, headers={**_HEADERS, "Content-Language": words.language})

    return routes


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _link(period: str, office: OfficeNames | None, language: str) -> str:
    chosen = {"office": office.id} if office else {}
    return "/?" + urlencode({"period": period, **chosen, "lang": language})


def _api_link(shown: board.Dashboard, office: OfficeNames | None) -> str:
    chosen = {"office": office.id} if office else {}
    asked = {"from": shown.since.isoformat(), "to": shown.until.isoformat(), "group_by": "day", **chosen}
    return "/v1/reports/figures?" + urlencode(asked)


def _office_name(known: Sequence[OfficeNames], chosen: OfficeNames | None, words: Words) -> str:
    office = chosen or (known[0] if len(known) == 1 else None)
    if office is None:
        return words["all_offices"]
    return office.name.get(words.language) or office.name.get("de") or office.id
