"""The waiting list for citizens: enter, join, leave, accept, decline."""

from datetime import date, datetime
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, Field

from services.booking.api.own import owner
from services.booking.api.problems import responses, unknown_office
from services.booking.api.schemas import (
    AccessNeed,
    AppointmentOut,
    FurtherServices,
    HelperSecret,
    IdempotencyKey,
    Incoming,
    Members,
    Moment,
    PersonName,
    Proof,
    Slug,
    appointment_out,
    members_of,
)
from services.booking.commands import Booking, WaitingList, WishRequest
from services.booking.domain.appointment import Status, Wish
from services.booking.guard import Guard

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class WishIn(Incoming):
    """When a time would suit, both days included."""

    first: date
    last: date
    weekdays: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = _WEEKDAYS
    day_part: Literal["any", "morning", "afternoon"] = "any"

    def wish(self) -> Wish:
        weekdays = tuple(sorted({_WEEKDAYS.index(day) for day in self.weekdays}))
        return Wish(first=self.first, last=self.last, weekdays=weekdays, day_part=self.day_part)


class WaitingIn(Incoming):
    office: Slug
    service: Slug
    further_services: FurtherServices = ()
    family_name: PersonName = Field(description="As printed on the residence document; of the lead person")
    members: Members
    wish: WishIn
    preconditions: dict[Slug, bool] = Field(default_factory=dict, max_length=20)
    access_needs: tuple[AccessNeed, ...] = Field(default=(), max_length=10)


class WaitingOut(BaseModel):
    """Say how to reach you and confirm, as for an appointment; then you wait."""

    id: str
    code: str
    token: str = Field(description="Opens the entry; keep it secret")
    status: Status
    expires_at: datetime | None


class AcceptIn(Incoming):
    starts_at: Moment = Field(description="The offered time, so that nothing else is accepted by mistake")


def router(booking: Booking, waiting: WaitingList, guard: Guard) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["waiting list"])

    Own = Annotated[str, Depends(owner(booking.keys))]  # noqa: N806 (a type)

    @routes.post("/waiting-list", status_code=201, summary="Wait for a time, without an appointment",
                 responses=responses(401, 403, 404, 409, 429))  # fmt: skip
    async def enter(
        request: Request,
        wanted: WaitingIn,
        idempotency_key: Annotated[IdempotencyKey, Header(description="New for every entry, same to repeat")],
        proof: Proof = None,
        helper: HelperSecret = None,
    ) -> WaitingOut:
        if wanted.office not in booking.offices:
            raise unknown_office(wanted.office)
        # A key that came with a hold as well names two requests, and each needs a proof of its own.
        channel = await guard.hold(
            request, office=wanted.office, proof=proof, helper=helper, idempotency_key=f"wish|{idempotency_key}"
        )
        entry = await waiting.enter(_request(wanted, channel), idempotency_key=idempotency_key)
        return WaitingOut(
            id=entry.id,
            code=entry.code,
            token=booking.keys.secret("token", entry.id),
            status=entry.status,
            expires_at=entry.expires_at,
        )

    @routes.put("/appointments/{id}/wish", summary="Keep the appointment and wait for an earlier time",
                responses=responses(401, 404, 409, 410))  # fmt: skip
    async def join(id: Own, wish: WishIn) -> AppointmentOut:
        return appointment_out(await waiting.join(id, wish.wish()))

    @routes.delete("/appointments/{id}/wish", summary="Wait no longer and keep the appointment",
                   responses=responses(401, 404, 409, 410))  # fmt: skip
    async def leave(id: Own) -> AppointmentOut:
        return appointment_out(await waiting.leave(id))

    @routes.post("/appointments/{id}/offer/accept", summary="Take the offered time",
                 responses=responses(401, 404, 409, 410))  # fmt: skip
    async def accept(id: Own, given: AcceptIn) -> AppointmentOut:
        return appointment_out(await waiting.accept(id, given.starts_at))

    @routes.post("/appointments/{id}/offer/decline", summary="Leave the offered time to the next",
                 responses=responses(401, 404, 409, 410))  # fmt: skip
    async def decline(id: Own) -> AppointmentOut:
        return appointment_out(await waiting.decline(id))

    return routes


def _request(wanted: WaitingIn, channel: str) -> WishRequest:
    return WishRequest(
        channel=channel,
        office=wanted.office,
        service=wanted.service,
        further_services=wanted.further_services,
        family_name=wanted.family_name,
        members=members_of(wanted.members),
        wish=wanted.wish.wish(),
        preconditions=wanted.preconditions,
        access_needs=tuple(sorted(set(wanted.access_needs))),
    )
