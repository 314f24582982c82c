"""The page that a one-time link leads to. GET uses nothing up: a mail scanner that follows links does no harm."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse

from services.booking.domain.passwords import LONGEST, SHORTEST, WeakPassword
from services.booking.staff import Staff
from services.booking.staff.accounts import LinkUsedUp
from services.booking.staff.passwords import TooBusy
from services.booking.web.pages import page

_USED_UP = "Dieser Link gilt nicht mehr. Bitte lassen Sie sich einen neuen geben."
_BUSY = "Gerade melden sich sehr viele an. Bitte versuchen Sie es in einigen Sekunden noch einmal."
_WEAK = {
    "too-short": f"Das Passwort ist zu kurz: mindestens {SHORTEST} Zeichen.",
    "too-long": f"Das Passwort ist zu lang: höchstens {LONGEST} Zeichen.",
    "is-login": "Das Passwort darf nicht der Anmeldename sein.",
}
Token = Annotated[str, Query(max_length=100)]


def router(staff: Staff) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/staff/password")
    async def ask(token: Token = "") -> HTMLResponse:
        return _form(token)

    @routes.post("/staff/password")
    async def set_password(
        token: Annotated[str, Form(max_length=100)], password: Annotated[str, Form(max_length=4 * LONGEST)]
    ) -> HTMLResponse:
        try:
            account = await staff.sign_in.set_password(secret=token, password=password)
        except WeakPassword as error:
            return _form(token, answer=422, fault=_WEAK[error.reason])
        except LinkUsedUp:
            return page("fault.html", answer=410, text=_USED_UP)
        except TooBusy:
            return _form(token, answer=503, fault=_BUSY)
        return page("staff/password_set.html", login=account.login)

    return routes


def _form(token: str, *, answer: int = 200, fault: str | None = None) -> HTMLResponse:
    return page("staff/password.html", answer=answer, token=token, fault=fault, shortest=SHORTEST, longest=LONGEST)
