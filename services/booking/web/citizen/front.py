"""What all pages for citizens share: whose office it is, how a page is shown, and what one appointment shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from services.booking.api.own import opens
from services.booking.calendar import address_on
from services.booking.commands import Booking, WaitingList, WrongSecret
from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office, UnknownMunicipality
from services.booking.erasing import Erasing
from services.booking.guard import Guard
from services.booking.searching import Answers
from services.booking.web.citizen.journey import Journey, Pairs, Values
from services.booking.web.citizen.typed import Typed
from services.booking.web.languages import in_language, language_of
from services.booking.web.pages import Here, page
from services.booking.web.saying import clock, when
from shared.saying import long_date

_MOST_FIELDS = 200


class Astray(Exception):
    """Something is missing that an earlier step asks for: to the beginning, nothing is lost but the way."""


@dataclass(frozen=True, slots=True)
class Front:
    booking: Booking
    guard: Guard
    waiting_list: WaitingList
    erasing: Erasing
    answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", Answers(self.booking))

    def office(self, id: str) -> Office:
        """The only one where none is named. Raises Astray."""
        if id in self.booking.offices:
            return self.booking.offices[id]
        if not id and len(self.real_offices) == 1:
            return self.real_offices[0]
        raise Astray

    @property
    def real_offices(self) -> list[Office]:
        """What people choose from. One to practise on must be named: nobody comes there by chance."""
        return [office for office in self.booking.offices.values() if not office.training]

    async def own(self, id: str, secret: str) -> Appointment:
        """Raises WrongSecret, NotFound: first whether one may ask, then whether it is there."""
        if not opens(self.booking.keys, secret, id):
            raise WrongSecret
        return await self.booking.appointments.get(id)

    def show(self, template: str, office: Office | None, lang: str, **values: Any) -> HTMLResponse:
        site = in_language(office.data.name, lang) if office else "Amtstermin"
        phone = office.data.phone if office else None
        head = in_language(office.data.theme.name, lang) if office and office.data.theme.name else ""
        return page(f"citizen/{template}", lang=lang, site=site, head=head, office=office, phone=phone, **values)

    def step(self, template: str, journey: Journey, path: str, **values: Any) -> HTMLResponse:
        """A step that a URL leads to."""
        office = self.office(journey.office)
        here = Here(path, fields=journey.pairs("lang"))
        return self.show(template, office, journey.lang, here=here, returnable=True, j=journey, **values)

    def posted(
        self, template: str, journey: Journey, typed: Typed, path: str, *, extra: Pairs, **values: Any
    ) -> HTMLResponse:
        """A step that a form leads to; `fields` are what its own forms send on."""
        office = self.office(journey.office)
        fields = [*journey.pairs("lang"), *typed.pairs()]
        here = Here(path, "post", [*fields, *extra])
        values |= {"j": journey, "t": typed, "fields": [*journey.pairs(), *typed.pairs()]}
        return self.show(template, office, journey.lang, here=here, returnable=True, **values)

    def shown(self, appointment: Appointment, lang: str) -> dict[str, Any]:
        """One appointment in words; without name and contact, which whoever has the link need not learn."""
        office = self.booking.offices[appointment.office]
        local = appointment.starts_at.astimezone(office.zone)
        services = [office.service(id) for id in appointment.services if office.has_service(id)]
        place = address_on(office, appointment.starts_at)
        return {
            "a": appointment,
            "id": appointment.id,
            "when": when(local, lang),
            "day": long_date(local.date(), lang),
            "clock": clock(local, lang),
            "services": services,
            "place": place,
            "map": f"https://www.openstreetmap.org/search?query={quote(place)}",
            "minutes": (appointment.ends_at - appointment.starts_at) // timedelta(minutes=1),
        }

    def local(self, moment: datetime, office: Office) -> datetime:
        return moment.astimezone(office.zone)

    def elsewhere(self, office: Office, journey: Journey) -> list[dict[str, Any]]:
        """Of each home that this office does not serve: its name and who is responsible, None where unknown."""
        found: dict[str, dict[str, Any]] = {}
        for home in journey.homes:
            try:
                there = office.responsibility(home)
            except UnknownMunicipality:
                found[home] = {"place": None, "authority": None}
                continue
            if not there.here:
                found[home] = {"place": there.municipality.name, "authority": there.authority}
        return list(found.values())


def away(journey: Journey, path: str) -> RedirectResponse:
    """On to one of our own pages: `path` is ours, never the client's."""
    return RedirectResponse(journey.url(path), status_code=303)


async def form_of(request: Request) -> Values:
    """Texts only: our forms upload nothing."""
    return await request.form(max_files=0, max_fields=_MOST_FIELDS)


def lang_of(request: Request, values: Mapping[str, Any] | None = None) -> str:
    return language_of(request, str((values or request.query_params).get("lang", "")))
