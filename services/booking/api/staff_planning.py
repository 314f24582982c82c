"""Hours, closures, absences and re-planning. For staff who may."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from services.booking.api.problems import responses
from services.booking.api.schemas import Incoming, Moment, Slug
from services.booking.api.signed_in import REFUSALS, own_office, signed_in
from services.booking.commands import Booking, InConflict, Planning, Replanned
from services.booking.domain.actors import SignedIn
from services.booking.domain.office import Office
from services.booking.domain.rules import Absence, Closure, OfficeData
from services.booking.offices import checked
from services.booking.staff import Staff
from services.booking.toml import plain

Planner = Annotated[SignedIn, Depends(signed_in("schedule"))]
OfficeId = Annotated[str, Path(max_length=60)]


def _local(value: date) -> date:
    if isinstance(value, datetime) and value.tzinfo:
        raise ValueError("the office's local time is meant; leave the offset away")
    return value


DayOrTime = Annotated[date | datetime, AfterValidator(_local)]
How = Literal["move", "cancel"]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{1,20})?$")]
# What citizens read, by language.
Told = Annotated[
    dict[Language, Annotated[str, StringConstraints(min_length=1, max_length=500)]],
    Field(min_length=1, max_length=20),
]
_MOST_AT_ONCE = 500


class ConflictOut(BaseModel):
    """By code: names are for those who see persons."""

    id: str
    code: str
    team: str
    lane: str
    status: str
    starts_at: datetime
    ends_at: datetime
    why: Literal["no-such-desk", "desk-absent", "closed"]


class OfficeVersionOut(BaseModel):
    version: int
    data: dict[str, Any] = Field(description="As in the office file")


class OfficeIn(Incoming):
    version: int = Field(ge=1, description="The one that was edited")
    data: dict[str, Any] = Field(description="The whole office, as in its file")


class ClosureIn(Incoming):
    """From a day or local time until another, half open; the office, a team, or one lane of it."""

    from_: DayOrTime = Field(alias="from")
    until: DayOrTime
    reason: Told
    team: Slug | None = None
    lane: Slug | None = None


class AbsenceIn(Incoming):
    team: Slug
    lane: Slug
    from_: DayOrTime = Field(alias="from")
    until: DayOrTime


class NowIn(Incoming):
    """Closes from this moment until `until` (default: the end of today), and re-plans whom it concerns at once."""

    until: Moment | None = None
    team: Slug | None = None
    how: How = "cancel"
    reason: Told = Field(default_factory=lambda: {"de": "Das Amt musste kurzfristig schließen."})


class AbsentNowIn(Incoming):
    """The lane's deputies take over; times stay where they can, all others are told at once."""

    team: Slug
    lane: Slug
    until: Moment | None = None
    how: How = "move"


class ReplanIn(Incoming):
    appointments: Annotated[tuple[uuid.UUID, ...], Field(min_length=1, max_length=_MOST_AT_ONCE)]
    how: How
    reason: Literal["closure", "absence", "close_now", "other"] = "closure"


class SavedOut(BaseModel):
    version: int
    conflicts: list[ConflictOut] = Field(description="What does not fit any more and has to be re-planned")


class ReplannedOut(BaseModel):
    id: str
    code: str
    outcome: Literal["kept", "moved", "cancelled", "unchanged", "unreadable"]
    starts_at: datetime
    lane: str
    proposals: list[datetime]


class DoneOut(BaseModel):
    version: int
    replanned: list[ReplannedOut]


