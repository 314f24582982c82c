"""What operators see and do over HTTP: how much is due, and pauses. No personal data stands in any answer."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import AwareDatetime, BaseModel, Field, SecretStr

from services.notification import status_page
from services.notification.delivery.sending import Clock
from services.notification.domain import Channel
from services.notification.status import Status, status_of
from services.notification.storage import DeliveryCounts, Pause, StandingStore
from shared.http import Problem, problem_response
from shared.observability import get_logger

log = get_logger()


class PauseIn(BaseModel):
    reason: str = Field(min_length=3, max_length=300, description="Why; shown on the status page")


class PauseOut(BaseModel):
    channel: Channel
    reason: str
    by: str
    since: AwareDatetime


def operator_routes(
    *,
    counts: DeliveryCounts,
    standing: StandingStore,
    clock: Clock,
    token: SecretStr | None,
    fixed: frozenset[Channel],
) -> APIRouter:
    """Without a `token` everything here is closed. `fixed` are the channels that the settings pause."""
    router = APIRouter(tags=["operators"])
    bearer = [Depends(_guard(token, schemes=("bearer",)))]

    async def now_standing() -> Status:
        return await status_of(counts=counts, standing=standing, now=clock.now(), fixed=fixed)

    @router.get(
        "/v1/status", dependencies=bearer, summary="What is due, late, sent and failed, and what stands still"
    )
    async def status() -> Status:
        return await now_standing()

    @router.put(
        "/v1/pauses/{channel}", dependencies=bearer, summary="Send nothing over a channel until it is resumed"
    )
    async def pause(channel: Channel, wanted: PauseIn) -> PauseOut:
        await standing.pause(Pause(channel, wanted.reason, "api", clock.now()))
        log.info("channel_paused", channel=channel.value)
        stored = (await standing.pauses()).get(channel)
        if stored is None:
            raise Problem(409, "resumed-meanwhile", "Resumed meanwhile", "Somebody else resumed it just now.")
        return PauseOut(channel=channel, reason=stored.reason, by=stored.by, since=stored.since)

    @router.delete("/v1/pauses/{channel}", dependencies=bearer, status_code=204, summary="Send again")
    async def resume(channel: Channel) -> None:
        if await standing.resume(channel):
            log.info("channel_resumed", channel=channel.value)

    @router.get("/status", response_class=HTMLResponse, summary="The same for people: sign in with the token")
    async def page(request: Request) -> Response:
        try:
            await _guard(token, schemes=("bearer", "basic"))(request)
        except Problem as problem:
            headers = {"WWW-Authenticate": 'Basic realm="Amtstermin"'} if problem.status == 401 else None
            return problem_response(problem.status, problem.body, headers)
        return HTMLResponse(status_page.render(await now_standing()), headers=_PAGE_HEADERS)

    return router


_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def _guard(token: SecretStr | None, *, schemes: tuple[str, ...]) -> Callable[[Request], Awaitable[None]]:
    """Basic is for pages alone: a browser sends it by itself, also where another site asks it to."""

    async def check(request: Request) -> None:
        if token is None:
            raise Problem(403, "closed", "Closed", "NOTIFICATION_OPERATORS_TOKEN is not set.")
        given = _given(request.headers.get("Authorization", ""), schemes)
        if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
            raise Problem(401, "not-signed-in", "Not signed in", "A valid operators' token is needed.")

    return check


def _given(header: str, schemes: tuple[str, ...]) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in schemes:
        return ""
    if scheme.lower() == "bearer":
        return value.strip()
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
