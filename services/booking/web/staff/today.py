"""Today: the live list, its one-key actions, walk-ins and pauses."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from services.booking.api.schemas import AccessNeed, Ags, IdempotencyKey, PersonName, Slug
from services.booking.commands import TicketRequest
from services.booking.domain import day as day_domain
from services.booking.domain.appointment import Appointment
from services.booking.printing import day_list
from services.booking.web.staff.faults import ANTICIPATED, told
from services.booking.web.staff.listed import grouped, listed
from services.booking.web.staff.members import members_of, responsible_for
from services.booking.web.staff.plan import Day, day_of
from services.booking.web.staff.rendering import HEADERS, StaffPage
from services.booking.web.staff.work import Here, Work, at_work, see

ActionName = Literal["check-in", "call", "start", "complete", "no-show", "undo"]
_RECORDED = {
    "check-in": "checked_in",
    "call": "called",
    "start": "started",
    "complete": "completed",
    "no-show": "no_show",
    "undo": "undone",
}
Team = Annotated[str | None, Query(max_length=60)]
Version = Annotated[int, Form(ge=0)]


def router(work: Work) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Looking = Annotated[Here, at_work(work, "see_day")]  # noqa: N806 (types)
    Serving = Annotated[Here, at_work(work, "serve")]  # noqa: N806
    Booker = Annotated[Here, at_work(work, "book")]  # noqa: N806
    PersonSeer = Annotated[Here, at_work(work, "see_person")]  # noqa: N806

    @routes.get("/staff/today")
    async def show(
        here: Looking, team: Team = None, day: Day = "", done: Annotated[str, Query(max_length=20)] = ""
    ) -> Response:
        """Another day has no live list: its plan is shown."""
        if day:
            return see(f"/staff/plan?day={day_of(day).isoformat()}{_chosen(here, team)}")
        return await _today(work, here, team=team, done=done)

    @routes.get("/staff/today/events")
    async def events(here: Looking, known: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
                     since: Annotated[str, Query(max_length=40)] = "") -> Response:  # fmt: skip
        stream = work.live.events(here.office, known=known or since)
        return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)

    @routes.get("/staff/today.pdf")
    async def paper(here: PersonSeer) -> Response:
        found = await listed(work, here.office)
        await work.record(here.somebody, "day.printed", here.office.id)
        pdf = await day_list(found, here.office, now=work.booking.clock.now())
        return Response(pdf, media_type="application/pdf", headers=HEADERS)

    @routes.post("/staff/appointments/{id}/do/{action}")
    async def act(
        here: Serving,
        id: uuid.UUID,
        action: ActionName,
        version: Version = 0,
        lane: Annotated[str, Form(max_length=60)] = "",
        late: Annotated[Literal["serve", "append", ""], Form()] = "",
        team: Annotated[str, Form(max_length=60)] = "",
    ) -> Response:
        do = _acting(work, here, action, version=version, lane=lane or here.desk or "", late=late or None)
        try:
            await work.act(str(id), here.somebody, f"appointment.{_RECORDED[action]}", do)
        except ANTICIPATED as error:
            answer, fault = told(error)
            late_one = str(id) if isinstance(error, day_domain.TooLate) else None
            return await _today(work, here, team=team or None, answer=answer, fault=fault, late_one=late_one)
        return see(f"/staff/today?done={action}{_chosen(here, team)}#a-{id}")

    @routes.get("/staff/ticket")
    async def ask_for_ticket(here: Booker) -> Response:
        return work.page(here, "ticket.html", responsible=responsible_for(here.office))

    @routes.post("/staff/ticket")
    async def give_ticket(
        here: Booker,
        key: Annotated[IdempotencyKey, Form()],
        service: Annotated[Slug, Form()],
        family_name: Annotated[PersonName, Form()],
        municipality: Annotated[Ags, Form()],
        persons: Annotated[int, Form(ge=1, le=20)] = 1,
        children: Annotated[int, Form(ge=0, le=20)] = 0,
        needs: Annotated[list[AccessNeed], Form(max_length=10)] = [],  # noqa: B006 (FastAPI copies it)
    ) -> Response:
        request = TicketRequest(
            office=here.office.id,
            service=service,
            family_name=family_name,
            members=members_of(municipality, persons=persons, children=children),
            access_needs=tuple(sorted(set(needs))),
        )
        given = await work.day.ticket(request, idempotency_key=key, by=here.somebody.actor)
        await work.record(here.somebody, "ticket.given", here.office.id, subject=given.id)
        return see(f"/staff/appointments/{given.id}/slip")

    @routes.post("/staff/teams/{team}/{what}")
    async def pause(
        here: Serving, team: Annotated[str, Path(max_length=60)], what: Literal["pause", "resume"]
    ) -> Response:
        if what == "pause":
            await work.day.pause(here.office, team, by=here.somebody.actor)
        else:
            await work.day.resume(here.office, team)
        await work.record(here.somebody, f"day.{what}d", here.office.id, team=team)
        return see(f"/staff/today?done={what}")

    return routes


def _chosen(here: Here, team: str | None) -> str:
    """For the address of the page that follows."""
    return f"&team={team}" if team in {one.id for one in here.office.data.teams} else ""


def _acting(
    work: Work, here: Here, action: ActionName, *, version: int, lane: str, late: Any
) -> Callable[[str], Awaitable[Appointment]]:
    day, by = work.day, here.somebody.actor
    commands: dict[ActionName, Callable[[str], Awaitable[Appointment]]] = {
        "check-in": lambda own: day.check_in(own, by=by, late=late),
        "call": lambda own: day.call(own, by=by, lane=lane),
        "start": lambda own: day.start(own, by=by),
        "complete": lambda own: day.complete(own, by=by),
        "no-show": lambda own: day.no_show(own, by=by),
        "undo": lambda own: day.undo(own, by=by, version=version),
    }
    return commands[action]


async def _today(
    work: Work,
    here: Here,
    *,
    team: str | None = None,
    answer: int = 200,
    fault: str | None = None,
    done: str = "",
    late_one: str | None = None,
) -> Response:
    office, now = here.office, work.booking.clock.now()
    # Before the list: whatever changes while it is read is told once more.
    mark = await work.live.mark(office)
    team = team if team in {t.id for t in office.data.teams} else here.team
    found = [one for one in await work.day.list(office) if team in (None, one.team)]
    persons = await work.booking.persons_of(found) if here.may("see_person") else {}
    if persons:
        await work.record(here.somebody, "day.seen", office.id)
    pauses = await work.live.book.all_pauses(office.id, day=work.day.span(office))
    return work.page(
        here,
        "today.html",
        answer=answer,
        fault=fault,
        done=done,
        late_one=late_one,
        mark=mark,
        now=now,
        team=team,
        groups=grouped(found, persons, here=here, now=now),
        paused={name for name, start, end in pauses if start <= now < end},
    )
