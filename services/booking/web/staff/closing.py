"""Closures and absences: whom they concern is seen before they are saved; then those are re-planned."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from services.booking.commands import InConflict, Replanned
from services.booking.domain.office import Office
from services.booking.domain.rules import Absence, Closure, OfficeData, local_moment
from services.booking.web.staff.faults import ANTICIPATED, NotReadable, told
from services.booking.web.staff.rendering import Blanks, StaffPage
from services.booking.web.staff.work import Here, Work, at_work, see

How = Literal["move", "cancel"]
_MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """A closure or an absence as the form says it; `lane` alone makes it an absence."""

    kind: Literal["closure", "absence"]
    rule: Closure | Absence

    def data(self, work: Work, office: Office) -> OfficeData:
        if isinstance(self.rule, Closure):
            return work.planning.with_closure(office, self.rule)
        return work.planning.with_absence(office, self.rule)


def router(work: Work) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    planning = work.planning
    Planner = Annotated[Here, at_work(work, "schedule")]  # noqa: N806 (a type)

    @routes.get("/staff/closures")
    async def show(here: Planner, done: Annotated[str, Query(max_length=20)] = "") -> Response:
        return await _closures(work, here, done=done)

    @routes.post("/staff/closures/{step}")
    async def close(request: Request, here: Planner, step: Literal["preview", "save"]) -> Response:
        values = await _values(request)
        try:
            wanted = _wanted(values, here.office)
            data = wanted.data(work, here.office)
            found = await planning.preview(data)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _closures(work, here, answer=answer, fault=fault, given=values)
        if step == "preview":
            new = await _new_conflicts(work, here.office, found)
            return work.page(here, "closure_preview.html", wanted=wanted, values=values, found=new)
        saved = await planning.save(data, by=here.somebody.actor, expected_version=here.office.version)
        action = "office.closed" if wanted.kind == "closure" else "office.lane_absent"
        await work.record(here.somebody, action, here.office.id, version=saved)
        return see("/staff/conflicts?done=saved")

    @routes.post("/staff/closures/remove/{kind}/{place}")
    async def remove(
        here: Planner, kind: Literal["closures", "absences"], place: int, version: Annotated[int, Form()]
    ) -> Response:
        """By its place in the version that was shown: in another version it could be another one."""
        values = here.office.data.model_dump(by_alias=True)
        values[kind] = [one for number, one in enumerate(values[kind]) if number != place]
        saved = await planning.save(
            OfficeData.model_validate(values), by=here.somebody.actor, expected_version=version
        )
        await work.record(here.somebody, "office.saved", here.office.id, version=saved)
        return see("/staff/closures?done=saved")

    @routes.get("/staff/conflicts")
    async def conflicts(here: Planner, done: Annotated[str, Query(max_length=20)] = "") -> Response:
        found = await planning.in_conflict(here.office)
        return work.page(here, "conflicts.html", found=found, done=done)

    @routes.post("/staff/replan/{step}")
    async def replan(
        here: Planner,
        step: Literal["preview", "do"],
        how: Annotated[How, Form()],
        appointments: Annotated[list[uuid.UUID], Form(max_length=_MOST_AT_ONCE)] = [],  # noqa: B006 (FastAPI copies it)
    ) -> Response:
        """Only who is in conflict at this moment: others keep their time whatever the form says."""
        chosen = {str(id) for id in appointments}
        ids = [one.visit.id for one in await planning.in_conflict(here.office) if one.visit.id in chosen]
        if step == "preview":
            foreseen = await planning.foresee(here.office, ids, how=how)
            return work.page(here, "replan.html", foreseen=foreseen, how=how)
        done = await planning.replan(here.office, ids, how=how, reason="closure", by=here.somebody.actor)
        return await _replanned(work, here, done)

    @routes.post("/staff/close-now/{step}")
    async def close_now(request: Request, here: Planner, step: Literal["preview", "do"]) -> Response:
        values = await _values(request)
        try:
            rule, how = _closure_now(work, values, here.office)
            found = await _concerned(work, here.office, rule)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return await _closures(work, here, answer=answer, fault=fault, given=values)
        if step == "preview":
            return work.page(here, "close_now.html", found=found, values=values, rule=rule, how=how)
        return await _close_now(work, here, rule, how=how)

    return routes


async def _concerned(work: Work, office: Office, rule: Closure | Absence) -> list[InConflict]:
    if isinstance(rule, Closure):
        return await work.planning.closed_by(office, rule)
    return await work.planning.left_by(office, rule)


async def _close_now(work: Work, here: Here, rule: Closure | Absence, *, how: How) -> Response:
    by = here.somebody.actor
    if isinstance(rule, Closure):
        version, done = await work.planning.close_now(here.office, rule, how=how, by=by)
        action = "office.closed_now"
    else:
        version, done = await work.planning.absent_now(here.office, rule, how=how, by=by)
        action = "office.absent_now"
    await work.record(here.somebody, action, here.office.id, version=version)
    return await _replanned(work, here, done)


async def _values(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


async def _closures(
    work: Work,
    here: Here,
    *,
    answer: int = 200,
    fault: str | None = None,
    done: str = "",
    given: dict[str, str] | None = None,
) -> Response:
    office, now = here.office, work.booking.clock.now()
    return work.page(
        here,
        "closures.html",
        answer=answer,
        fault=fault,
        done=done,
        given=Blanks(given or {}),
        closures=_to_come(office.data.closures, office, now),
        absences=_to_come(office.data.absences, office, now),
        conflicts=len(await work.planning.in_conflict(office)),
        today=now.astimezone(office.zone).date(),
    )


def _to_come(rules: Sequence[Any], office: Office, now: datetime) -> list[tuple[int, Any]]:
    """With their places; what is over is left out."""
    numbered = [(place, one) for place, one in enumerate(rules) if local_moment(one.until, office.zone) > now]
    return sorted(numbered, key=lambda one: local_moment(one[1].from_, office.zone))


async def _new_conflicts(work: Work, office: Office, found: Sequence[InConflict]) -> list[InConflict]:
    """Those that the change makes, not those that there are already."""
    known = {one.visit.id for one in await work.planning.in_conflict(office)}
    return [one for one in found if one.visit.id not in known]


def _wanted(values: dict[str, str], office: Office) -> Wanted:
    """Raises NotReadable, UnknownTeam, UnknownLane."""
    team, _, lane = values.get("where", "").partition("/")
    span = _span(values)
    if team:
        office.team(team)
    if lane:
        office.check_lane(lane, team=team)
    if values.get("kind") == "absence":
        if not lane:
            raise NotReadable("Abwesend ist ein Platz: Bitte wählen Sie einen.")
        return Wanted("absence", Absence.model_validate({"team": team, "lane": lane, **span}))
    reason = values.get("reason") or "Geschlossen"
    narrowed = {"team": team or None, "lane": lane or None}
    return Wanted("closure", Closure.model_validate({"reason": {"de": reason}, **narrowed, **span}))


def _span(values: dict[str, str]) -> dict[str, date | datetime]:
    """Whole days where no times are given: the last one included, as people say it."""
    try:
        first = date.fromisoformat(values.get("first", ""))
        last = date.fromisoformat(values.get("last") or values.get("first", ""))
        start, end = (time.fromisoformat(values[name]) if values.get(name) else None for name in ("start", "end"))
    except ValueError:
        raise NotReadable("Bitte geben Sie den ersten Tag an, und Zeiten als 08:30.") from None
    if start is None and end is None:
        span: dict[str, date | datetime] = {"from": first, "until": last + timedelta(days=1)}
    else:
        until = datetime.combine(last, end) if end else datetime.combine(last + timedelta(days=1), time())
        span = {"from": datetime.combine(first, start or time()), "until": until}
    if _moment(span["until"]) <= _moment(span["from"]):
        raise NotReadable("Das Ende liegt vor dem Anfang.")
    return span


def _moment(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def _closure_now(work: Work, values: dict[str, str], office: Office) -> tuple[Closure | Absence, How]:
    """Of the office, a team, or a desk whose deputies take over. Raises NotReadable, EndsAlready, UnknownTeam,
    UnknownLane."""
    try:
        wall = time.fromisoformat(values["until"]) if values.get("until") else None
    except ValueError:
        raise NotReadable("Bitte geben Sie die Zeit als 12:30 an, oder lassen Sie sie frei.") from None
    today = work.booking.clock.now().astimezone(office.zone).date()
    start, end = work.planning.now_until(office, datetime.combine(today, wall, office.zone) if wall else None)
    how: How = "move" if values.get("how") == "move" else "cancel"
    team, _, lane = values.get("where", "").partition("/")
    if team:
        office.team(team)
    if lane:
        office.check_lane(lane, team=team)
        return Absence.model_validate({"team": team, "lane": lane, "from": start, "until": end}), how
    reason = {"de": values.get("reason") or "Das Amt musste kurzfristig schließen."}
    closure = {"from": start, "until": end, "reason": reason, "team": team or None}
    return Closure.model_validate(closure), how


async def _replanned(work: Work, here: Here, done: Sequence[Replanned]) -> Response:
    for one in done:
        action = f"appointment.replanned_{one.outcome}"
        await work.record(here.somebody, action, here.office.id, subject=one.appointment.id)
    left = len(await work.planning.in_conflict(work.booking.offices[here.office.id]))
    return work.page(here, "replanned.html", replanned=done, left=left)
