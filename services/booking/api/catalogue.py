"""Offices, services, who is responsible, and free times. Nothing here stores anything about a person."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from services.booking.api.problems import ELSEWHERE, responses, unknown_office
from services.booking.api.schemas import (
    Ags,
    AssignmentIn,
    AssignmentOut,
    AvailabilityIn,
    AvailabilityOut,
    CheckedInOut,
    CodeIn,
    MemberOut,
    MunicipalityOut,
    OfficeDetailOut,
    OfficeOut,
    ServiceOut,
    Slug,
)
from services.booking.commands import Booking, Day
from services.booking.domain.office import Office, UnknownMunicipality
from services.booking.domain.visits import documents_of, preconditions_of
from services.booking.guard import Guard
from services.booking.searching import Answers, Search
from shared.http import Problem

OfficeId = Annotated[str, Path(max_length=60)]


def router(booking: Booking, day: Day, guard: Guard) -> APIRouter:  # noqa: C901 (a list of routes, not a decision)
    routes = APIRouter(prefix="/v1/offices", tags=["offices"])
    answers = Answers(booking)

    def office_of(id: str) -> Office:
        if id not in booking.offices:
            raise unknown_office(id)
        return booking.offices[id]

    @routes.get("", summary="All offices, but for those to practise on", response_model=list[OfficeOut])
    async def list_offices() -> list[OfficeOut]:
        return [_office_out(office) for office in booking.offices.values() if not office.training]

    @routes.get("/{office}", summary="One office", responses=responses(404))
    async def get_office(office: OfficeId) -> OfficeDetailOut:
        return _office_detail(office_of(office))

    @routes.get("/{office}/services", summary="What can be booked", responses=responses(404))
    async def list_services(office: OfficeId) -> list[ServiceOut]:
        services = office_of(office).data.services
        return [ServiceOut.model_validate(s, from_attributes=True) for s in services]

    @routes.post("/{office}/assignment", summary="Who is responsible, which desk, how long, what to bring",
                 responses=responses(404, 429))  # fmt: skip
    async def assign(request: Request, office: OfficeId, wanted: AssignmentIn) -> AssignmentOut:
        there = office_of(office)
        guard.search(request, office=office)
        found = _assignment(there, wanted, today=booking.clock.now().astimezone(there.zone).date())
        elsewhere = [m.municipality for m in found.members if m.authority and not m.responsible]
        if elsewhere:
            booking.demand.out_of_area(office, elsewhere)
        return found

    @routes.post("/{office}/check-in", summary="I am here: by the code of the message, at the door",
                 responses=responses(404, 409, 429))  # fmt: skip
    async def check_in(request: Request, office: OfficeId, given: CodeIn) -> CheckedInOut:
        there = office_of(office)
        # Nobody shall find codes by trying.
        guard.search(request, office=office)
        return CheckedInOut(status=(await day.check_in_by_code(there, given.code)).status)

    @routes.get("/{office}/availability", summary="Free times", response_model=AvailabilityOut,
                responses=responses(400, 404, 429))  # fmt: skip
    async def get_availability(
        request: Request,
        office: OfficeId,
        service: Slug,
        persons: Annotated[int, Query(ge=1, le=20)] = 1,
        children_under_6: Annotated[int, Query(ge=0, le=20)] = 0,
        team: Slug | None = None,
        first: Annotated[date | None, Query(alias="from", description="First day, included")] = None,
        last: Annotated[date | None, Query(alias="to", description="Last day, included")] = None,
    ) -> Response:
        there = office_of(office)
        guard.search(request, office=office)
        serving = there.service(service).team
        if team not in (None, serving):
            raise Problem(422, "team-unknown", "No such team for this service", f"It belongs to {serving}.")
        if there.by_surname(serving):
            raise _family_name_needed(there.id)
        return _json(answers.find(there, Search(there.id, (service,), persons, children_under_6, (), first, last)))

    @routes.post("/{office}/availability", summary="Free times where the family name decides the desk",
                 response_model=AvailabilityOut, responses=responses(404, 429))  # fmt: skip
    async def search_availability(request: Request, office: OfficeId, wanted: AvailabilityIn) -> Response:
        there = office_of(office)
        guard.search(request, office=office)
        ids = (wanted.service, *wanted.further_services)
        ranges = there.ranges(there.services(ids)[0].team, wanted.family_name)
        children = sum(member.under_6 for member in wanted.members)
        search = Search(there.id, ids, len(wanted.members), children, ranges, wanted.first, wanted.last)
        return _json(answers.find(there, search))

    return routes


def _office_out(office: Office) -> OfficeOut:
    return OfficeOut(id=office.id, name=office.data.name, timezone=office.data.timezone)


def _office_detail(office: Office) -> OfficeDetailOut:
    data = office.data
    return OfficeDetailOut(
        id=office.id,
        name=data.name,
        timezone=data.timezone,
        phone=data.phone,
        email=data.email,
        locations=data.locations,
        municipalities=[
            MunicipalityOut(ags=m.ags, name=m.name, responsible=office.responsibility(m.ags).here)
            for m in data.municipalities
        ],
        online_paused=data.online.paused,
        notice=data.online.notice,
    )


def _assignment(office: Office, wanted: AssignmentIn, *, today: date) -> AssignmentOut:
    services = office.services((wanted.service, *wanted.further_services))
    team = services[0].team
    serving = office.range_on(today, office.ranges(team, wanted.family_name))
    children = sum(member.under_6 for member in wanted.members)
    members = [_member(office, member.municipality) for member in wanted.members]
    return AssignmentOut(
        members=members,
        responsible=all(member.responsible for member in members),
        team=team,
        desk=serving.shown if serving else None,
        minutes=office.minutes(*services, persons=len(members), children_under_6=children),
        preconditions=preconditions_of(services),
        documents=documents_of(services),
    )


def _member(office: Office, ags: Ags) -> MemberOut:
    try:
        found = office.responsibility(ags)
    except UnknownMunicipality:
        return MemberOut(municipality=ags, name=None, responsible=False, authority=None, advice=ELSEWHERE)
    return MemberOut(
        municipality=ags, name=found.municipality.name, responsible=found.here, authority=found.authority
    )


def _family_name_needed(office: str) -> Problem:
    return Problem(
        422,
        "family-name-needed",
        "The family name decides who serves",
        f"Ask by POST /v1/offices/{office}/availability, with service, family_name and members in the body.",
    )


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
