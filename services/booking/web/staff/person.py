"""One appointment with its person: what staff see of it and do about it; and finding it by code or name."""

import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response
from pydantic import BeforeValidator

from services.booking.api.schemas import Ags, IdempotencyKey, Moment, PersonName, Slug
from services.booking.api.staff_messages import Purpose
from services.booking.domain.appointment import Appointment
from services.booking.finding import Found, by_name
from services.booking.people import UNREADABLE, Erased, Person
from services.booking.printing import slip_text
from services.booking.web.staff import words
from services.booking.web.staff.faults import ANTICIPATED, told
from services.booking.web.staff.listed import services_of
from services.booking.web.staff.members import members_at, responsible_for
from services.booking.web.staff.rendering import StaffPage
from services.booking.web.staff.times import FreeDay, Sought, free_days, sought_again
from services.booking.web.staff.work import Here, Work, at_work, see
from shared.sealing import Unsealable

# The eight letters of a code, as people type and read them out.
_CODE = re.compile(r"[0-9A-Za-z]{8}")
# Where there is still something to move or cancel.
_AHEAD = ("held", "requested", "waiting", "confirmed")
Reason = Literal["closure", "absence", "wish", "wrong_desk", "spelling", "other"]
Done = Annotated[str, Query(max_length=20)]
# A field that was left empty.
Left = BeforeValidator(lambda value: value or None)
Act = Callable[[str], Awaitable[Appointment]]


def router(work: Work) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    counter = work.planning.counter
    Booker = Annotated[Here, at_work(work, "book")]  # noqa: N806 (types)
    PersonSeer = Annotated[Here, at_work(work, "see_person")]  # noqa: N806

    async def act(here: Here, id: uuid.UUID, action: str, do: Act, *, done: str, **detail: str) -> Response:
        """Whatever goes wrong is told on the appointment's own page, with everything still there."""
        try:
            await work.act(str(id), here.somebody, f"appointment.{action}", do, **detail)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _detail(work, here, str(id), answer=answer, fault=fault)
        return see(f"/staff/appointments/{id}?done={done}")

    @routes.post("/staff/search")
    async def search(here: PersonSeer, wanted: Annotated[str, Form(max_length=100)] = "") -> Response:
        """In a form's body: names do not belong in an address."""
        found = await _search(work, here, wanted.strip())
        if len(found) == 1:
            return see(f"/staff/appointments/{found[0].appointment.id}")
        return work.page(here, "search.html", wanted=wanted, found=found, services_of=services_of)

    @routes.get("/staff/search")
    async def ask(here: PersonSeer) -> Response:
        return work.page(here, "search.html", wanted="", found=None, services_of=services_of)

    @routes.get("/staff/review")
    async def review(here: PersonSeer) -> Response:
        waiting = await work.booking.appointments.for_review(here.office.id)
        persons = await work.booking.persons_of(waiting)
        for one in waiting:
            await work.record(here.somebody, "person.seen", here.office.id, subject=one.id)
        found = [Found(one, persons[one.id]) for one in waiting]
        return work.page(here, "review.html", found=found, services_of=services_of)

    @routes.get("/staff/appointments/{id}")
    async def show(
        id: uuid.UUID, here: PersonSeer, done: Done = "", first: Annotated[str, Query(max_length=10)] = ""
    ) -> Response:
        return await _detail(work, here, str(id), done=done, first=_day(first))

    @routes.get("/staff/appointments/{id}/slip")
    async def show_slip(id: uuid.UUID, here: PersonSeer) -> Response:
        appointment = await work.own(str(id), here.somebody)
        person = await work.booking.person_of(appointment)
        await work.record(here.somebody, "slip.printed", appointment.office, subject=appointment.id)
        office = work.booking.offices[appointment.office]
        text = slip_text(appointment, office, name=person.family_name)
        return work.page(here, "slip.html", slip=text, appointment=appointment)

    @routes.post("/staff/appointments/{id}/move")
    async def move(
        id: uuid.UUID,
        here: Booker,
        starts_at: Annotated[Moment, Form()],
        reason: Annotated[Reason, Form()] = "wish",
    ) -> Response:
        # Without a reason the person asked for it, and is not told that the office had to.
        why = None if reason == "wish" else reason
        return await act(here, id, "moved", lambda own: counter.move(
            own, starts_at, by=here.somebody.actor, reason=why), done="moved")  # fmt: skip

    @routes.post("/staff/appointments/{id}/desk")
    async def assign(id: uuid.UUID, here: Booker, lane: Annotated[Slug, Form()]) -> Response:
        reason = "wrong_desk"
        return await act(
            here,
            id,
            "reassigned",
            lambda own: counter.assign(own, lane, by=here.somebody.actor, reason=reason),
            done="desk",
            lane=lane,
            reason=reason,
        )

    @routes.post("/staff/appointments/{id}/name")
    async def put_name(id: uuid.UUID, here: Booker, family_name: Annotated[PersonName, Form()]) -> Response:
        return await act(
            here,
            id,
            "name_corrected",
            lambda own: work.booking.correct_name(own, family_name, by=here.somebody.actor),
            done="name",
            reason="spelling",
        )

    @routes.post("/staff/appointments/{id}/members")
    async def put_members(
        id: uuid.UUID,
        here: Booker,
        home: Annotated[list[Annotated[Ags | None, Left]], Form(max_length=20)],
        further: Annotated[int, Form(ge=0, le=20)] = 0,
        children: Annotated[int, Form(ge=0, le=20)] = 0,
        overrun: Annotated[bool, Form()] = False,
    ) -> Response:
        """Whoever comes along keeps the own home, or none and stays away; further ones live with the first."""
        homes = [one for one in home if one]
        who = members_at([*homes, *homes[:1] * further], children=children)
        if not who:
            return await _detail(work, here, str(id), answer=422, fault="Mindestens eine Person muss kommen.")
        return await act(here, id, "resized", lambda own: counter.resize(
            own, who, by=here.somebody.actor, overrun=overrun), done="members")  # fmt: skip

    @routes.post("/staff/appointments/{id}/cancel")
    async def cancel(
        id: uuid.UUID, here: Booker, who: Annotated[Literal["citizen", "office"], Form()]
    ) -> Response:
        by = here.somebody.actor
        if who == "citizen":
            return await act(here, id, "cancelled", lambda own: counter.cancel(own, by=by), done="cancelled")
        return await act(here, id, "office_cancelled", lambda own: counter.office_cancel(
            own, by=by, reason="other"), done="cancelled", reason="other")  # fmt: skip

    @routes.post("/staff/appointments/{id}/follow-up")
    async def follow_up(
        id: uuid.UUID,
        here: Booker,
        key: Annotated[IdempotencyKey, Form()],
        starts_at: Annotated[Moment, Form()],
    ) -> Response:
        made: list[str] = []

        async def do(own: str) -> Appointment:
            booked = await counter.follow_up(
                own, starts_at, service=None, lane=None, idempotency_key=key, by=here.somebody.actor
            )
            made.append(booked.id)
            return booked

        answer = await act(here, id, "followed_up", do, done="booked")
        return see(f"/staff/appointments/{made[0]}?done=booked") if made else answer

    @routes.post("/staff/appointments/{id}/reviewed")
    async def reviewed(id: uuid.UUID, here: Booker) -> Response:
        return await act(here, id, "reviewed", lambda own: counter.review_done(
            own, by=here.somebody.actor), done="reviewed")  # fmt: skip

    @routes.post("/staff/appointments/{id}/messages")
    async def send_again(
        id: uuid.UUID, here: Booker, key: Annotated[IdempotencyKey, Form()], purpose: Annotated[Purpose, Form()]
    ) -> Response:
        appointment = await work.own(str(id), here.somebody)
        try:
            await work.reaching.request(appointment.id, purpose, idempotency_key=key, by=here.somebody.actor)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _detail(work, here, str(id), answer=answer, fault=fault)
        detail = {"purpose": purpose, "reason": "asked"}
        await work.record(here.somebody, "message.requested", appointment.office, subject=appointment.id, **detail)
        return see(f"/staff/appointments/{id}?done=message")

    return routes


