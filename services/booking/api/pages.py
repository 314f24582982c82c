"""The two pages that messages link to: confirm, and see or cancel. GET never changes anything."""

import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from services.booking.api.own import opens
from services.booking.api.schemas import export_out
from services.booking.commands import Booking, CodeUsedUp, WaitingList, WrongSecret
from services.booking.domain.appointment import OPEN, AlreadyOver, Appointment, Expired, WrongStatus
from services.booking.erasing import Erasing
from services.booking.guard import Guard, ProofRejected
from services.booking.guard.proofs import HOLDS_PER_ENTRY
from services.booking.people import Erased
from services.booking.storage import InvitationUsed, NotFound, UnknownInvitation
from services.booking.web.pages import HEADERS, page

_WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_FAULTS: dict[type[Exception], tuple[int, str]] = {
    WrongSecret: (403, "Dieser Link oder Code stimmt nicht. Bitte benutzen Sie die neueste Nachricht."),
    CodeUsedUp: (429, "Zu viele falsche Codes. Der Link in der Nachricht gilt weiter."),
    NotFound: (404, "Diesen Termin gibt es nicht."),
    Expired: (410, "Die Zeit zum Bestätigen ist abgelaufen. Bitte buchen Sie neu."),
    AlreadyOver: (409, "Der Termin hat schon begonnen. Bitte rufen Sie uns an."),
    Erased: (410, "Zu diesem Termin sind keine Daten zur Person mehr gespeichert."),
    ProofRejected: (410, "Dieser Link gilt nicht mehr. Bitte lassen Sie sich einen neuen schicken."),
    UnknownInvitation: (404, "Diese Einladung gilt nicht mehr. Bitte fragen Sie uns nach einer neuen."),
    InvitationUsed: (409, "Mit dieser Einladung wurde schon gebucht. Die Nachricht dazu hat einen Link."),
    WrongStatus: (409, "Das ist bei diesem Termin nicht mehr möglich."),
}
Secret = Annotated[str, Query(max_length=100)]
EntryToken = Annotated[str, Query(max_length=200)]
PathSecret = Annotated[str, Path(max_length=100)]
# What a mail program posts to the address in List-Unsubscribe.
OneClick = Annotated[Literal["One-Click"], Form(alias="List-Unsubscribe")]
FormSecret = Annotated[str, Form(max_length=100)]


