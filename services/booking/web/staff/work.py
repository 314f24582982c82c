"""What every page of the staff stands on: who is there, for which office, and the API's commands."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends
from fastapi.responses import HTMLResponse, RedirectResponse

from services.booking.api.signed_in import OtherOffice, for_office, signed_in
from services.booking.commands import Booking, Day, Planning, Reaching
from services.booking.domain.actors import Permission, SignedIn
from services.booking.domain.appointment import Appointment
from services.booking.domain.office import Office
from services.booking.guard import Guard
from services.booking.staff import Staff
from services.booking.staff.sessions import Place
from services.booking.storage.displays import Displays
from services.booking.training import Training
from services.booking.web.staff.live import Live
from services.booking.web.staff.rendering import render

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Here:
    """Somebody at work: the office that the page is about, and the team and desk that they chose."""

    somebody: SignedIn
    office: Office
    team: str | None
    desk: str | None

    def may(self, permission: Permission) -> bool:
        return self.somebody.may(permission)


@dataclass(frozen=True, slots=True)
class Work:
    """The pages have no rules of their own: each calls what the API calls, and records what the API records."""

    staff: Staff
    booking: Booking
    day: Day
    planning: Planning
    reaching: Reaching
    guard: Guard
    live: Live
    displays: Displays
    training: Training

    async def here(self, somebody: SignedIn) -> Here:
        """Whoever sees every office chooses one; until then it is the first. Raises OtherOffice."""
        place = await self.staff.sessions.place(somebody.session_id)
        offices = self.booking.offices
        mine = sorted(filter(somebody.serves, offices), key=lambda one: (offices[one].training, one))
        if not mine:
            raise OtherOffice
        office = offices[place.office if place.office in mine else mine[0]]
        teams = {team.id for team in office.data.teams}
        lanes = {lane.id for team in office.data.teams for lane in team.lanes}
        return Here(
            somebody,
            office,
            place.team if place.team in teams else None,
            place.desk if place.desk in lanes else None,
        )

    async def move_to(self, somebody: SignedIn, place: Place) -> None:
        await self.staff.sessions.put_place(somebody.session_id, place)

    async def own(self, id: str, somebody: SignedIn) -> Appointment:
        """Raises NotFound, OtherOffice."""
        appointment = await self.booking.appointments.get(id)
        for_office(somebody, appointment.office)
        return appointment

    async def act(
        self,
        id: str,
        somebody: SignedIn,
        action: str,
        do: Callable[[str], Awaitable[Appointment]],
        **detail: str,
    ) -> Appointment:
        """Only on an appointment of the own office; recorded once it is done, before the answer goes out."""
        before = await self.own(id, somebody)
        after = await do(before.id)
        await self.record(somebody, action, after.office, subject=after.id, **detail)
        return after

    async def record(
        self,
        somebody: SignedIn,
        action: str,
        office: str,
        *,
        subject: str | None = None,
        **detail: str | int | bool,
    ) -> None:
        await self.staff.audit.record(somebody.actor, action, office=office, subject=subject, detail=detail)

    def page(self, here: Here, template: str, *, answer: int = 200, **values: Any) -> HTMLResponse:
        shown = {
            "at": here,
            "office": here.office,
            "offices": [
                self.booking.offices[id] for id in sorted(self.booking.offices) if here.somebody.serves(id)
            ],
            "new_key": lambda: str(uuid4()),
            **values,
        }
        return render(template, citizens_url=self.staff.citizens_url, answer=answer, **shown)


def at_work(work: Work, permission: Permission | None = None) -> Any:
    """`Annotated[Here, at_work(work, "serve")]`: signed in, with the right, and for which office."""

    async def dependency(somebody: Annotated[SignedIn, Depends(signed_in(permission))]) -> Here:
        return await work.here(somebody)

    return Depends(dependency)


def see(path: str) -> RedirectResponse:
    """After a form: what the browser shows is a page of its own, so that reloading does nothing twice."""
    return RedirectResponse(path, status_code=303)
