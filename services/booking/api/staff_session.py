"""Signing in by password, and out; one's own sessions."""

import uuid
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.types import Scope

from services.booking.api.problems import responses
from services.booking.api.signed_in import REFUSALS, OtherOffice, signed_in
from services.booking.api.staff_schemas import (
    MeOut,
    OwnPasswordIn,
    OwnSessionOut,
    PasswordIn,
    SessionOut,
    SignInIn,
    me_out,
    own_session_out,
    session_out,
)
from services.booking.domain.actors import SignedIn
from services.booking.staff import Staff

NO_STORE = {"Cache-Control": "no-store"}

Anybody = Annotated[SignedIn, Depends(signed_in())]


ClientOf = Callable[[Scope], str]


def peer(scope: Scope) -> str:
    """The address at the other end of the connection."""
    return scope["client"][0] if scope.get("client") else ""


def router(staff: Staff, *, client_of: ClientOf) -> APIRouter:
    """`client_of` says against whose address wrong attempts are counted."""
    routes = APIRouter(prefix="/v1/staff", tags=["staff"])

    @routes.post("/sessions", status_code=201, summary="Sign in", responses=responses(401, 429))
    async def sign_in(given: SignInIn, request: Request, response: Response) -> SessionOut:
        response.headers.update(NO_STORE)
        opened = await staff.sign_in.with_password(
            login=given.login, password=given.password.get_secret_value(), address=client_of(request.scope)
        )
        return session_out(opened)

    @routes.get("/sessions", summary="Where I am signed in", responses=responses(*REFUSALS))
    async def list_sessions(somebody: Anybody) -> list[OwnSessionOut]:
        own = await staff.sessions.listed(somebody.account_id, now=staff.sign_in.clock.now())
        return [own_session_out(session, somebody=somebody) for session in own]

    @routes.delete("/sessions/current", status_code=204, summary="Sign out", responses=responses(*REFUSALS))
    async def sign_out(somebody: Anybody) -> None:
        await staff.sessions.close(somebody.session_id, account_id=somebody.account_id)
        await _record(staff, somebody)

    @routes.delete("/sessions/{id}", status_code=204, summary="Sign out elsewhere",
                   responses=responses(*REFUSALS, 404))  # fmt: skip
    async def sign_out_elsewhere(id: uuid.UUID, somebody: Anybody) -> None:
        if not await staff.sessions.close(str(id), account_id=somebody.account_id):
            raise OtherOffice
        await _record(staff, somebody)

    @routes.get("/me", summary="Who I am and what I may do", responses=responses(*REFUSALS))
    async def me(somebody: Anybody) -> MeOut:
        return me_out(await staff.accounts.get(somebody.account_id))

    @routes.put("/me/password", status_code=204, summary="Another password of my own; ends all other sessions",
                responses=responses(*REFUSALS, 409, 429))  # fmt: skip
    async def change_password(given: OwnPasswordIn, request: Request, somebody: Anybody) -> None:
        await staff.sign_in.change_password(
            somebody,
            present=given.present.get_secret_value(),
            password=given.password.get_secret_value(),
            address=client_of(request.scope),
        )

    @routes.post("/password", status_code=204, summary="Set a password by a one-time link; ends all sessions",
                 responses=responses(410))  # fmt: skip
    async def set_password(given: PasswordIn) -> None:
        await staff.sign_in.set_password(secret=given.token, password=given.password.get_secret_value())

    return routes


async def _record(staff: Staff, somebody: SignedIn) -> None:
    await staff.audit.record(somebody.actor, "session.closed", office=somebody.office, subject=somebody.account_id)
