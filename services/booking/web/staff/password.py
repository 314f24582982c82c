"""The page that a one-time link leads to. GET uses nothing up: a mail scanner that follows links does no harm."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response

from services.booking.domain.passwords import LONGEST, SHORTEST, WeakPassword
from services.booking.staff import Staff
from services.booking.staff.accounts import LinkUsedUp
from services.booking.staff.passwords import TooBusy
from services.booking.web.staff.faults import told
from services.booking.web.staff.rendering import StaffPage, fault_page, render

_USED_UP = "Dieser Link gilt nicht mehr. Bitte lassen Sie sich einen neuen geben."
Token = Annotated[str, Query(max_length=100)]


def router(staff: Staff) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)

    def form(token: str, *, answer: int = 200, fault: str | None = None) -> Response:
        response = render(
            "password.html",
            citizens_url=staff.citizens_url,
            answer=answer,
            token=token,
            fault=fault,
            shortest=SHORTEST,
            longest=LONGEST,
        )
        # Its address holds the secret.
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @routes.get("/staff/password")
    async def ask(token: Token = "") -> Response:
        return form(token)

    @routes.post("/staff/password")
    async def set_password(
        token: Annotated[str, Form(max_length=100)], password: Annotated[str, Form(max_length=4 * LONGEST)]
    ) -> Response:
        try:
            account = await staff.sign_in.set_password(secret=token, password=password)
        except LinkUsedUp:
            return fault_page(410, _USED_UP, citizens_url=staff.citizens_url, back="/staff/sign-in")
        except (WeakPassword, TooBusy) as error:
            answer, fault = told(error)
            return form(token, answer=answer, fault=fault)
        return render("password_set.html", citizens_url=staff.citizens_url, login=account.login)

    return routes
