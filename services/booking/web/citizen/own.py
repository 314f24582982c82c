"""One's own appointment, by the link of a message: see, move, cancel, wait, language, export, erase.

GET never changes anything. No cookie says who asks: each form carries the secret, so no other site can post it.
"""

import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse

from services.booking.api.schemas import export_out
from services.booking.calendar import calendar_entry
from services.booking.commands import WrongSecret
from services.booking.domain.appointment import OPEN, Appointment, Expired, WrongStatus
from services.booking.domain.office import UnbookableStart
from services.booking.people import Erased
from services.booking.storage import SlotTaken
from services.booking.web.citizen.booking import moment
from services.booking.web.citizen.calendar import sheet
from services.booking.web.citizen.confirming import FormSecret, PathSecret, Secret
from services.booking.web.citizen.front import Front, form_of, lang_of
from services.booking.web.citizen.guiding import Guiding
from services.booking.web.citizen.journey import Values, text
from services.booking.web.citizen.wishing import wish_of
from services.booking.web.languages import NAMES
from services.booking.web.pages import HEADERS, Here
from services.booking.web.saying import when
from shared.catalogues import to_translate

# What a mail program posts to the address in List-Unsubscribe.
OneClick = Annotated[Literal["One-Click"], Form(alias="List-Unsubscribe")]
_T = to_translate
_DONE = {
    "moved": _T("Ihr Termin ist verschoben. Die alte Zeit gilt nicht mehr."),
    "cancelled": _T("Ihr Termin ist abgesagt."),
    "restored": _T("Ihr Termin gilt wieder."),
    "sms": _T("Gespeichert."),
    "reminders": _T("Gespeichert."),
    "language": _T("Gespeichert. Nachrichten kommen jetzt in dieser Sprache."),
    "waits": _T("Sie stehen auf der Warteliste. Ihr Termin bleibt, bis Sie einen früheren annehmen."),
    "left": _T("Sie stehen nicht mehr auf der Warteliste. Ihr Termin bleibt."),
    "accepted": _T("Der angebotene Termin gehört jetzt Ihnen."),
    "declined": _T("Sie haben das Angebot abgelehnt. Sie stehen weiter auf der Warteliste."),
}
Act = Callable[[str, Values], Awaitable[Appointment]]


def router(front: Front) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=Guiding.over(front))
    _add_one_click(routes, front)
    _add_changes(routes, front)
    _add_move(routes, front)
    _add_data(routes, front)
    _add_reminders(routes, front)

    @routes.get("/manage/{id}")
    async def show(request: Request, id: uuid.UUID, secret: Secret = "") -> HTMLResponse:
        appointment = await front.own(str(id), secret)
        return _show(front, appointment, lang_of(request), secret)

    @routes.post("/manage/{id}/calendar.ics")
    async def calendar(id: uuid.UUID, secret: FormSecret) -> Response:
        appointment = await front.own(str(id), secret)
        office = front.booking.offices[appointment.office]
        entry = calendar_entry(appointment, office, now=front.booking.clock.now())
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="termin.ics"'}
        return Response(entry, media_type="text/calendar; charset=utf-8", headers=headers)

    return routes


def _add_changes(routes: APIRouter, front: Front) -> None:
    """Each posts the secret, does one command, and shows the appointment as it is then."""
    booking, waiting_list = front.booking, front.waiting_list

    async def language(id: str, values: Values) -> Appointment:
        wanted = text(values, "messages")
        return await booking.want_language(id, wanted if wanted in NAMES else "de")

    async def accept(id: str, values: Values) -> Appointment:
        return await waiting_list.accept(id, moment(text(values, "starts_at")))

    acts: dict[str, tuple[str, Act]] = {
        "cancel": ("cancelled", lambda one, _: booking.cancel(one)),
        "restore": ("restored", lambda one, _: booking.restore(one)),
        "sms": ("sms", lambda one, _: booking.want_sms(one, wanted=False)),
        "no-reminders": ("reminders", lambda one, _: booking.want_reminders(one, wanted=False)),
        "reminders": ("reminders", lambda one, _: booking.want_reminders(one, wanted=True)),
        "language": ("language", language),
        "wait": ("waits", lambda one, values: waiting_list.join(one, wish_of(values))),
        "leave": ("left", lambda one, _: waiting_list.leave(one)),
        "accept": ("accepted", accept),
        "decline": ("declined", lambda one, _: waiting_list.decline(one)),
    }
    for name, (done, act) in acts.items():
        routes.add_api_route(f"/manage/{{id}}/{name}", _route(front, act, done), methods=["POST"])

    @routes.post("/manage/{id}/ask-cancel")
    async def ask(request: Request, id: uuid.UUID, secret: FormSecret) -> HTMLResponse:
        """Asked once, since a cancelled time may be gone."""
        appointment = await front.own(str(id), secret)
        return _page(front, "cancel.html", appointment, await _lang(request), secret)


def _route(front: Front, act: Act, done: str) -> Callable[..., Awaitable[HTMLResponse]]:
    async def changed(request: Request, id: uuid.UUID, secret: FormSecret) -> HTMLResponse:
        await front.own(str(id), secret)
        appointment = await act(str(id), await form_of(request))
        return _show(front, appointment, await _lang(request), secret, done=_DONE[done])

    return changed


