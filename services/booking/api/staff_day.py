"""The office's day for staff: the list, check-in, call, service, no-show, undo, tickets, pauses."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import BaseModel, Field

from services.booking.api.problems import responses
from services.booking.api.schemas import (
    AccessNeed,
    IdempotencyKey,
    Incoming,
    Members,
    Moment,
    PersonName,
    Slug,
    members_of,
)
from services.booking.api.signed_in import REFUSALS, own_appointment, own_office, signed_in
from services.booking.commands import Booking, Day, TicketRequest
from services.booking.domain.actors import SignedIn
from services.booking.domain.appointment import Appointment, Status
from services.booking.domain.office import Office
from services.booking.people import Person
from services.booking.printing import Listed, day_list
from services.booking.staff import Staff

Looking = Annotated[SignedIn, Depends(signed_in("see_day"))]
Serving = Annotated[SignedIn, Depends(signed_in("serve"))]
Booker = Annotated[SignedIn, Depends(signed_in("book"))]
PersonSeer = Annotated[SignedIn, Depends(signed_in("see_person"))]
OfficeId = Annotated[str, Path(max_length=60)]
AppointmentId = Annotated[uuid.UUID, Path()]
NO_STORE = {"Cache-Control": "no-store"}


class ActionIn(Incoming):
    at: Moment | None = Field(default=None, description="When it happened, where it is entered later; today only")


class CheckInIn(ActionIn):
    late: Literal["serve", "append", "rebook"] | None = Field(
        default=None, description="What to do with somebody who is late, against the office's rule"
    )


class CallIn(ActionIn):
    lane: Slug = Field(description="The desk to which the person is called")


class UndoIn(Incoming):
    version: int = Field(ge=1, description="As it was shown: nothing is undone that a colleague did meanwhile")


class TicketIn(Incoming):
    service: Slug
    family_name: PersonName
    members: Members
    access_needs: tuple[AccessNeed, ...] = Field(default=(), max_length=10)


class PauseIn(Incoming):
    team: Slug


class DayEntryOut(BaseModel):
    """One appointment of today. `name` only for those who may see persons."""

    id: str
    version: int
    code: str
    ticket: str | None
    status: Status
    name: str | None
    service: str
    further_services: tuple[str, ...]
    team: str
    lane: str
    called_to: str | None
    starts_at: datetime
    ends_at: datetime
    persons: int
    children_under_6: int
    calls: int
    waiting_minutes: int | None
    handling_minutes: int | None
    access_needs: tuple[str, ...]
    review: str | None = Field(description="Why staff should look at it")
    can_undo: bool


class DayOut(BaseModel):
    now: datetime
    entries: list[DayEntryOut]


def router(booking: Booking, day: Day, staff: Staff) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(prefix="/v1/staff", tags=["staff: the day"])

    def here(office: str, somebody: SignedIn) -> Office:
        return own_office(booking.offices, office, somebody)

    async def act(
        id: uuid.UUID, somebody: SignedIn, action: str, do: Callable[[str], Awaitable[Appointment]]
    ) -> DayEntryOut:
        """Only on an appointment of the own office; recorded once it is done."""
        appointment = await own_appointment(booking.appointments, id, somebody)
        after = await do(appointment.id)
        await staff.audit.record(somebody.actor, f"appointment.{action}", office=after.office, subject=after.id)
        return entry_out(after, await booking.person_of(after))

    @routes.get("/offices/{office}/day", summary="Today's list", responses=responses(*REFUSALS, 404))
    async def get_day(office: OfficeId, somebody: Looking, response: Response) -> DayOut:
        response.headers.update(NO_STORE)
        there = here(office, somebody)
        found = await day.list(there)
        persons: dict[str, Person] = {}
        if somebody.may("see_person"):
            persons = await booking.persons_of(found)
            await staff.audit.record(somebody.actor, "day.seen", office=office)
        entries = [entry_out(appointment, persons.get(appointment.id)) for appointment in found]
        return DayOut(now=booking.clock.now(), entries=entries)

    @routes.get("/offices/{office}/day.pdf", summary="Today's list for paper", response_class=Response,
                responses={200: {"content": {"application/pdf": {}}}, **responses(*REFUSALS, 404)})  # fmt: skip
    async def get_day_list(office: OfficeId, somebody: PersonSeer) -> Response:
        there = here(office, somebody)
        listed = [await _listed(booking, appointment) for appointment in await day.list(there)]
        await staff.audit.record(somebody.actor, "day.printed", office=office)
        pdf = await day_list(listed, there, now=booking.clock.now())
        return Response(pdf, media_type="application/pdf", headers=NO_STORE)

    @routes.post("/appointments/{id}/check-in", summary="The person is there",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def check_in(id: AppointmentId, given: CheckInIn, somebody: Serving) -> DayEntryOut:
        return await act(id, somebody, "checked_in", lambda own: day.check_in(
            own, by=somebody.actor, at=given.at, late=given.late))  # fmt: skip

    @routes.post("/appointments/{id}/call", summary="Call to a desk", responses=responses(*REFUSALS, 404, 409))
    async def call(id: AppointmentId, given: CallIn, somebody: Serving) -> DayEntryOut:
        return await act(id, somebody, "called", lambda own: day.call(
            own, by=somebody.actor, lane=given.lane, at=given.at))  # fmt: skip

    @routes.post("/appointments/{id}/start", summary="The person sits down",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def start(id: AppointmentId, given: ActionIn, somebody: Serving) -> DayEntryOut:
        return await act(id, somebody, "started", lambda own: day.start(own, by=somebody.actor, at=given.at))

    @routes.post("/appointments/{id}/complete", summary="Done", responses=responses(*REFUSALS, 404, 409))
    async def complete(id: AppointmentId, given: ActionIn, somebody: Serving) -> DayEntryOut:
        return await act(id, somebody, "completed", lambda own: day.complete(own, by=somebody.actor, at=given.at))

    @routes.post("/appointments/{id}/no-show", summary="The person did not come",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def no_show(id: AppointmentId, given: ActionIn, somebody: Serving) -> DayEntryOut:
        return await act(id, somebody, "no_show", lambda own: day.no_show(own, by=somebody.actor, at=given.at))

    @routes.post("/appointments/{id}/undo", summary="Take the last action of today back",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def undo(id: AppointmentId, given: UndoIn, somebody: Serving) -> DayEntryOut:
        return await act(id, somebody, "undone", lambda own: day.undo(
            own, by=somebody.actor, version=given.version))  # fmt: skip

    @routes.post("/offices/{office}/tickets", status_code=201, summary="A ticket for somebody without appointment",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def give_ticket(
        office: OfficeId, given: TicketIn, somebody: Booker, idempotency_key: Annotated[IdempotencyKey, Header()]
    ) -> DayEntryOut:
        here(office, somebody)
        request = TicketRequest(
            office=office,
            service=given.service,
            family_name=given.family_name,
            members=members_of(given.members),
            access_needs=tuple(sorted(set(given.access_needs))),
        )
        there = await day.ticket(request, idempotency_key=idempotency_key, by=somebody.actor)
        await staff.audit.record(somebody.actor, "ticket.given", office=office, subject=there.id)
        return entry_out(there, await booking.person_of(there))

    @routes.post("/offices/{office}/pause", status_code=204, summary="Stop calling and the waiting clocks",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def pause(office: OfficeId, given: PauseIn, somebody: Serving) -> None:
        await day.pause(here(office, somebody), given.team, by=somebody.actor)
        await staff.audit.record(somebody.actor, "day.paused", office=office, detail={"team": given.team})

    @routes.post("/offices/{office}/resume", status_code=204, summary="Go on calling",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def resume(office: OfficeId, given: PauseIn, somebody: Serving) -> None:
        await day.resume(here(office, somebody), given.team)
        await staff.audit.record(somebody.actor, "day.resumed", office=office, detail={"team": given.team})

    return routes


_PLAIN = DayEntryOut.model_fields.keys() - {"name", "access_needs", "can_undo"}


async def _listed(booking: Booking, appointment: Appointment) -> Listed:
    person = await booking.person_of(appointment)
    return Listed(appointment, person.family_name, person.access_needs)


def entry_out(appointment: Appointment, person: Person | None) -> DayEntryOut:
    values: dict[str, Any] = {field: getattr(appointment, field) for field in _PLAIN}
    return DayEntryOut(
        **values,
        name=person.family_name if person else None,
        access_needs=person.access_needs if person else (),
        can_undo=bool(appointment.past),
    )
