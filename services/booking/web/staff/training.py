"""Practising: an office of its own with invented people, filled and emptied by whoever practises there."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from services.booking.staff.sessions import Place
from services.booking.web.staff.faults import ANTICIPATED, told
from services.booking.web.staff.rendering import StaffPage
from services.booking.web.staff.work import Here, Work, at_work, see
from shared.contracts.offices import practised_by


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Anybody = Annotated[Here, at_work(work, "see_day")]  # noqa: N806 (types)
    Booker = Annotated[Here, at_work(work, "book")]  # noqa: N806
    Planner = Annotated[Here, at_work(work, "schedule")]  # noqa: N806

    @routes.get("/staff/training")
    async def show(here: Anybody, done: Annotated[str, Query(max_length=20)] = "") -> Response:
        return _page(work, here, done=done)

    @routes.post("/staff/training/office")
    async def begin(here: Planner) -> Response:
        """Made, or made again, from the real office as it is now."""
        real = work.booking.offices.get(practised_by(here.office.id), here.office)
        try:
            version = await work.training.begin(real, by=here.somebody.actor)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return _page(work, here, answer=answer, fault=fault)
        await work.record(here.somebody, "training.made", real.id, version=version)
        return see("/staff/training?done=training")

    @routes.post("/staff/training/people/{what}")
    async def people(what: Literal["fill", "empty"], here: Booker) -> Response:
        act = work.training.fill if what == "fill" else work.training.empty
        try:
            number = await act(here.office, by=here.somebody.actor)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return _page(work, here, answer=answer, fault=fault)
        await work.record(here.somebody, f"training.{what}", here.office.id, number=number)
        return see(f"/staff/training?done=training-{what}")

    @routes.post("/staff/training/{way}")
    async def go(way: Literal["enter", "leave"], here: Anybody) -> Response:
        """The page of the day, there or back."""
        real = work.booking.offices.get(practised_by(here.office.id))
        there = work.training.of(here.office) if way == "enter" else real
        if there and here.somebody.serves(there.id):
            await work.move_to(here.somebody, Place(there.id, None, None))
        return see("/staff/today")

    return routes


def _page(work: Work, here: Here, *, answer: int = 200, fault: str | None = None, done: str = "") -> Response:
    there = work.training.of(here.office)
    real = work.booking.offices.get(practised_by(here.office.id))
    home = real is not None and here.somebody.serves(real.id)
    return work.page(here, "training.html", answer=answer, fault=fault, done=done, there=there, home=home)
