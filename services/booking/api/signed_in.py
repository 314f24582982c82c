"""Who of the staff is asking, and whether they may: what every route for staff depends on."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.booking.domain.actors import Permission, SignedIn
from services.booking.staff import Staff

_bearer = HTTPBearer(auto_error=False, scheme_name="Staff", description="The token of a staff session")
StaffBearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]

# What the routes of the staff answer beside their own: see problems.responses.
REFUSALS: Final = (401, 403)


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

    `Annotated[SignedIn, Depends(signed_in("serve"))]`. Raises NotSignedIn, NotAllowed.
    """

    async def dependency(request: Request, bearer: StaffBearer) -> SignedIn:
        staff: Staff = request.app.state.staff
        # A cookie for pages would be read here, beside the header.
        somebody = await staff.sign_in.who(bearer.credentials) if bearer else None
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