def router(booking: Booking, planning: Planning, staff: Staff) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(prefix="/v1/staff/offices/{office}", tags=["staff: planning"])

    def here(office: str, somebody: SignedIn) -> Office:
        return own_office(booking.offices, office, somebody)

    async def record(somebody: SignedIn, action: str, office: str, **detail: str | int) -> None:
        await staff.audit.record(somebody.actor, action, office=office, detail=detail)

    async def save(somebody: SignedIn, office: Office, data: OfficeData, version: int, action: str) -> SavedOut:
        saved = await planning.save(data, by=somebody.actor, expected_version=version)
        await record(somebody, action, office.id, version=saved)
        found = await planning.in_conflict(booking.offices[office.id])
        return SavedOut(version=saved, conflicts=[_conflict_out(one) for one in found])

    async def recorded(somebody: SignedIn, office: Office, done: list[Replanned]) -> list[ReplannedOut]:
        for one in done:
            await staff.audit.record(
                somebody.actor,
                f"appointment.replanned_{one.outcome}",
                office=office.id,
                subject=one.appointment.id,
            )
        return [_replanned_out(one) for one in done]

    @routes.get("", summary="The office as its file would say it", responses=responses(*REFUSALS, 404))
    async def get_office(office: OfficeId, somebody: Planner) -> OfficeVersionOut:
        there = here(office, somebody)
        return OfficeVersionOut(version=there.version, data=plain(there.data))

    @routes.post("/preview", summary="The conflict list as it would be", responses=responses(*REFUSALS, 404))
    async def preview(office: OfficeId, given: OfficeIn, somebody: Planner) -> list[ConflictOut]:
        here(office, somebody)
        return [_conflict_out(one) for one in await planning.preview(_data(office, given.data))]

    @routes.put("", summary="Save the office", responses=responses(*REFUSALS, 404, 409))
    async def put_office(office: OfficeId, given: OfficeIn, somebody: Planner) -> SavedOut:
        there = here(office, somebody)
        return await save(somebody, there, _data(office, given.data), given.version, "office.saved")

    @routes.post("/closures/preview", summary="Whom a closure would concern",
                 responses=responses(*REFUSALS, 404))  # fmt: skip
    async def preview_closure(office: OfficeId, given: ClosureIn, somebody: Planner) -> list[ConflictOut]:
        data = planning.with_closure(here(office, somebody), _closure(given))
        return [_conflict_out(one) for one in await planning.preview(data)]

    @routes.post("/closures", status_code=201, summary="Close on some days or hours",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def close(office: OfficeId, given: ClosureIn, somebody: Planner) -> SavedOut:
        there = here(office, somebody)
        data = planning.with_closure(there, _closure(given))
        return await save(somebody, there, data, there.version, "office.closed")

    @routes.post("/absences/preview", summary="Whom an absence would concern",
                 responses=responses(*REFUSALS, 404))  # fmt: skip
    async def preview_absence(office: OfficeId, given: AbsenceIn, somebody: Planner) -> list[ConflictOut]:
        data = planning.with_absence(here(office, somebody), _absence(given))
        return [_conflict_out(one) for one in await planning.preview(data)]

    @routes.post("/absences", status_code=201, summary="A lane is absent; its deputies take over",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def add_absence(office: OfficeId, given: AbsenceIn, somebody: Planner) -> SavedOut:
        there = here(office, somebody)
        data = planning.with_absence(there, _absence(given))
        return await save(somebody, there, data, there.version, "office.lane_absent")

    @routes.get("/conflicts", summary="Awaited appointments outside what is open",
                responses=responses(*REFUSALS, 404))  # fmt: skip
    async def get_conflicts(office: OfficeId, somebody: Planner) -> list[ConflictOut]:
        return [_conflict_out(one) for one in await planning.in_conflict(here(office, somebody))]

    @routes.post("/replan", summary="Keep at another desk, else move or cancel; everybody is told",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def post_replan(office: OfficeId, given: ReplanIn, somebody: Planner) -> list[ReplannedOut]:
        there = here(office, somebody)
        wanted = {str(id) for id in given.appointments}
        found = [one for one in await planning.in_conflict(there) if one.visit.id in wanted]
        ids = [one.visit.id for one in found]
        done = await planning.replan(there, ids, how=given.how, reason=given.reason, by=somebody.actor)
        return await recorded(somebody, there, done)

    @routes.post("/close-now", summary="Close at once and tell everybody whom it concerns",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def close_now(office: OfficeId, given: NowIn, somebody: Planner) -> DoneOut:
        there = here(office, somebody)
        start, end = planning.now_until(there, given.until)
        closure = Closure.model_validate({"from": start, "until": end, "reason": given.reason, "team": given.team})
        version, done = await planning.close_now(there, closure, how=given.how, by=somebody.actor)
        await record(somebody, "office.closed_now", office, version=version)
        return DoneOut(version=version, replanned=await recorded(somebody, there, done))

    @routes.post("/absent-now", summary="A lane is absent from now on: deputies take over, the others are told",
                 responses=responses(*REFUSALS, 404, 409))  # fmt: skip
    async def absent_now(office: OfficeId, given: AbsentNowIn, somebody: Planner) -> DoneOut:
        there = here(office, somebody)
        start, end = planning.now_until(there, given.until)
        absence = Absence.model_validate({"team": given.team, "lane": given.lane, "from": start, "until": end})
        version, done = await planning.absent_now(there, absence, how=given.how, by=somebody.actor)
        await record(somebody, "office.absent_now", office, version=version)
        return DoneOut(version=version, replanned=await recorded(somebody, there, done))

    return routes


def _data(office: str, values: dict[str, Any]) -> OfficeData:
    """Raises BrokenOffice."""
    return checked({**values, "id": office}, source="data")


def _closure(given: ClosureIn) -> Closure:
    return Closure.model_validate(given.model_dump(by_alias=True))


def _absence(given: AbsenceIn) -> Absence:
    return Absence.model_validate(given.model_dump(by_alias=True))


def _conflict_out(found: InConflict) -> ConflictOut:
    visit = found.visit
    return ConflictOut(
        id=visit.id,
        code=visit.code,
        team=visit.team,
        lane=visit.lane,
        status=visit.status,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        why=found.conflict.reason,
    )


def _replanned_out(done: Replanned) -> ReplannedOut:
    appointment = done.appointment
    return ReplannedOut(
        id=appointment.id,
        code=appointment.code,
        outcome=done.outcome,
        starts_at=appointment.starts_at,
        lane=appointment.lane,
        proposals=list(appointment.proposals),
    )
