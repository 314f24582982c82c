"""Signing in by the office's own identity provider."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Depends, Query, Response
from fastapi.responses import RedirectResponse

from services.booking.api.problems import responses
from services.booking.api.signed_in import give_cookie
from services.booking.api.staff_schemas import SessionOut, session_out
from services.booking.api.staff_session import NO_STORE
from services.booking.staff import Staff
from services.booking.staff.accounts import LoginTaken
from services.booking.staff.oidc import NotGenuine, ProviderAway, Return
from services.booking.staff.single_sign_on import ContradictoryGrants, NoRoleGranted, SingleSignOn
from shared.http import Problem

_COOKIE = "amtstermin_sign_in"
# Whoever began on a page of ours goes on there, and has no use for the token itself.
_PAGES_COOKIE = "amtstermin_pages"
_FAULTS: dict[type[Exception], str] = {
    NotGenuine: "refused",
    ProviderAway: "away",
    NoRoleGranted: "no-role",
    ContradictoryGrants: "several-offices",
    LoginTaken: "login-taken",
}
_PATH = "/v1/staff/oidc"

Text = Annotated[str | None, Query(max_length=4000)]


def router(staff: Staff) -> APIRouter:
    routes = APIRouter(prefix=_PATH, tags=["staff"])
    to_provider = _to_provider(staff)

    @routes.get("/login", status_code=302, response_class=RedirectResponse, summary="To the identity provider",
                responses={302: {"description": "To its page"}, **responses(404)})  # fmt: skip
    async def oidc_login(
        single_sign_on: Annotated[SingleSignOn, Depends(to_provider)],
        pages: Annotated[bool, Query(include_in_schema=False)] = False,
    ) -> Response:
        departure = await single_sign_on.depart()
        response = RedirectResponse(departure.url, status_code=302, headers=NO_STORE)
        cookies = {_COOKIE: departure.cookie, **({_PAGES_COOKIE: "1"} if pages else {})}
        for name, value in cookies.items():
            response.set_cookie(
                name,
                value,
                max_age=int(departure.lasts.total_seconds()),
                path=_PATH,
                secure=staff.public_url.startswith("https:"),
                httponly=True,
                samesite="lax",
            )
        return response

    @routes.get("/callback", summary="Back from the identity provider", response_model=SessionOut,
                responses=responses(401, 403, 404, 409))  # fmt: skip
    async def oidc_callback(
        single_sign_on: Annotated[SingleSignOn, Depends(to_provider)],
        response: Response,
        code: Text = None,
        state: Text = None,
        iss: Text = None,
        cookie: Annotated[str | None, Cookie(alias=_COOKIE, max_length=200, include_in_schema=False)] = None,
        pages: Annotated[str | None, Cookie(alias=_PAGES_COOKIE, max_length=10, include_in_schema=False)] = None,
    ) -> Any:
        back = Return(code, state or "", iss, cookie or "")
        if pages:
            return await _to_pages(staff, single_sign_on, back)
        opened = await single_sign_on.arrive(back)
        response.headers.update(NO_STORE)
        response.delete_cookie(_COOKIE, path=_PATH)
        return session_out(opened)

    return routes


async def _to_pages(staff: Staff, single_sign_on: SingleSignOn, back: Return) -> Response:
    """Whoever comes from another site's page gets no strict cookie sent along: the page in between has none."""
    try:
        opened = await single_sign_on.arrive(back)
    except tuple(_FAULTS) as error:
        response = RedirectResponse(f"/staff/sign-in?fault={_FAULTS[type(error)]}", 302, headers=NO_STORE)
    else:
        response = RedirectResponse("/staff/arrived", 302, headers=NO_STORE)
        give_cookie(response, opened.token, public_url=staff.public_url)
    for name in (_COOKIE, _PAGES_COOKIE):
        response.delete_cookie(name, path=_PATH)
    return response


def _to_provider(staff: Staff) -> Callable[[], SingleSignOn]:
    def there_is_one() -> SingleSignOn:
        if staff.single_sign_on is None:
            raise Problem(404, "no-identity-provider", "No identity provider is set up here",
                          "Sign in with login and password at /v1/staff/sessions.")  # fmt: skip
        return staff.single_sign_on

    return there_is_one
