"""The waiting room's display, and the door where people check in: no name is ever shown on either."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Form, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.booking.api.signed_in import OtherOffice, check_origin
from services.booking.domain import appointment as appointments
from services.booking.domain import day as day_domain
from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.guard import TooMany
from services.booking.storage import NotFound
from services.booking.web.staff.rendering import HEADERS, StaffPage, render
from services.booking.web.staff.work import Here, Work, at_work

OfficeId = Annotated[str, Path(max_length=60)]
Token = Annotated[str, Query(max_length=100)]
# As many as can be read from the back of the room.
_MOST_SHOWN = 6
_AT_THE_DOOR: dict[type[Exception], tuple[int, str]] = {
    NotFound: (404, "Diesen Code kennen wir heute nicht. Bitte prüfen Sie ihn, oder gehen Sie zum Schalter."),
    appointments.WrongStatus: (409, "Mit diesem Code geht das gerade nicht. Bitte gehen Sie zum Schalter."),
    day_domain.NotThisDay: (409, "Dieser Termin ist nicht heute. Bitte gehen Sie zum Schalter."),
    day_domain.TooLate: (409, "Die Zeit Ihres Termins ist vorbei. Bitte gehen Sie zum Schalter."),
    TooMany: (429, "Das waren viele Versuche. Bitte warten Sie etwas, oder gehen Sie zum Schalter."),
}


@dataclass(frozen=True, slots=True)
class Called:
    """What the room sees: a code or a waiting number, and where to go."""

    code: str
    desk: str
    calls: int


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    _add_display(routes, work)
    _add_door(routes, work)
    return routes


def _add_display(routes: APIRouter, work: Work) -> None:
    site = work.staff.citizens_url
    Planner = Annotated[Here, at_work(work, "schedule")]  # noqa: N806 (a type)

    async def allowed(office: str, token: str) -> Office:
        if office not in work.booking.offices or not await work.displays.allows(office, token):
            raise OtherOffice
        return work.booking.offices[office]

    @routes.get("/display/{office}")
    async def show(office: OfficeId, token: Token = "") -> Response:
        there = await allowed(office, token)
        mark = await work.live.mark(there)
        called = _called(await work.day.list(there), there)
        return render("display.html", citizens_url=site, office=there, token=token, mark=mark, called=called)

    @routes.get("/display/{office}/events")
    async def events(
        office: OfficeId,
        token: Token = "",
        since: Annotated[str, Query(max_length=40)] = "",
        known: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    ) -> Response:
        stream = work.live.events(await allowed(office, token), known=known or since)
        return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)

    @routes.get("/staff/displays")
    async def explain(here: Planner) -> Response:
        return await _displays(work, here)

    @routes.post("/staff/displays")
    async def renew(here: Planner) -> Response:
        token = await work.displays.renew(here.office.id)
        await work.record(here.somebody, "display.renewed", here.office.id)
        link = f"{site}/display/{here.office.id}?token={token}"
        return await _displays(work, here, link=link)


def _add_door(routes: APIRouter, work: Work) -> None:
    def there(office: str) -> Office:
        if office not in work.booking.offices:
            raise OtherOffice
        return work.booking.offices[office]

    def door(office: Office, **values: Any) -> Response:
        return render("door.html", citizens_url=work.staff.citizens_url, office=office, **values)

    @routes.get("/check-in/{office}")
    async def ask(office: OfficeId) -> Response:
        return door(there(office), state="ask", code="")

    @routes.post("/check-in/{office}")
    async def check_in(
        request: Request, office: OfficeId, code: Annotated[str, Form(max_length=40)] = ""
    ) -> Response:
        check_origin(request, work.staff.citizens_url)
        here, plain = there(office), "".join(code.split()).replace("-", "").upper()
        try:
            # As the API does: nobody shall find codes by trying.
            work.guard.search(request, office=office)
            if len(plain) != 8 or not plain.isalnum() or not plain.isascii():
                raise NotFound
            await work.day.check_in_by_code(here, plain)
        except tuple(_AT_THE_DOOR) as error:
            answer, fault = _AT_THE_DOOR[type(error)]
            return door(here, answer=answer, fault=fault, state="ask", code=code)
        return door(here, state="done", code=plain)


async def _displays(work: Work, here: Here, *, link: str | None = None) -> Response:
    door = f"{work.staff.citizens_url}/check-in/{here.office.id}"
    picture = await asyncio.to_thread(_qr, door)
    return work.page(here, "displays.html", link=link, door=door, picture=picture)


def _qr(text: str) -> str:
    """As a data address: the page's policy lets no other picture in."""
    return segno.make(text, error="m").svg_data_uri(scale=6, border=3, dark="#000", light="#fff")


def _called(found: Sequence[Appointment], office: Office) -> list[Called]:
    """The newest call first."""
    called = [one for one in found if one.status == "called"]
    ordered = sorted(called, key=lambda one: one.steps[-1].at, reverse=True)
    return [
        Called(one.ticket or one.code, office.lane_name(one.called_to or one.lane), one.calls)
        for one in ordered[:_MOST_SHOWN]
    ]
