"""Accounts of colleagues: who may what, one-time links, blocking; with what was done to each account."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ValidationError

from services.booking.api.signed_in import for_office
from services.booking.api.staff_schemas import AccountChangesIn, AccountIn
from services.booking.domain.actors import EVERYWHERE
from services.booking.staff.accounts import Account, Link
from services.booking.staff.administration import Changes
from services.booking.staff.audit import Wanted
from services.booking.web.staff.faults import ANTICIPATED, told
from services.booking.web.staff.rendering import Blanks, StaffPage
from services.booking.web.staff.work import Here, Work, at_work, see

Done = Annotated[str, Query(max_length=20)]
Whether = Annotated[str, Path(pattern="^(block|unblock)$")]
_ENTRIES = 20
_FAULTS = {
    "login": "2 bis 100 Zeichen, ohne Leerzeichen.",
    "name": "Höchstens 100 lesbare Zeichen.",
    "roles": "Bitte wählen Sie mindestens eine Rolle.",
    "office": "Dieses Amt gibt es hier nicht.",
}


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Administrator = Annotated[Here, at_work(work, "staff")]  # noqa: N806 (a type)

    @routes.get("/staff/accounts")
    async def show(here: Administrator) -> Response:
        return await _list(work, here)

    @routes.post("/staff/accounts")
    async def add(request: Request, here: Administrator) -> Response:
        values = await _values(request)
        try:
            wanted = AccountIn.model_validate(values)
            office = wanted.office or here.somebody.office
            for_office(here.somebody, office)
            account, link = await work.staff.administration.add(
                login=wanted.login,
                name=wanted.name,
                roles=wanted.roles,
                office=office,
                by=here.somebody.actor,
            )
        except ValidationError as error:
            return await _list(work, here, answer=422, given=values, faults=_faults(error))
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _list(work, here, answer=answer, given=values, fault=fault)
        return await _one(work, here, account, link=link)

    _add_changes(routes, work)
    return routes


def _add_changes(routes: APIRouter, work: Work) -> None:
    Administrator = Annotated[Here, at_work(work, "staff")]  # noqa: N806 (a type)
    administration = work.staff.administration

    @routes.get("/staff/accounts/{id}")
    async def show(id: uuid.UUID, here: Administrator, done: Done = "") -> Response:
        return await _one(work, here, await administration.visible(str(id), to=here.somebody), done=done)

    @routes.post("/staff/accounts/{id}")
    async def change(request: Request, id: uuid.UUID, here: Administrator) -> Response:
        account = await administration.visible(str(id), to=here.somebody)
        values = await _values(request)
        # One's own rights stand in no field: what is not asked for stays.
        if not values.pop("rights", None):
            values.pop("roles", None)
        try:
            wanted = AccountChangesIn.model_validate(values)
            if wanted.office:
                for_office(here.somebody, wanted.office)
            await administration.change(account, Changes(**wanted.model_dump()), by=here.somebody.actor)
        except ValidationError as error:
            return await _one(work, here, account, answer=422, given=values, faults=_faults(error))
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _one(work, here, account, answer=answer, given=values, fault=fault)
        return see(f"/staff/accounts/{id}?done=account")

    _add_access(routes, work)


def _add_access(routes: APIRouter, work: Work) -> None:
    Administrator = Annotated[Here, at_work(work, "staff")]  # noqa: N806 (a type)
    administration = work.staff.administration

    @routes.post("/staff/accounts/{id}/link")
    async def make_link(id: uuid.UUID, here: Administrator) -> Response:
        account = await administration.visible(str(id), to=here.somebody)
        try:
            link = await administration.new_link(account, by=here.somebody.actor)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _one(work, here, account, answer=answer, fault=fault)
        return await _one(work, here, account, link=link)

    @routes.post("/staff/accounts/{id}/{whether}")
    async def block(id: uuid.UUID, whether: Whether, here: Administrator) -> Response:
        account = await administration.visible(str(id), to=here.somebody)
        try:
            await administration.change(account, Changes(disabled=whether == "block"), by=here.somebody.actor)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _one(work, here, account, answer=answer, fault=fault)
        return see(f"/staff/accounts/{id}?done={whether}ed")


async def _values(request: Request) -> dict[str, Any]:
    """As the API takes them; a field that was left empty says nothing."""
    form = await request.form()
    values: dict[str, Any] = {
        name: value for name, value in form.items() if isinstance(value, str) and value.strip()
    }
    return {**values, "roles": form.getlist("roles")}


def _faults(error: ValidationError) -> dict[str, str]:
    return {str(one["loc"][0]): _FAULTS.get(str(one["loc"][0]), str(one["msg"])) for one in error.errors()}


async def _list(
    work: Work,
    here: Here,
    *,
    answer: int = 200,
    given: dict[str, Any] | None = None,
    fault: str | None = None,
    faults: dict[str, str] | None = None,
) -> Response:
    accounts = await work.staff.administration.listed(to=here.somebody)
    return work.page(
        here,
        "accounts.html",
        answer=answer,
        fault=fault,
        faults=Blanks(faults or {}),
        given=Blanks(given or {}),
        places=_places(work, here),
        open_accounts=[one for one in accounts if not one.disabled_at],
        blocked=[one for one in accounts if one.disabled_at],
    )


async def _one(
    work: Work,
    here: Here,
    account: Account,
    *,
    answer: int = 200,
    given: dict[str, Any] | None = None,
    fault: str | None = None,
    faults: dict[str, str] | None = None,
    done: str = "",
    link: Link | None = None,
) -> Response:
    about = Wanted(here.somebody.office, subject=account.id)
    return work.page(
        here,
        "colleague.html",
        answer=answer,
        fault=fault,
        faults=Blanks(faults or {}),
        done=done,
        given={"name": account.name or "", "roles": account.roles, "office": account.office, **(given or {})},
        account=account,
        link=work.staff.link_url(link.secret) if link else None,
        link_until=link.expires_at if link else None,
        places=_places(work, here),
        found=(await work.staff.audit.find(about, limit=_ENTRIES)).entries,
        names={one.id: one.name or one.login for one in await work.staff.administration.listed(to=here.somebody)},
    )


def _places(work: Work, here: Here) -> dict[str, str]:
    """Names of the offices that one can give; all of them together only for whoever has all."""
    offices = work.booking.offices
    own = {id: offices[id].data.name["de"] for id in sorted(offices) if here.somebody.serves(id)}
    return {**own, EVERYWHERE: "alle Ämter"} if here.somebody.office == EVERYWHERE else own
