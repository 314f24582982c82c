"""The message's link: confirm, and what to do where the person has an appointment already. GET changes nothing."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse

from services.booking.commands import BookedAlready, Instead
from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.web.citizen.front import Front, lang_of
from services.booking.web.citizen.guiding import Guiding
from services.booking.web.pages import Here
from services.booking.web.saying import when

Secret = Annotated[str, Query(max_length=100)]
PathSecret = Annotated[str, Path(max_length=100)]
FormSecret = Annotated[str, Form(max_length=100)]
FormLang = Annotated[str, Form(max_length=20)]


def router(front: Front) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=Guiding.over(front))

    @routes.get("/confirm/{id}")
    async def ask(request: Request, id: uuid.UUID, secret: Secret = "") -> HTMLResponse:
        """Nothing is looked up: a scanner that follows links learns nothing and changes nothing."""
        lang, path = lang_of(request), f"/confirm/{id}"
        here = Here(path, fields=[("secret", secret)])
        return front.show("confirm.html", _only_office(front), lang, here=here, id=id, secret=secret)

    @routes.post("/confirm/{id}")
    async def confirm(
        request: Request,
        id: uuid.UUID,
        secret: FormSecret,
        lang: FormLang = "",
        instead: Annotated[Instead | None, Form()] = None,
    ) -> HTMLResponse:
        reader = lang_of(request, {"lang": lang})
        try:
            appointment = await front.booking.confirm(str(id), secret.strip(), instead=instead)
        except BookedAlready as error:
            return show_choice(front, str(id), secret, error.existing, reader)
        return show_confirmed(front, appointment, reader)

    return routes


def show_confirmed(front: Front, appointment: Appointment, lang: str) -> HTMLResponse:
    """Whoever proved the address may see and change the appointment: as by the link of the next message."""
    secret = front.booking.keys.secret("manage", appointment.id)
    office = front.booking.offices[appointment.office]
    shown = front.shown(appointment, lang)
    return front.show("confirmed.html", office, lang, here=None, secret=secret, **shown)


def show_choice(front: Front, id: str, secret: str, existing: Appointment, lang: str) -> HTMLResponse:
    office = front.booking.offices[existing.office]
    known = when(existing.starts_at.astimezone(office.zone), lang)
    return front.show(
        "choice.html", office, lang, answer=409, here=None, id=id, secret=secret, existing=existing, known=known
    )


def _only_office(front: Front) -> Office | None:
    offices = list(front.booking.offices.values())
    return offices[0] if len(offices) == 1 else None
