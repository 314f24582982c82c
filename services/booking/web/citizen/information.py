"""Pages that the law asks for, what a lost link needs, and where mailed entry and invitation links lead."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import TypeAdapter, ValidationError

from services.booking.api.afterwards import until_done
from services.booking.api.schemas import Email
from services.booking.commands import WrongSecret
from services.booking.domain.office import Office
from services.booking.guard.proofs import HOLDS_PER_ENTRY
from services.booking.web.citizen.front import Astray, Front, form_of, lang_of
from services.booking.web.citizen.guiding import Guiding
from services.booking.web.citizen.journey import Journey, text
from services.booking.web.pages import Here
from services.booking.web.saying import when
from shared.saying import long_date

Token = Annotated[str, Query(max_length=200)]
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


def router(front: Front) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=Guiding.over(front))
    for name in ("imprint", "privacy", "accessibility"):
        routes.add_api_route(f"/{name}", _legal(front, name), methods=["GET"])
    _add_links(routes, front)

    @routes.get("/invitation")
    async def invitation(request: Request, token: Token = "") -> HTMLResponse:
        """What the mailed link leads to; it uses nothing up."""
        found = await front.booking.inviting.look(token)
        office, lang = front.booking.offices[found.office], lang_of(request)
        until = when(found.expires_at.astimezone(office.zone), lang)
        journey = Journey(lang=lang, office=office.id, service=found.service, invitation=token)
        here = Here("/invitation", fields=[("token", token)])
        service = office.service(found.service)
        return front.show(
            "invitation.html", office, lang, here=here, j=journey, token=token, service=service, until=until
        )

    @routes.get("/entry")
    async def entry(request: Request, token: Token = "") -> HTMLResponse:
        """What the mailed link leads to; it uses nothing up."""
        known, lang = front.guard.proofs.entry(token), lang_of(request)
        if known is None:
            raise WrongSecret
        minutes = int((known.until - front.booking.clock.now()).total_seconds()) // 60
        journey = Journey(lang=lang, entry=token)
        here = Here("/entry", fields=[("token", token)])
        return front.show(
            "entry.html", None, lang, here=here, j=journey, token=token, minutes=minutes, holds=HOLDS_PER_ENTRY
        )

    return routes


def _add_links(routes: APIRouter, front: Front) -> None:
    @routes.get("/links")
    async def lost(request: Request) -> HTMLResponse:
        return _show_lost(front, lang_of(request), typed="", fault=False)

    @routes.post("/links")
    async def send(request: Request, background: BackgroundTasks) -> Response:
        """The same answer whether or not anybody is known by this address."""
        values = await form_of(request)
        lang, typed = lang_of(request, values), text(values, "email")
        try:
            email = _EMAIL.validate_python(typed)
        except ValidationError:
            return _show_lost(front, lang, typed=typed[:200], fault=True)
        front.guard.links(request, to=email)
        background.add_task(until_done, lambda: front.booking.send_links(email=email), what="links")
        return front.show("links_sent.html", _office(front, ""), lang, here=None)


def _show_lost(front: Front, lang: str, *, typed: str, fault: bool) -> HTMLResponse:
    faults = {"email": True} if fault else {}
    answer = 422 if fault else 200
    office = _office(front, "")
    return front.show("links.html", office, lang, here=Here("/links"), typed=typed, faults=faults, answer=answer)


def _legal(front: Front, name: str) -> Callable[[Request], Awaitable[HTMLResponse]]:
    async def show(request: Request) -> HTMLResponse:
        office, lang = _office(front, request.query_params.get("office", "")), lang_of(request)
        checked = office.data.pages.checked if office else None
        return front.show(
            f"{name}.html",
            office,
            lang,
            here=Here(f"/{name}", fields=[("office", office.id)] if office else []),
            checked=long_date(checked, "de") if checked else "",
        )

    return show


def _office(front: Front, id: str) -> Office | None:
    try:
        return front.office(id)
    except Astray:
        return None
