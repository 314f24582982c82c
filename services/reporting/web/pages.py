"""The dashboard page, what it is made of, and the stream that keeps its day up to date."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from markupsafe import Markup

from services.reporting.access import Reader, Role
from services.reporting.api.figures import may_see, no_such_office
from services.reporting.api.signed_in import Who
from services.reporting.charts import Chart, Kind, svg
from services.reporting.domain import BY_NAME, Group, Section
from services.reporting.pictures import label, label_of, ranked, trends
from services.reporting.reports import Reports
from services.reporting.storage import OfficeData
from services.reporting.views import COMPARED, HEADLINES, View, load, sections
from services.reporting.web.choices import OWN, PERIODS, Choices
from services.reporting.web.live import MOST_READERS, Live
from services.reporting.web.rendering import HEADERS, HERE, render
from services.reporting.words import LANGUAGES, Words, choose_language
from shared.http import Problem
from shared.mongo import DatabaseClock

# Two beside each other, or one in a row of its own; and a phone.
_HALF, _WIDE, _NARROW = 620, 980, 330
_STATIC = {"dashboard.css": "text/css", "live.js": "text/javascript", "favicon.svg": "image/svg+xml"}
STREAM = "/live"


def router(
    *, reports: Reports, live: Live, who: Who, clock: DatabaseClock, zone: tzinfo, stopping: Callable[[], bool]
) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    for name in _STATIC:
        _add_static(routes, name)

    @routes.get("/", response_class=HTMLResponse)
    async def get_dashboard(request: Request) -> Response:
        words = Words(
            choose_language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        )
        reader = _staff(who(request))
        if reader is None:
            return _to_sign_in(request)
        own = reports.within(reader.office)
        offices = await own.offices()
        today = clock.now().astimezone(zone).date()
        choices = Choices.of(dict(request.query_params), offices=offices, today=today)
        view = await load(own, choices.selection)
        now = await live.now(reader.office or (choices.office.id if choices.office else None))
        page = render(
            "dashboard.html",
            words=words,
            choices=choices,
            view=view,
            now=now,
            live=now.texts(words),
            stream=f"{STREAM}?"
            + urlencode({"office": choices.office.id if choices.office else "", "lang": words.language}),
            other=next(language for language in LANGUAGES if language != words.language),
            offices=offices,
            **_shown(view, words, offices),
        )
        return HTMLResponse(page, headers={**HEADERS, "Content-Language": words.language})

    @routes.get(STREAM)
    async def get_stream(
        request: Request, office: Annotated[str, Query(max_length=100)] = "", lang: str = ""
    ) -> Response:
        reader = _staff(who(request))
        if reader is None:
            raise Problem(401, "not-signed-in", "Not signed in", "A valid key is needed.")
        if reader.office and office not in ("", reader.office):
            raise no_such_office()
        if live.readers >= MOST_READERS:
            raise Problem(503, "too-many-readers", "Too many readers", "Please load the page again now and then.")
        words = Words(choose_language(lang, request.headers.get("accept-language", "")))
        events = live.events(reader.office or office or None, words, over=stopping)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return routes


def _staff(reader: Reader | None) -> Reader | None:
    return reader if reader and reader.role is Role.STAFF else None


def _add_static(routes: APIRouter, name: str) -> None:
    content = (HERE / "static" / name).read_bytes()

    @routes.get(f"/{name}")
    async def get_static() -> Response:
        return Response(content, media_type=_STATIC[name], headers={"Cache-Control": "max-age=300"})


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = "/sign-in?" + urlencode({"next": wanted, "lang": request.query_params.get("lang", "")})
    return RedirectResponse(to, status_code=303, headers={"Cache-Control": "no-store"})


def _shown(view: View, words: Words, offices: Sequence[OfficeData]) -> dict[str, Any]:
    compared = {
        group: [(label(group, line.key, words, offices), line) for line in lines]
        for group, lines in view.compared.items()
        if lines
    }
    rankings = {group: ranked(view, group, words, offices) for group in compared}
    return {
        "figures": BY_NAME,
        "headlines": [BY_NAME[name] for name in HEADLINES],
        "trends": [(chart, _both(chart), names) for chart, names in trends(view, words)],
        "days": [(label_of(view, point.day, words), point) for point in view.trend],
        "compared": compared,
        "columns": {group: [BY_NAME[name] for name in COMPARED[group]] for group in compared},
        "rankings": {group: _both(chart) for group, chart in rankings.items() if chart},
        "sections": sections(view),
        "definitions": [(s, [f for f in may_see(Role.STAFF) if f.section is s]) for s in Section],
        "periods": (*PERIODS, OWN),
        "groups": tuple(Group),
    }


def _both(chart: Chart) -> tuple[Markup, Markup]:
    """For wide and for narrow screens: scaled down to a phone, letters would be of half the size."""
    of = _WIDE if chart.kind is Kind.RANKED else _HALF
    wide, narrow = (svg(chart, width=width) for width in (of, _NARROW))
    return Markup(wide), Markup(narrow)  # noqa: S704 (escaped where it is drawn)
