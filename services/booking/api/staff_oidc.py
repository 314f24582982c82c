"""Signing in by the office's own identity provider."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Query, Response
from fastapi.responses import RedirectResponse

from services.booking.api.problems import responses
from services.booking.api.staff_schemas import SessionOut, session_out
from services.booking.api.staff_session import NO_STORE
from services.booking.staff import Staff
from services.booking.staff.oidc import Return
from services.booking.staff.single_sign_on import SingleSignOn
from shared.http import Problem

_COOKIE = "amtstermin_sign_in"
_PATH = "/v1/staff/oidc"

Text = Annotated[str | None, Query(max_length=4000)]


def router(staff: Staff) -> APIRouter:
    routes = APIRouter(prefix=_PATH, tags=["staff"])
    to_provider = _to_provider(staff)

    @routes.get("/login", status_code=302, response_class=RedirectResponse, summary="To the identity provider",
                responses={302: {"description": "To its page"}, **responses(404)})  # fmt: skip
    async def oidc_login(single_sign_on: Annotated[SingleSignOn, Depends(to_provider)]) -> Response:
        departure = await single_sign_on.depart()
        response = RedirectResponse(departure.url, status_code=302, headers=NO_STORE)
        response.set_cookie(
            _COOKIE,
            departure.cookie,
            max_age=int(departure.lasts.total_seconds()),
            path=_PATH,
            secure=staff.public_url.startswith("https:"),
            httponly=True,
            samesite="lax",
        )
        return response

    @routes.get("/callback", summary="Back from the identity provider",
                responses=responses(401, 403, 404, 409))  # fmt: skip
    async def oidc_callback(
        single_sign_on: Annotated[SingleSignOn, Depends(to_provider)],
        response: Response,
        code: Text = None,
        state: Text = None,
        iss: Text = None,
        cookie: Annotated[str | None, Cookie(alias=_COOKIE, max_length=200, include_in_schema=False)] = None,
    ) -> SessionOut:
        opened = await single_sign_on.arrive(Return(code, state or "", iss, cookie or ""))
        response.headers.update(NO_STORE)
        response.delete_cookie(_COOKIE, path=_PATH)
        return session_out(opened)

    return routes


def _to_provider(staff: Staff) -> Callable[[], SingleSignOn]:
    def there_is_one() -> SingleSignOn:
        if staff.single_sign_on is None:
            raise Problem(404, "no-identity-provider", "No identity provider is set up here",
                          "Sign in with login and password at /v1/staff/sessions.")  # fmt: skip
        return staff.single_sign_on

    return there_is_one
