"""Signing in and out, where one works just now, one's own password and sessions."""

import uuid
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.types import Scope

from services.booking.api.signed_in import COOKIE, OtherOffice, check_origin, for_office, give_cookie
from services.booking.domain.passwords import LONGEST, SHORTEST, WeakPassword
from services.booking.staff.attempts import Paused
from services.booking.staff.passwords import TooBusy
from services.booking.staff.sessions import Place
from services.booking.staff.signin import NoPassword, Opened, SignInRefused, WrongPassword
from services.booking.web.staff.faults import told
from services.booking.web.staff.rendering import StaffPage, own_path, render
from services.booking.web.staff.work import Here, Work, at_work, see

Next = Annotated[str, Query(alias="next", max_length=500)]
_FAULTS = {
    "refused": "Die zentrale Anmeldung hat nicht geklappt. Bitte beginnen Sie noch einmal.",
    "away": "Die zentrale Anmeldung antwortet gerade nicht. Ein Konto mit Passwort geht weiter.",
    "no-role": "Ihr Konto hat hier keine Rolle. Wer die zentrale Anmeldung betreut, kann eine geben.",
    "several-offices": "Ihre Rollen gehören zu mehreren Ämtern. Ein Konto arbeitet für eines.",
    "login-taken": "Diesen Anmeldenamen hat hier schon ein anderes Konto. Bitte fragen Sie die Verwaltung.",
}


def router(work: Work, *, client_of: Callable[[Scope], str]) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    staff = work.staff
    Anybody = Annotated[Here, at_work(work)]  # noqa: N806 (a type)

    def form(*, answer: int = 200, fault: str | None = None, login: str = "", path: str = "") -> Response:
        return render(
            "sign_in.html",
            citizens_url=staff.citizens_url,
            answer=answer,
            fault=fault,
            login=login,
            path=own_path(path),
            oidc=staff.single_sign_on is not None,
        )

    @routes.get("/staff")
    async def begin() -> Response:
        return see("/staff/today")

    @routes.get("/staff/sign-in")
    async def ask(path: Next = "", fault: Annotated[str, Query(max_length=30)] = "") -> Response:
        return form(fault=_FAULTS.get(fault), path=path)

    @routes.post("/staff/sign-in")
    async def sign_in(
        request: Request,
        login: Annotated[str, Form(max_length=100)] = "",
        password: Annotated[str, Form(max_length=4 * LONGEST)] = "",
        path: Annotated[str, Form(alias="next", max_length=500)] = "",
    ) -> Response:
        check_origin(request, staff.public_url)
        try:
            opened = await staff.sign_in.with_password(
                login=login, password=password, address=client_of(request.scope)
            )
        except (SignInRefused, Paused, TooBusy) as error:
            answer, fault = told(error)
            return form(answer=answer, fault=fault, login=login, path=path)
        return await _come_in(work, request, opened, path=path)

    @routes.get("/staff/arrived")
    async def arrived() -> Response:
        """Back from the identity provider: the next page is asked for by a page of ours, with the cookie."""
        return render("arrived.html", citizens_url=staff.citizens_url)

    @routes.post("/staff/sign-out")
    async def sign_out(request: Request, here: Anybody) -> Response:
        somebody = here.somebody
        await staff.sessions.close(somebody.session_id, account_id=somebody.account_id)
        await work.record(somebody, "session.closed", somebody.office, subject=somebody.account_id)
        response = see("/staff/sign-in")
        response.delete_cookie(COOKIE, path="/")
        # What the browser keeps of the day goes as well.
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    @routes.post("/staff/place")
    async def put_place(
        here: Anybody,
        office: Annotated[str, Form(max_length=60)],
        team: Annotated[str, Form(max_length=60)] = "",
        desk: Annotated[str, Form(max_length=60)] = "",
    ) -> Response:
        for_office(here.somebody, office)
        if office not in work.booking.offices:
            raise OtherOffice
        await work.move_to(here.somebody, Place(office, team or None, desk or None))
        return see("/staff/today")

    @routes.get("/staff/account")
    async def account(here: Anybody, done: str = "") -> Response:
        return await _account(work, here, done=done)

    @routes.post("/staff/account/password")
    async def change_password(
        request: Request,
        here: Anybody,
        present: Annotated[str, Form(max_length=LONGEST)],
        password: Annotated[str, Form(max_length=4 * LONGEST)],
    ) -> Response:
        try:
            await staff.sign_in.change_password(
                here.somebody, present=present, password=password, address=client_of(request.scope)
            )
        except (WrongPassword, WeakPassword, NoPassword, Paused, TooBusy) as error:
            answer, fault = told(error)
            return await _account(work, here, answer=answer, fault=fault)
        return see("/staff/account?done=password")

    @routes.post("/staff/account/sessions/{id}")
    async def end_session(id: uuid.UUID, here: Anybody) -> Response:
        somebody = here.somebody
        if not await staff.sessions.close(str(id), account_id=somebody.account_id):
            raise OtherOffice
        await work.record(somebody, "session.closed", somebody.office, subject=somebody.account_id)
        return see("/staff/account?done=session")

    return routes


async def _come_in(work: Work, request: Request, opened: Opened, *, path: str) -> Response:
    """A new session in any case; the one that the browser had, whoever gave it that, is over."""
    old = request.cookies.get(COOKIE)
    if old:
        await work.staff.sessions.end(old)
    response = see(own_path(path))
    give_cookie(response, opened.token, public_url=work.staff.public_url)
    return response


async def _account(
    work: Work, here: Here, *, answer: int = 200, fault: str | None = None, done: str = ""
) -> Response:
    somebody = here.somebody
    return work.page(
        here,
        "account.html",
        answer=answer,
        fault=fault,
        done=done,
        account=await work.staff.accounts.get(somebody.account_id),
        sessions=await work.staff.sessions.listed(somebody.account_id, now=work.booking.clock.now()),
        shortest=SHORTEST,
        longest=LONGEST,
    )
