"""What goes wrong is told as a page: what happened, what to do next, and a way back with all that was typed."""

import math
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.booking import guard
from services.booking.commands import KeyReused, OnlinePaused
from services.booking.domain.appointment import (
    Expired,
)
from services.booking.memory import NotLoaded
from services.booking.storage import ChangedMeanwhile
from services.booking.web.citizen.faults import AWAY, BROKEN, SAID
from services.booking.web.citizen.front import Astray, Front, form_of, lang_of
from services.booking.web.citizen.journey import Journey, Values
from services.booking.web.citizen.typed import Typed
from shared.mongo import DATABASE_DOWN, OperationFailure, is_away
from shared.observability import get_logger
from shared.sealing import Unsealable

log = get_logger()

_AGAIN_AFTER_S = 5
# After these another time may do.
_CHOOSE_AGAIN = (Expired, KeyReused, ChangedMeanwhile)


class Guiding(APIRoute):
    """Faults of these routes are pages, not JSON."""

    front: ClassVar[Front]

    @classmethod
    def over(cls, front: Front) -> type["Guiding"]:
        return type("GuidingHere", (cls,), {"front": front})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guided(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException:
                raise
            except Exception as error:
                values = await form_of(request) if request.method == "POST" else request.query_params
                return told(self.front, error, request, values)

        return guided


def told(front: Front, error: Exception, request: Request, values: Values) -> Response:
    lang = lang_of(request, values)
    if isinstance(error, Astray):
        return RedirectResponse(f"/?lang={lang}", status_code=303)
    status, heading, text = _said(error)
    notice = error.notice if isinstance(error, OnlinePaused) else {}
    again = _again(error, request, values, lang)
    answer = _show(front, lang, values, answer=status, heading=heading, text=text, again=again, notice=notice)
    if wait := _wait(error, status):
        answer.headers["Retry-After"] = str(wait)
    return answer


def _said(error: Exception) -> tuple[int, str, str]:
    if type(error) in SAID:
        return SAID[type(error)]
    away = isinstance(error, (*DATABASE_DOWN, TimeoutError, NotLoaded))
    if away or (isinstance(error, OperationFailure) and is_away(error)):
        return AWAY
    # A missing key has its own line in the log, and another one for each view would hide it.
    if not isinstance(error, Unsealable):
        log.error("page_failed", exc_info=error)
    return BROKEN


def _wait(error: Exception, status: int) -> int | None:
    if isinstance(error, guard.TooMany):
        return max(1, math.ceil(error.again_after.total_seconds()))
    return _AGAIN_AFTER_S if status == 503 else None


def _again(error: Exception, request: Request, values: Values, lang: str) -> dict[str, Any] | None:
    """A form that goes on from here with all that was typed."""
    if request.method != "POST" or not request.url.path.startswith("/book/"):
        return None
    path = request.url.path
    pairs = [(n, v) for n, v in values.multi_items() if isinstance(v, str) and n != "lang"]
    if isinstance(error, _CHOOSE_AGAIN):
        path = "/book/times"
        pairs = [*Journey.read(values, lang=lang).pairs("lang"), *Typed.read(values).pairs()]
    return {"action": path, "fields": [("lang", lang), *pairs], "times": path == "/book/times"}


def _show(front: Front, lang: str, values: Values, **said: Any) -> HTMLResponse:
    try:
        office = front.office(Journey.read(values, lang=lang).office)
    except Astray:
        office = None
    return front.show("fault.html", office, lang, **said)
