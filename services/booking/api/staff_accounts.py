"""Accounts of the staff, and the record of what they did."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.booking.api.problems import responses
from services.booking.api.schemas import Moment
from services.booking.api.signed_in import REFUSALS, for_office, signed_in
from services.booking.api.staff_schemas import (
    AccountChangesIn,
    AccountIn,
    AccountMadeOut,
    AccountOut,
    AuditOut,
    LinkOut,
    OfficeOrAll,
    account_fields,
    audit_out,
)
from services.booking.domain.actors import SignedIn
from services.booking.staff import Staff
from services.booking.staff.administration import Changes
from services.booking.staff.audit import Wanted

Administrator = Annotated[SignedIn, Depends(signed_in("staff"))]
Auditor = Annotated[SignedIn, Depends(signed_in("audit"))]
Id = Annotated[str | None, Query(max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")]


def router(staff: Staff) -> APIRouter:
    routes = APIRouter(prefix="/v1/staff", tags=["staff"])
    administration = staff.administration

    @routes.get("/accounts", summary="The accounts of my office", responses=responses(*REFUSALS))
    async def list_accounts(by: Administrator) -> list[AccountOut]:
        return [AccountOut(**account_fields(one)) for one in await administration.listed(to=by)]

    @routes.post("/accounts", status_code=201, summary="A new account and the link that sets its password",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def add_account(wanted: AccountIn, by: Administrator) -> AccountMadeOut:
        office = wanted.office or by.office
        for_office(by, office)
        account, link = await administration.add(
            login=wanted.login, name=wanted.name, roles=wanted.roles, office=office, by=by.actor
        )
        url = staff.link_url(link.secret)
        return AccountMadeOut(**account_fields(account), link=url, link_expires_at=link.expires_at)

    @routes.patch("/accounts/{id}", summary="Change, disable or enable an account",
                  responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def change_account(id: uuid.UUID, wanted: AccountChangesIn, by: Administrator) -> AccountOut:
        account = await administration.visible(str(id), to=by)
        if wanted.office:
            for_office(by, wanted.office)
        account = await administration.change(account, Changes(**wanted.model_dump()), by=by.actor)
        return AccountOut(**account_fields(account))

    @routes.post("/accounts/{id}/link", status_code=201, summary="A new link to set a password",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def make_link(id: uuid.UUID, by: Administrator) -> LinkOut:
        link = await administration.new_link(await administration.visible(str(id), to=by), by=by.actor)
        return LinkOut(link=staff.link_url(link.secret), link_expires_at=link.expires_at)

    @routes.get("/audit", summary="Who did what", responses=responses(*REFUSALS, 404))
    async def read_audit(
        by: Auditor,
        subject: Id = None,
        actor: Id = None,
        office: OfficeOrAll | None = None,
        first: Annotated[Moment | None, Query(alias="from", description="Included")] = None,
        until: Annotated[Moment | None, Query(alias="to", description="Not included")] = None,
        after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> AuditOut:
        where = office or by.office
        for_office(by, where)
        wanted = Wanted(where, subject=subject, actor=actor, first=first, until=until)
        return audit_out(await staff.audit.find(wanted, limit=limit, after=after))

    return routes