def router(  # noqa: C901 (a list of routes)
    booking: Booking, erasing: Erasing, guard: Guard, waiting_list: WaitingList
) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=_FaultPage)
    _add_one_click(routes, booking, waiting_list)

    @routes.get("/confirm/{id}")
    async def ask(id: uuid.UUID, secret: Secret = "") -> HTMLResponse:
        return _page("confirm.html", id=id, secret=secret)

    @routes.post("/confirm/{id}")
    async def confirm(id: uuid.UUID, secret: FormSecret) -> HTMLResponse:
        appointment = await booking.confirm(str(id), secret.strip())
        return _page("confirmed.html", **_shown(booking, appointment))

    @routes.get("/manage/{id}")
    async def show(id: uuid.UUID, secret: Secret = "") -> HTMLResponse:
        appointment = await _own(booking, str(id), secret)
        return _page("manage.html", secret=secret, **_shown(booking, appointment))

    @routes.post("/manage/{id}/cancel")
    async def cancel(id: uuid.UUID, secret: FormSecret) -> HTMLResponse:
        await _own(booking, str(id), secret)
        appointment = await booking.cancel(str(id))
        return _page("manage.html", secret=secret, **_shown(booking, appointment))

    @routes.post("/manage/{id}/export")
    async def export(id: uuid.UUID, secret: FormSecret) -> Response:
        await _own(booking, str(id), secret)
        exported = export_out(await erasing.export(str(id)))
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="termin.json"'}
        return Response(exported.model_dump_json(indent=1), media_type="application/json", headers=headers)

    @routes.post("/manage/{id}/erase")
    async def erase(id: uuid.UUID, secret: FormSecret, sure: Annotated[bool, Form()] = False) -> HTMLResponse:
        appointment = await _own(booking, str(id), secret)
        if not sure:
            ahead = appointment.status in OPEN
            return _page("erase.html", secret=secret, ahead=ahead, **_shown(booking, appointment))
        await erasing.erase(str(id), cancel=True)
        return _page("erased.html")

    @routes.post("/manage/{id}/sms")
    async def no_sms(id: uuid.UUID, secret: FormSecret) -> HTMLResponse:
        await _own(booking, str(id), secret)
        appointment = await booking.want_sms(str(id), wanted=False)
        return _page("manage.html", secret=secret, **_shown(booking, appointment))

    @routes.get("/unsubscribe/{id}/{secret}")
    async def ask_to_unsubscribe(id: uuid.UUID, secret: PathSecret) -> HTMLResponse:
        _require_unsubscribing(booking, str(id), secret)
        return _page("unsubscribe.html", id=id, secret=secret, done=False)

    @routes.post("/unsubscribe/{id}/{secret}")
    async def unsubscribe(id: uuid.UUID, secret: PathSecret) -> HTMLResponse:
        """One click (RFC 8058): no form field, no cookie. Of what is over nobody is reminded anyway."""
        _require_unsubscribing(booking, str(id), secret)
        with suppress(WrongStatus, Expired, Erased):
            await booking.want_reminders(str(id), wanted=False)
        return _page("unsubscribe.html", id=id, secret=secret, done=True)

    @routes.get("/invitation")
    async def invitation(token: EntryToken = "") -> HTMLResponse:
        """What the mailed link leads to; it uses nothing up."""
        found = await booking.inviting.look(token)
        office = booking.offices[found.office]
        values: dict[str, Any] = {
            "service": office.service(found.service).name["de"],
            "office": office.data.name["de"],
            "until": f"{found.expires_at.astimezone(office.zone):%d.%m.%Y, %H:%M} Uhr",
        }
        return _page("invitation.html", token=token, **values)

    @routes.get("/entry")
    async def entry(token: EntryToken = "") -> HTMLResponse:
        """What the mailed link leads to; it uses nothing up."""
        known = guard.proofs.entry(token)
        if known is None:
            raise WrongSecret
        minutes = int((known.until - booking.clock.now()).total_seconds()) // 60
        return _page("entry.html", token=token, minutes=minutes, holds=HOLDS_PER_ENTRY)

    return routes


def _add_one_click(routes: APIRouter, booking: Booking, waiting_list: WaitingList) -> None:
    @routes.post("/manage/{id}")
    async def stop_waiting(id: uuid.UUID, asked: OneClick, secret: Secret = "") -> Response:
        """The button of a mail program (RFC 8058): no more mails of the waiting list. A confirmed time stays."""
        appointment = await _own(booking, str(id), secret)
        if appointment.status == "waiting":
            await booking.cancel(str(id))
        elif appointment.status == "confirmed" and appointment.wish:
            await waiting_list.leave(str(id))
        return Response(status_code=200)


class _FaultPage(APIRoute):
    """Faults of these routes are told as a page, not as JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except tuple(_FAULTS) as error:
                status, text = _FAULTS[type(error)]
                return _page("fault.html", answer=status, text=text)

        return guarded


def _require_unsubscribing(booking: Booking, id: str, secret: str) -> None:
    """The link's own secret, which opens nothing else. Raises WrongSecret."""
    if not booking.keys.verifies(secret, "unsubscribe", id):
        raise WrongSecret


async def _own(booking: Booking, id: str, secret: str) -> Appointment:
    if not opens(booking.keys, secret, id):
        raise WrongSecret
    return await booking.appointments.get(id)


def _page(template: str, *, answer: int = 200, **values: Any) -> HTMLResponse:
    folder = "" if template == "fault.html" else "citizen/"
    return page(f"{folder}{template}", answer=answer, **values)


def _shown(booking: Booking, appointment: Appointment) -> dict[str, Any]:
    office = booking.offices[appointment.office]
    local = appointment.starts_at.astimezone(ZoneInfo(office.data.timezone))
    return {
        "id": appointment.id,
        "code": appointment.code,
        "status": appointment.status,
        "sms": bool(appointment.contact and appointment.contact.sms_consent),
        "when": f"{_WEEKDAYS[local.weekday()]}, {local:%d.%m.%Y}, {local:%H:%M} Uhr",
        "office": office.data.name["de"],
    }
