"""Whose appointment it is: the booking's token, or the secret of a message's link, opens it."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Path
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.booking.api.problems import unauthorized
from services.booking.tokens import Keys

_bearer = HTTPBearer(auto_error=False, description="The booking's token, or the secret of a message's link")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
AppointmentId = Annotated[uuid.UUID, Path(description="As given when the time was held")]


def owner(keys: Keys) -> Callable[..., Awaitable[str]]:
    """A dependency: the id, where the token is its own; says nothing about whether it exists."""

    async def authorized(id: AppointmentId, bearer: Bearer) -> str:
        if bearer is None or not opens(keys, bearer.credentials, str(id)):
            raise unauthorized()
        return str(id)

    return authorized


def opens(keys: Keys, secret: str, id: str) -> bool:
    return keys.verifies(secret, "token", id) or keys.verifies(secret, "manage", id)
