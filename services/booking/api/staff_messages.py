"""Whether people were reached: the call list, the messages of an appointment, and one of them once more."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, Field

from services.booking.api.problems import responses
from services.booking.api.schemas import IdempotencyKey, Incoming
from services.booking.api.signed_in import REFUSALS, for_office, own_appointment, signed_in
from services.booking.api.staff_schemas import OfficeOrAll
from services.booking.commands import Booking, Reaching
from services.booking.domain import calls
from services.booking.domain.actors import EVERYWHERE, SignedIn
from services.booking.domain.appointment import Appointment, Status
from services.booking.people import Person
from services.booking.saying import sentence
from services.booking.staff import Staff
from shared.contracts import DeliveryState

Looking = Annotated[SignedIn, Depends(signed_in("see_day"))]
Booker = Annotated[SignedIn, Depends(signed_in("book"))]
AppointmentId = Annotated[uuid.UUID, Path()]
Key = Annotated[IdempotencyKey, Header(description="New for every message, same to repeat")]
NO_STORE = {"Cache-Control": "no-store"}

Purpose = Literal[
    "confirm_request",
    "confirmation",
    "rescheduled",
    "changed",
    "reminder",
    "cancellation",
    "office_cancellation",
    "waiting",
    "offer",
]


class CallOut(BaseModel):
    """Somebody to phone. Name and number only for those who may see persons."""

    id: str = Field(description="The appointment's")
    code: str
    office: str
    team: str
    service: str
    status: Status
    starts_at: datetime
    name: str | None
    phone: str | None = Field(description="Null also where nobody gave a number")
    language: str | None
    purpose: str = Field(description="What the person does not know yet")
    why: Literal["no_contact", "not_sent", "undeliverable"] = Field(
        description="Nobody can be written to · the message has not gone out in time · it cannot arrive"
    )
    say: str = Field(description="In German")
    since: datetime
    state: Literal["open", "taken", "done"]
    taken_by: str | None = Field(description="The account of whoever phones just now")
    tries: int = Field(description="How often nobody was reached")
    can_undo: bool = Field(description="By you, today")


class MessageOut(BaseModel):
    """One message on its way over one channel: neither its text nor an address."""

    purpose: str
    channel: str
    language: str
    status: str
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    at: datetime = Field(description="When this was heard of it")


class MessagesOut(BaseModel):
    messages: list[MessageOut] = Field(description="The oldest first; those that still wait are not told yet")
    possible: list[str] = Field(description="What can be sent once more, by the newest state")


class AgainIn(Incoming):
    purpose: Purpose
    reason: Literal["not_arrived", "lost", "asked", "other"] = "not_arrived"


def router(booking: Booking, reaching: Reaching, staff: Staff) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(prefix="/v1/staff", tags=["staff: messages"])

    async def out(appointment: Appointment, somebody: SignedIn) -> CallOut:
        person = await booking.person_of(appointment) if somebody.may("see_person") else None
        return _call_out(appointment, person, booking=booking, reaching=reaching, somebody=somebody)

    async def act(
        id: uuid.UUID, somebody: SignedIn, action: str, do: Callable[[str], Awaitable[Appointment]]
    ) -> CallOut:
        before = await own_appointment(booking.appointments, id, somebody)
        after = await do(before.id)
        await staff.audit.record(somebody.actor, f"call.{action}", office=after.office, subject=after.id)
        return await out(after, somebody)

    @routes.get("/call-list", summary="Whom to phone, because no message reaches them in time",
                responses=responses(*REFUSALS, 404))  # fmt: skip
    async def get_call_list(
        somebody: Looking, response: Response, office: Annotated[OfficeOrAll | None, Query()] = None
    ) -> list[CallOut]:
        response.headers.update(NO_STORE)
        where = office or somebody.office
        for_office(somebody, where)
        found = await reaching.list(None if where == EVERYWHERE else where)
        if somebody.may("see_person"):
            await staff.audit.record(somebody.actor, "call_list.seen", office=where)
        return [await out(appointment, somebody) for appointment in found]

    @routes.post("/call-list/{id}/take", summary="I phone: of two who say so one wins",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def take(id: AppointmentId, somebody: Booker) -> CallOut:
        return await act(id, somebody, "taken", lambda own: reaching.take(own, by=somebody.actor))

    @routes.post("/call-list/{id}/done", summary="The person knows", responses=responses(*REFUSALS, 404, 409))
    async def done(id: AppointmentId, somebody: Booker) -> CallOut:
        return await act(id, somebody, "done", lambda own: reaching.done(own, by=somebody.actor))

    @routes.post("/call-list/{id}/not-reached", summary="Nobody answered",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def not_reached(id: AppointmentId, somebody: Booker) -> CallOut:
        return await act(id, somebody, "not_reached", lambda own: reaching.not_reached(own, by=somebody.actor))

    @routes.post("/call-list/{id}/undo", summary="Take back my last action of today",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def undo(id: AppointmentId, somebody: Booker) -> CallOut:
        return await act(id, somebody, "undone", lambda own: reaching.undo(own, by=somebody.actor))

    @routes.get("/appointments/{id}/messages", summary="What became of its messages",
                responses=responses(*REFUSALS, 404))  # fmt: skip
    async def get_messages(id: AppointmentId, somebody: Looking) -> MessagesOut:
        appointment = await own_appointment(booking.appointments, id, somebody)
        told = await reaching.messages.of(appointment.id)
        return MessagesOut(
            messages=[_message_out(at, message) for at, message in told],
            possible=list(reaching.possible(appointment)),
        )

    @routes.post("/appointments/{id}/messages", status_code=202, summary="Send a message once more",
                 responses=responses(*REFUSALS, 404, 409, 429))  # fmt: skip
    async def send_again(
        id: AppointmentId, given: AgainIn, somebody: Booker, idempotency_key: Key
    ) -> dict[str, str]:
        appointment = await own_appointment(booking.appointments, id, somebody)
        await reaching.request(appointment.id, given.purpose, idempotency_key=idempotency_key, by=somebody.actor)
        await staff.audit.record(
            somebody.actor,
            "message.requested",
            office=appointment.office,
            subject=appointment.id,
            detail={"purpose": given.purpose, "reason": given.reason},
        )
        return {"status": "accepted"}

    return routes


def _call_out(
    appointment: Appointment, person: Person | None, *, booking: Booking, reaching: Reaching, somebody: SignedIn
) -> CallOut:
    call, now = appointment.call, booking.clock.now()
    assert call is not None
    taken_by = calls.taken_by(call, now=now)
    return CallOut(
        id=appointment.id,
        code=appointment.code,
        office=appointment.office,
        team=appointment.team,
        service=appointment.service,
        status=appointment.status,
        starts_at=appointment.starts_at,
        name=person.family_name if person else None,
        phone=person.phone if person else None,
        language=appointment.contact.language if appointment.contact else None,
        purpose=call.purpose,
        why=call.why,
        say=sentence(appointment, call.purpose, booking.offices[appointment.office]),
        since=call.since,
        state="done" if call.done else "taken" if taken_by else "open",
        taken_by=taken_by,
        tries=call.tries,
        can_undo=calls.can_undo(call, by=somebody.actor, day=reaching.day(appointment, now)),
    )


def _message_out(at: datetime, message: DeliveryState) -> MessageOut:
    plain = MessageOut.model_fields.keys() - {"at"}
    return MessageOut(at=at, **message.model_dump(include=set(plain)))
