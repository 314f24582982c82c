"""The call list: whom to phone, because no message reaches them in time."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from services.booking.domain import calls
from services.booking.domain.appointment import Appointment
from services.booking.people import Person
from services.booking.saying import sentence
from services.booking.web.staff.faults import ANTICIPATED, told
from services.booking.web.staff.rendering import StaffPage
from services.booking.web.staff.work import Here, Work, at_work, see

What = Literal["take", "done", "not-reached", "undo"]
_RECORDED = {"take": "taken", "done": "done", "not-reached": "not_reached", "undo": "undone"}
_SAID = {"take": "taken", "done": "done", "not-reached": "not-reached", "undo": "undone"}


@dataclass(frozen=True, slots=True)
class Call:
    appointment: Appointment
    person: Person | None
    say: str
    state: Literal["open", "mine", "taken", "done"]
    tries: int
    can_undo: bool


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Looking = Annotated[Here, at_work(work, "see_day")]  # noqa: N806 (types)
    Booker = Annotated[Here, at_work(work, "book")]  # noqa: N806

    @routes.get("/staff/calls")
    async def show(here: Looking, done: Annotated[str, Query(max_length=20)] = "") -> Response:
        return await _list(work, here, done=done)

    @routes.post("/staff/calls/{id}/{what}")
    async def act(id: uuid.UUID, what: What, here: Booker) -> Response:
        by = here.somebody.actor
        commands: dict[What, Callable[..., Awaitable[Appointment]]] = {
            "take": work.reaching.take,
            "done": work.reaching.done,
            "not-reached": work.reaching.not_reached,
            "undo": work.reaching.undo,
        }
        try:
            await work.act(
                str(id), here.somebody, f"call.{_RECORDED[what]}", lambda own: commands[what](own, by=by)
            )
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _list(work, here, answer=answer, fault=fault)
        return see(f"/staff/calls?done={_SAID[what]}#c-{id}")

    return routes


async def _list(
    work: Work, here: Here, *, answer: int = 200, fault: str | None = None, done: str = ""
) -> Response:
    found = await work.reaching.list(here.office.id)
    persons: dict[str, Person] = {}
    if here.may("see_person"):
        persons = await work.booking.persons_of(found)
        await work.record(here.somebody, "call_list.seen", here.office.id)
    shown = [_call(work, here, one, persons.get(one.id)) for one in found]
    return work.page(here, "calls.html", answer=answer, fault=fault, done=done, calls=shown)


def _call(work: Work, here: Here, appointment: Appointment, person: Person | None) -> Call:
    call, now, by = appointment.call, work.booking.clock.now(), here.somebody.actor
    assert call is not None
    who = calls.taken_by(call, now=now)
    return Call(
        appointment=appointment,
        person=person,
        say=sentence(appointment, call.purpose, here.office),
        state="done" if call.done else "open" if who is None else "mine" if who == by.id else "taken",
        tries=call.tries,
        can_undo=calls.can_undo(call, by=by, day=work.reaching.day(appointment, now)),
    )
