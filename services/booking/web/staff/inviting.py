"""Invitations for services that are by invitation, and who did what."""

import uuid
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from pydantic import BeforeValidator

from services.booking.api.schemas import Email, Language, PersonName, Slug
from services.booking.domain.actors import EVERYWHERE
from services.booking.staff.audit import BadCursor, Wanted
from services.booking.web.languages import NAMES as LANGUAGES
from services.booking.web.staff.faults import ANTICIPATED, told
from services.booking.web.staff.rendering import StaffPage
from services.booking.web.staff.work import Here, Work, at_work, see

_MOST = 500
_PER_PAGE = 50
_USUAL = timedelta(days=28)
Left = BeforeValidator(lambda value: value or None)


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Inviter = Annotated[Here, at_work(work, "invite")]  # noqa: N806 (a type)

    @routes.get("/staff/invitations")
    async def show(here: Inviter, done: Annotated[str, Query(max_length=20)] = "") -> Response:
        return await _invitations(work, here, done=done)

    @routes.post("/staff/invitations")
    async def invite(
        here: Inviter,
        service: Annotated[Slug, Form()],
        last: Annotated[date, Form()],
        family_name: Annotated[PersonName | None, Left, Form()] = None,
        email: Annotated[Email | None, Left, Form()] = None,
        language: Annotated[Language, Form()] = "de",
    ) -> Response:
        until = datetime.combine(last + timedelta(days=1), time(), here.office.zone)
        try:
            made, token = await work.booking.inviting.invite(
                here.office,
                service,
                expires_at=until,
                family_name=family_name,
                by=here.somebody.actor,
                email=email,
                language=language,
            )
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _invitations(work, here, answer=answer, fault=fault)
        mailed = email is not None
        await work.record(here.somebody, "invitation.made", here.office.id, subject=made.id, mailed=mailed)
        link = f"{work.staff.citizens_url}/invitation?token={token}"
        return await _invitations(work, here, link=link, mailed=mailed)

    @routes.post("/staff/invitations/{id}/revoke")
    async def revoke(id: uuid.UUID, here: Inviter) -> Response:
        await work.booking.inviting.invitations.revoke(
            str(id), office=here.office.id, now=work.booking.clock.now()
        )
        await work.record(here.somebody, "invitation.revoked", here.office.id, subject=str(id))
        return see("/staff/invitations?done=revoked")

    _add_audit(routes, work)
    return routes


def _add_audit(routes: APIRouter, work: Work) -> None:
    Auditor = Annotated[Here, at_work(work, "audit")]  # noqa: N806 (a type)

    @routes.get("/staff/audit")
    async def audit(
        here: Auditor,
        subject: Annotated[str, Query(max_length=100, pattern=r"^[A-Za-z0-9_.:-]*$")] = "",
        actor: Annotated[str, Query(max_length=100, pattern=r"^[A-Za-z0-9_.:-]*$")] = "",
        after: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        wanted = Wanted(here.office.id, subject=subject or None, actor=actor or None)
        try:
            page = await work.staff.audit.find(wanted, limit=_PER_PAGE, after=after or None)
        except BadCursor:
            page = await work.staff.audit.find(wanted, limit=_PER_PAGE)
        everybody = here.somebody.office == EVERYWHERE
        accounts = await work.staff.accounts.listed(office=None if everybody else here.office.id)
        names = {account.id: account.name or account.login for account in accounts}
        return work.page(here, "audit.html", page=page, names=names, subject=subject, actor=actor)


async def _invitations(
    work: Work,
    here: Here,
    *,
    answer: int = 200,
    fault: str | None = None,
    done: str = "",
    link: str | None = None,
    mailed: bool = False,
) -> Response:
    now = work.booking.clock.now()
    return work.page(
        here,
        "invitations.html",
        answer=answer,
        fault=fault,
        done=done,
        link=link,
        mailed=mailed,
        services=[one for one in here.office.data.services if one.mode == "invitation"],
        names={one.id: one.name["de"] for one in here.office.data.services},
        found=await work.booking.inviting.invitations.not_over(here.office.id, now=now, most=_MOST),
        languages_by_tag=LANGUAGES,
        usual=(now.astimezone(here.office.zone) + _USUAL).date(),
    )