def _add_move(routes: APIRouter, front: Front) -> None:
    @routes.post("/manage/{id}/move")
    async def move(request: Request, id: uuid.UUID, secret: FormSecret) -> HTMLResponse:
        """Shows the free times, and moves where one of them is given."""
        appointment, values, notice = await front.own(str(id), secret), await form_of(request), ""
        appointment.require("confirmed")
        if starts_at := text(values, "starts_at"):
            try:
                moved = await front.booking.reschedule(str(id), moment(starts_at))
            except (SlotTaken, UnbookableStart):
                notice = _T("Diese Zeit ist nicht mehr frei. Ihr Termin bleibt. Bitte wählen Sie eine andere.")
            else:
                return _show(front, moved, await _lang(request), secret, done=_DONE["moved"])
        return await _show_times(front, request, appointment, values, secret, notice)


def _add_data(routes: APIRouter, front: Front) -> None:
    @routes.post("/manage/{id}/export")
    async def export(id: uuid.UUID, secret: FormSecret) -> Response:
        await front.own(str(id), secret)
        exported = export_out(await front.erasing.export(str(id)))
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="termin.json"'}
        return Response(exported.model_dump_json(indent=1), media_type="application/json", headers=headers)

    @routes.post("/manage/{id}/erase")
    async def erase(
        request: Request, id: uuid.UUID, secret: FormSecret, sure: Annotated[bool, Form()] = False
    ) -> HTMLResponse:
        appointment, lang = await front.own(str(id), secret), await _lang(request)
        if not sure:
            return _page(front, "erase.html", appointment, lang, secret, ahead=appointment.status in OPEN)
        await front.erasing.erase(str(id), cancel=True)
        return front.show("erased.html", front.booking.offices[appointment.office], lang, here=None)


def _add_reminders(routes: APIRouter, front: Front) -> None:
    @routes.get("/unsubscribe/{id}/{secret}")
    async def ask(request: Request, id: uuid.UUID, secret: PathSecret) -> HTMLResponse:
        _require_unsubscribing(front, str(id), secret)
        here = Here(f"/unsubscribe/{id}/{secret}")
        return front.show("unsubscribe.html", None, lang_of(request), here=here, id=id, secret=secret, done=False)

    @routes.post("/unsubscribe/{id}/{secret}")
    async def unsubscribe(request: Request, id: uuid.UUID, secret: PathSecret) -> HTMLResponse:
        """One click (RFC 8058): no form field, no cookie. Of what is over nobody is reminded anyway."""
        _require_unsubscribing(front, str(id), secret)
        with suppress(WrongStatus, Expired, Erased):
            await front.booking.want_reminders(str(id), wanted=False)
        return front.show(
            "unsubscribe.html", None, await _lang(request), here=None, id=id, secret=secret, done=True
        )


def _add_one_click(routes: APIRouter, front: Front) -> None:
    @routes.post("/manage/{id}")
    async def stop_waiting(id: uuid.UUID, asked: OneClick, secret: Secret = "") -> Response:
        """The button of a mail program (RFC 8058): no more mails of the waiting list. A confirmed time stays."""
        appointment = await front.own(str(id), secret)
        if appointment.status == "waiting":
            await front.booking.cancel(str(id))
        elif appointment.status == "confirmed" and appointment.wish:
            await front.waiting_list.leave(str(id))
        return Response(status_code=200)


async def _lang(request: Request) -> str:
    return lang_of(request, await form_of(request))


def _require_unsubscribing(front: Front, id: str, secret: str) -> None:
    """The link's own secret, which opens nothing else. Raises WrongSecret."""
    if not front.booking.keys.verifies(secret, "unsubscribe", id):
        raise WrongSecret


def _page(
    front: Front, template: str, appointment: Appointment, lang: str, secret: str, **values: Any
) -> HTMLResponse:
    office = front.booking.offices[appointment.office]
    shown = front.shown(appointment, lang)
    here = Here(f"/manage/{appointment.id}", fields=[("secret", secret)])
    return front.show(template, office, lang, here=here, secret=secret, **shown, **values)


def _show(front: Front, appointment: Appointment, lang: str, secret: str, *, done: str = "") -> HTMLResponse:
    office, now = front.booking.offices[appointment.office], front.booking.clock.now()
    offer = appointment.offer if appointment.offer and appointment.offer.expires_at > now else None
    today = now.astimezone(office.zone).date()
    return _page(
        front,
        "manage.html",
        appointment,
        lang,
        secret,
        done=done,
        ahead=appointment.starts_at > now,
        can_restore=appointment.status == "cancelled" and any(c.release_at > now for c in appointment.cooling),
        offered=when(offer.starts_at.astimezone(office.zone), lang) if offer else "",
        offered_until=when(offer.expires_at.astimezone(office.zone), lang) if offer else "",
        offer=offer,
        wish_first=today + timedelta(days=1),
        wish_last=today + timedelta(days=office.data.waiting_list.horizon_days),
    )


async def _show_times(
    front: Front, request: Request, appointment: Appointment, values: Values, secret: str, notice: str
) -> HTMLResponse:
    days, first, last = await _free_days(front, appointment)
    return _page(
        front,
        "move.html",
        appointment,
        await _lang(request),
        secret,
        sheet=sheet(days, first=first, last=last, day=text(values, "day"), month=text(values, "month")),
        days=days,
        notice=notice,
        answer=409 if notice else 200,
    )


async def _free_days(front: Front, appointment: Appointment) -> tuple[dict[date, list[datetime]], date, date]:
    """For the same visit at another time; its own cells count as free."""
    booking, office = front.booking, front.booking.offices[appointment.office]
    now = booking.clock.now()
    wanted = await booking.wanted(appointment, appointment.starts_at)
    first, last = office.days(wanted.access, now=now)
    found = front.answers.times_for(office, wanted, now=now, first=first, last=last)
    return found, first, last
