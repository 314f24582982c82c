"""Who of the staff is asking, and whether they may: what every route for staff depends on."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.booking.api.problems import unknown_office
from services.booking.domain.actors import Permission, SignedIn
from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.staff import Staff
from services.booking.storage import Appointments, NotFound

_bearer = HTTPBearer(auto_error=False, scheme_name="Staff", description="The token of a staff session")
StaffBearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]

# What the routes of the staff answer beside their own: see problems.responses.
REFUSALS: Final = (401, 403)


# The pages' session: the same token as the API's, which no script can read and no other site's link sends along.
COOKIE: Final = "amtstermin_staff"
_SAFE: Final = ("GET", "HEAD")


class ForeignOrigin(Exception):
    """Sent by another site's page: what the cookie would allow is not done."""


class NotSignedIn(Exception):
    """No session, or one that is over."""


class NotAllowed(Exception):
    """Signed in, and without the right to do this."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(permission)
        self.permission = permission


class OtherOffice(Exception):
    """Another office's: for this account it does not exist."""


def signed_in(permission: Permission | None = None) -> Callable[..., Awaitable[SignedIn]]:
    """A dependency that gives who is asking; None asks for no right beyond a session.

    `Annotated[SignedIn, Depends(signed_in("serve"))]`. Raises NotSignedIn, NotAllowed, ForeignOrigin.
    """

    async def dependency(request: Request, bearer: StaffBearer) -> SignedIn:
        staff: Staff = request.app.state.staff
        somebody = await staff.sign_in.who(_token(request, bearer, staff))
        if somebody is None:
            raise NotSignedIn
        if permission and not somebody.may(permission):
            raise NotAllowed(permission)
        return somebody

    return dependency


def for_office(somebody: SignedIn, office: str) -> None:
    """Before anything of an office is shown or changed. Raises OtherOffice."""
    if not somebody.serves(office):
        raise OtherOffice


def own_office(offices: Mapping[str, Office], id: str, somebody: SignedIn) -> Office:
    """Raises OtherOffice; a Problem for one that is not there, before somebody who works in all of them."""
    for_office(somebody, id)
    if id not in offices:
        raise unknown_office(id)
    return offices[id]


async def own_appointment(appointments: Appointments, id: uuid.UUID, somebody: SignedIn) -> Appointment:
    """An appointment of the own office. Raises OtherOffice, for another's and for one that nobody has alike."""
    try:
        appointment = await appointments.get(str(id))
    except NotFound:
        raise OtherOffice from None
    for_office(somebody, appointment.office)
    return appointment


def check_origin(request: Request, public_url: str) -> None:
    """A form is ours only where the browser says that it came from a page of ours. Raises ForeignOrigin.

    Every browser of the last years says `Sec-Fetch-Site` where it matters, older ones the `Origin` of a POST; no
    page can set either.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site != "same-origin":
            raise ForeignOrigin
    elif request.headers.get("Origin") != origin_of(public_url):
        raise ForeignOrigin


def give_cookie(response: Response, token: str, *, public_url: str) -> None:
    """For as long as the browser is open; how long the session is good for stands in the database."""
    response.set_cookie(
        COOKIE, token, path="/", secure=public_url.startswith("https:"), httponly=True, samesite="strict"
    )


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _token(request: Request, bearer: HTTPAuthorizationCredentials | None, staff: Staff) -> str:
    """The header's, else the cookie's; only the browser adds the latter by itself, so only it can be abused."""
    if bearer:
        return bearer.credentials
    token = request.cookies.get(COOKIE, "")
    if token and request.method not in _SAFE:
        check_origin(request, staff.public_url)
    return token
