"""Who asks: by key in the Authorization header, or by the session of a browser."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBasic, HTTPBearer

from services.reporting.access import Keys, Reader, Role, given_key
from shared.http import Problem
from shared.mongo import DatabaseClock

COOKIE = "amtstermin_reporting"
_CHALLENGE = 'Bearer, Basic realm="Amtstermin", charset="UTF-8"'
# For the OpenAPI: what is sent is read by `given_key`.
_SCHEMES = (
    HTTPBearer(auto_error=False, scheme_name="Key", description="A key of a role."),
    HTTPBasic(auto_error=False, scheme_name="KeyAsPassword", description="Any name; the key as password."),
    APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="Session", description="What /sign-in sets."),
)

Who = Callable[[Request], Reader | None]
Guard = Callable[..., Awaitable[Reader]]


def who_asks(keys: Keys, clock: DatabaseClock) -> Who:
    def reader(request: Request) -> Reader | None:
        if header := request.headers.get("authorization", ""):
            return keys.reader_of(given_key(header))
        return keys.reader_of_session(request.cookies.get(COOKIE, ""), now=clock.now())

    return reader


def only(who: Who, *roles: Role) -> Guard:
    """A dependency that lets `roles` in and gives the one that asks."""
    bearer, basic, cookie = _SCHEMES

    async def guard(
        request: Request,
        _: Annotated[object, Depends(bearer)],
        __: Annotated[object, Depends(basic)],
        ___: Annotated[object, Depends(cookie)],
    ) -> Reader:
        reader = who(request)
        if reader is None:
            raise Problem(
                401,
                "not-signed-in",
                "Not signed in",
                "A valid key is needed.",
                headers={"WWW-Authenticate": _CHALLENGE},
            )
        if reader.role not in roles:
            raise Problem(403, "not-allowed", "Not allowed", f"This is not for the role {reader.role}.")
        return reader

    return guard
