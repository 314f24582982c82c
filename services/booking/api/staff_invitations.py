"""Invitations: who has one may book once what nobody books without. For staff who may."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from services.booking.api.problems import responses
from services.booking.api.schemas import Email, Incoming, Language, Moment, PersonName, Slug
from services.booking.api.signed_in import REFUSALS, OtherOffice, own_office, signed_in
from services.booking.commands import Booking
from services.booking.domain.actors import SignedIn
from services.booking.domain.office import Office
from services.booking.staff import Staff
from services.booking.storage import Invitation, UnknownInvitation

Inviter = Annotated[SignedIn, Depends(signed_in("invite"))]
OfficeId = Annotated[str, Path(max_length=60)]
_MOST_AT_ONCE = 500


class InvitationIn(Incoming):
    service: Slug
    expires_at: Moment
    family_name: PersonName | None = Field(default=None, description="Binds the invitation to this name")
    email: Email | None = Field(default=None, description="The link goes there by mail")
    language: Language = "de"


class InvitationOut(BaseModel):
    id: str
    service: str
    expires_at: datetime
    bound_to_name: bool
    state: Literal["open", "used"] = Field(description="Used: an appointment was made with it")


class NewInvitationOut(InvitationOut):
    token: str = Field(description="Shown once: whoever has it may book once")


def router(booking: Booking, staff: Staff) -> APIRouter:
    routes = APIRouter(prefix="/v1/staff/offices/{office}", tags=["staff: invitations"])

    def here(office: str, somebody: SignedIn) -> Office:
        return own_office(booking.offices, office, somebody)

    @routes.post("/invitations", status_code=201, summary="Invite somebody to book once",
                 responses=responses(*REFUSALS, 404))  # fmt: skip
    async def invite(office: OfficeId, given: InvitationIn, somebody: Inviter) -> NewInvitationOut:
        there = here(office, somebody)
        made, token = await booking.inviting.invite(
            there,
            given.service,
            expires_at=given.expires_at,
            family_name=given.family_name,
            by=somebody.actor,
            email=given.email,
            language=given.language,
        )
        detail = {"mailed": given.email is not None}
        await staff.audit.record(somebody.actor, "invitation.made", office=office, subject=made.id, detail=detail)
        return NewInvitationOut(**_invitation_out(made).model_dump(), token=token)

    @routes.get("/invitations", summary="Invitations that are not over", responses=responses(*REFUSALS, 404))
    async def list_invitations(office: OfficeId, somebody: Inviter) -> list[InvitationOut]:
        there = here(office, somebody)
        found = await booking.inviting.invitations.not_over(there.id, now=booking.clock.now(), most=_MOST_AT_ONCE)
        return [_invitation_out(one) for one in found]

    @routes.delete("/invitations/{id}", status_code=204, summary="Take an invitation back",
                   responses=responses(*REFUSALS, 404))  # fmt: skip
    async def revoke(office: OfficeId, id: uuid.UUID, somebody: Inviter) -> None:
        there = here(office, somebody)
        try:
            await booking.inviting.invitations.revoke(str(id), office=there.id, now=booking.clock.now())
        except UnknownInvitation:
            # What a citizen is told of an invitation would not help here.
            raise OtherOffice from None
        await staff.audit.record(somebody.actor, "invitation.revoked", office=office, subject=str(id))

    return routes


def _invitation_out(invitation: Invitation) -> InvitationOut:
    return InvitationOut(
        id=invitation.id,
        service=invitation.service,
        expires_at=invitation.expires_at,
        bound_to_name=invitation.name is not None,
        state="used" if invitation.used else "open",
    )
