"""Booking, moving and naming by staff: for callers, at the counter, and for the next visit."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, Field

from services.booking.api.problems import responses
from services.booking.api.schemas import (
    AccessNeed,
    AppointmentOut,
    ContactIn,
    FurtherServices,
    IdempotencyKey,
    Incoming,
    Members,
    Moment,
    PersonName,
    Slug,
    appointment_out,
    members_of,
)
from services.booking.api.signed_in import REFUSALS, own_appointment, own_office, signed_in
from services.booking.commands import Booking, Counter, CounterRequest
from services.booking.domain.actors import SignedIn
from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.people import GivenContact, Person
from services.booking.printing import slip
from services.booking.staff import Staff

Booker = Annotated[SignedIn, Depends(signed_in("book"))]
PersonSeer = Annotated[SignedIn, Depends(signed_in("see_person"))]
OfficeId = Annotated[str, Path(max_length=60)]
AppointmentId = Annotated[uuid.UUID, Path()]
Key = Annotated[IdempotencyKey, Header(description="New for every booking, same to repeat")]
NO_STORE = {"Cache-Control": "no-store"}
PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}

# Why staff did it, as a code: free text about persons has no place here.
Reason = Literal["closure", "absence", "close_now", "wish", "wrong_desk", "spelling", "other"]


class CounterIn(Incoming):
    """Confirmed at once; `contact` may be missing: then a printed slip says it all."""

    service: Slug
    further_services: FurtherServices = ()
    starts_at: Moment
    family_name: PersonName
    members: Members
    channel: Literal["phone", "counter"] = "phone"
    contact: ContactIn | None = None
    lane: Slug | None = Field(default=None, description="A desk against the rules; without one the rules find it")
    access_needs: tuple[AccessNeed, ...] = Field(default=(), max_length=10)
    another_person: bool = Field(default=False, strict=True, description="Of the same name and address")


class MoveIn(Incoming):
    starts_at: Moment
    lane: Slug | None = None
    reason: Reason | None = Field(default=None, description="Without one the citizen asked for it")


class DeskIn(Incoming):
    lane: Slug
    reason: Reason = "wrong_desk"


class StaffNameIn(Incoming):
    family_name: PersonName
    given_name: PersonName | None = None
    reason: Reason = "spelling"


class StaffMembersIn(Incoming):
    members: Members
    overrun: bool = Field(default=False, strict=True, description="Keep the time where the next cells are taken")


class FollowUpIn(Incoming):
    starts_at: Moment
    service: Slug | None = None
    lane: Slug | None = None


class CancelIn(Incoming):
    asked_by_citizen: bool = Field(default=True, strict=True)
    reason: Reason = "other"


class PersonOut(BaseModel):
    """An appointment with its person; every look at it is recorded."""

    appointment: AppointmentOut
    lane: str
    family_name: str
    given_name: str | None
    email: str | None
    phone: str | None
    access_needs: tuple[str, ...]
    municipalities: tuple[str, ...]
    review: str | None
    history: list[tuple[str, datetime, str]] = Field(description="Step, when, and by whom: citizen, staff, system")


def router(booking: Booking, counter: Counter, staff: Staff) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(prefix="/v1/staff", tags=["staff: booking"])

    def here(office: str, somebody: SignedIn) -> Office:
        return own_office(booking.offices, office, somebody)

    async def own(id: uuid.UUID, somebody: SignedIn) -> Appointment:
        return await own_appointment(booking.appointments, id, somebody)

    async def act(
        id: uuid.UUID,
        somebody: SignedIn,
        action: str,
        do: Callable[[str], Awaitable[Appointment]],
        **detail: str,
    ) -> AppointmentOut:
        before = await own(id, somebody)
        after = await do(before.id)
        await staff.audit.record(
            somebody.actor, f"appointment.{action}", office=after.office, subject=after.id, detail=detail
        )
        return appointment_out(after)

    @routes.get("/offices/{office}/appointments", summary="By code, or those that staff should look at",
                responses=responses(*REFUSALS, 404))  # fmt: skip
    async def find(
        office: OfficeId,
        somebody: PersonSeer,
        response: Response,
        code: Annotated[str | None, Query(pattern=r"^[0-9A-Za-z]{8}$")] = None,
    ) -> list[PersonOut]:
        response.headers.update(NO_STORE)
        there = here(office, somebody)
        if code:
            found = await booking.appointments.by_code(there.id, code.upper())
        else:
            found = await booking.appointments.for_review(there.id)
        for appointment in found:
            await staff.audit.record(somebody.actor, "person.seen", office=office, subject=appointment.id)
        return [_person_out(appointment, await booking.person_of(appointment)) for appointment in found]

    @routes.get("/appointments/{id}", summary="One appointment with its person",
                responses=responses(*REFUSALS, 404))  # fmt: skip
    async def get(id: AppointmentId, somebody: PersonSeer, response: Response) -> PersonOut:
        response.headers.update(NO_STORE)
        appointment = await own(id, somebody)
        await staff.audit.record(somebody.actor, "person.seen", office=appointment.office, subject=appointment.id)
        return _person_out(appointment, await booking.person_of(appointment))

    @routes.get("/appointments/{id}/slip.pdf", summary="The slip to print", response_class=Response,
                responses={**PDF, **responses(*REFUSALS, 404)})  # fmt: skip
    async def get_slip(id: AppointmentId, somebody: PersonSeer) -> Response:
        appointment = await own(id, somebody)
        person = await booking.person_of(appointment)
        await staff.audit.record(somebody.actor, "slip.printed", office=appointment.office, subject=appointment.id)
        pdf = await slip(appointment, booking.offices[appointment.office], name=person.family_name)
        return Response(pdf, media_type="application/pdf", headers=NO_STORE)

    @routes.post("/offices/{office}/appointments", status_code=201, summary="Book for somebody, confirmed at once",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def book(office: OfficeId, given: CounterIn, somebody: Booker, idempotency_key: Key) -> AppointmentOut:
        request = _request(here(office, somebody).id, given)
        booked = await counter.book(request, idempotency_key=idempotency_key, by=somebody.actor)
        await staff.audit.record(somebody.actor, "appointment.booked", office=office, subject=booked.id)
        return appointment_out(booked)

    @routes.post("/appointments/{id}/reschedule", summary="Move for somebody",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def move(id: AppointmentId, given: MoveIn, somebody: Booker) -> AppointmentOut:
        return await act(id, somebody, "moved", lambda own: counter.move(
            own, given.starts_at, by=somebody.actor, lane=given.lane, reason=given.reason))  # fmt: skip

    @routes.post("/appointments/{id}/desk", summary="Another desk at the same time",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def assign(id: AppointmentId, given: DeskIn, somebody: Booker) -> AppointmentOut:
        return await act(
            id,
            somebody,
            "reassigned",
            lambda own: counter.assign(own, given.lane, by=somebody.actor, reason=given.reason),
            lane=given.lane,
            reason=given.reason,
        )

    @routes.post("/appointments/{id}/name", summary="Put the name right",
                 responses=responses(*REFUSALS, 404, 409, 410))  # fmt: skip
    async def put_name(id: AppointmentId, given: StaffNameIn, somebody: Booker) -> AppointmentOut:
        return await act(
            id,
            somebody,
            "name_corrected",
            lambda own: booking.correct_name(
                own, given.family_name, given_name=given.given_name, by=somebody.actor
            ),
            reason=given.reason,
        )

    @routes.post("/appointments/{id}/members", summary="Somebody joins or leaves",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def put_members(id: AppointmentId, given: StaffMembersIn, somebody: Booker) -> AppointmentOut:
        members = members_of(given.members)
        return await act(id, somebody, "resized", lambda own: counter.resize(
            own, members, by=somebody.actor, overrun=given.overrun))  # fmt: skip

    @routes.post("/appointments/{id}/cancel", summary="Cancel, as the citizen asks or because the office must",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def cancel(id: AppointmentId, given: CancelIn, somebody: Booker) -> AppointmentOut:
        if given.asked_by_citizen:
            return await act(id, somebody, "cancelled", lambda own: counter.cancel(own, by=somebody.actor))
        return await act(
            id,
            somebody,
            "office_cancelled",
            lambda own: counter.office_cancel(own, by=somebody.actor, reason=given.reason),
            reason=given.reason,
        )

    @routes.post("/appointments/{id}/follow-up", status_code=201, summary="The next visit of the same people",
                 responses=responses(*REFUSALS, 404, 409, 410))  # fmt: skip
    async def follow_up(
        id: AppointmentId, given: FollowUpIn, somebody: Booker, idempotency_key: Key
    ) -> AppointmentOut:
        return await act(
            id,
            somebody,
            "followed_up",
            lambda own: counter.follow_up(
                own,
                given.starts_at,
                service=given.service,
                lane=given.lane,
                idempotency_key=idempotency_key,
                by=somebody.actor,
            ),
        )

    @routes.post("/appointments/{id}/reviewed", summary="Looked at and let be",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def reviewed(id: AppointmentId, somebody: Booker) -> AppointmentOut:
        return await act(id, somebody, "reviewed", lambda own: counter.review_done(own, by=somebody.actor))

    return routes


def _request(office: str, given: CounterIn) -> CounterRequest:
    return CounterRequest(
        office=office,
        service=given.service,
        further_services=given.further_services,
        starts_at=given.starts_at,
        family_name=given.family_name,
        members=members_of(given.members),
        channel=given.channel,
        contact=GivenContact(**given.contact.model_dump()) if given.contact else None,
        lane=given.lane,
        access_needs=tuple(sorted(set(given.access_needs))),
        another_person=given.another_person,
    )


def _person_out(appointment: Appointment, person: Person) -> PersonOut:
    return PersonOut(
        appointment=appointment_out(appointment),
        lane=appointment.lane,
        family_name=person.family_name,
        given_name=person.given_name,
        email=person.email,
        phone=person.phone,
        access_needs=person.access_needs,
        municipalities=appointment.municipalities,
        review=appointment.review,
        history=[(step.step, step.at, step.by) for step in appointment.steps],
    )