async def _search(work: Work, here: Here, wanted: str) -> list[Found]:
    """By code where it can be one, else by name; every person that is shown is on record."""
    booking, office = work.booking, here.office
    found: list[Found] = []
    if _CODE.fullmatch(wanted):
        by_code = await booking.appointments.by_code(office.id, wanted.upper())
        found = [Found(one, await booking.person_of(one)) for one in by_code]
    if not found and wanted:
        found = await by_name(booking, office, wanted)
    for one in found:
        await work.record(here.somebody, "person.seen", office.id, subject=one.appointment.id)
    return found


async def _detail(
    work: Work,
    here: Here,
    id: str,
    *,
    answer: int = 200,
    fault: str | None = None,
    done: str = "",
    first: date | None = None,
) -> Response:
    appointment = await work.own(id, here.somebody)
    office = work.booking.offices[appointment.office]
    person = await work.booking.person_of(appointment)
    await work.record(here.somebody, "person.seen", office.id, subject=id)
    return work.page(
        here,
        "appointment.html",
        answer=answer,
        fault=fault,
        done=done,
        appointment=appointment,
        of=office,
        person=person,
        erased=await _is_erased(work, appointment),
        services=services_of(appointment, office),
        places=_places(work, appointment),
        lanes=[lane for team in office.data.teams if team.id == appointment.team for lane in team.lanes],
        history=[(words.STEPS.get(s.step, s.step), s.at, words.WHO.get(s.by, s.by)) for s in appointment.steps],
        messages=await work.reaching.messages.of(id),
        possible=work.reaching.possible(appointment),
        ahead=appointment.status in _AHEAD,
        days=_times(work, appointment, person, first=first),
        first=first,
        responsible=responsible_for(office),
    )


async def _is_erased(work: Work, appointment: Appointment) -> bool:
    try:
        await work.booking.people.open(appointment)
    except Erased:
        return True
    except Unsealable:
        # There, though a key is missing that would open it.
        return False
    return False


def _places(work: Work, appointment: Appointment) -> list[str]:
    names = {one.ags: one.name for one in work.booking.offices[appointment.office].data.municipalities}
    return [names.get(ags, ags) for ags in dict.fromkeys(appointment.municipalities)]


def _times(work: Work, appointment: Appointment, person: Person, *, first: date | None) -> list[FreeDay]:
    """To move to, or for the next visit."""
    office = work.booking.offices[appointment.office]
    if not appointment.has_time or appointment.team not in {team.id for team in office.data.teams}:
        return []
    if person is UNREADABLE and office.by_surname(appointment.team):
        return []
    sought = sought_again(appointment, family_name=person.family_name)
    if appointment.status not in _AHEAD:
        sought = Sought(sought.team, sought.family_name, sought.minutes)
    return free_days(work.booking, office, sought, first=first)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
