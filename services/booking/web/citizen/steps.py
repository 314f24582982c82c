"""The way to an appointment as far as nobody need say who he or she is: every step is a URL that can be kept."""

from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from services.booking.domain.office import Office, UnknownMunicipality, UnknownService
from services.booking.domain.visits import (
    CombinationNotAllowed,
    PreconditionNotMet,
    TooManyPersons,
    check_group,
    check_preconditions,
    preconditions_of,
)
from services.booking.domain.visits import Group as Party
from services.booking.web.citizen.front import Astray, Front, away, lang_of
from services.booking.web.citizen.guiding import Guiding
from services.booking.web.citizen.journey import Journey, number
from services.booking.web.citizen.typed import NEEDS, Typed
from services.booking.web.pages import answered
from shared.contracts.offices import Service

# Of a few offices in all languages.
_KEPT_PAGES = 100


def router(front: Front) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(include_in_schema=False, route_class=Guiding.over(front))

    @routes.get("/")
    async def start(request: Request) -> Response:
        journey = _journey(request)
        offices = front.real_offices
        if not journey.office and len(offices) > 1:
            return front.show("offices.html", None, journey.lang, j=journey, offices=offices, here=None)
        if journey != Journey(lang=journey.lang, office=journey.office):
            return front.step("start.html", journey, "/")
        return answered(first(front.office(journey.office), journey), lang=journey.lang, returnable=True)

    @lru_cache(maxsize=_KEPT_PAGES)
    def first(_: Office, journey: Journey) -> bytes:
        """The page that most people ask for, the same for all of them until the office changes: each version of it
        is an object of its own."""
        return bytes(front.step("start.html", journey, "/").body)

    @routes.get("/book/service")
    async def service(request: Request) -> Response:
        journey, office = _begun(front, request)
        if elsewhere := front.elsewhere(office, journey):
            return _not_here(front, journey, elsewhere)
        groups = _by_mode(office, journey)
        return front.step("service.html", journey, "/book/service", groups=groups)

    @routes.get("/book/people")
    async def people(request: Request) -> Response:
        journey, office = _chosen(front, request)
        if office.service(journey.service).max_persons == 1:
            return away(journey, "/book/prepare")
        return _people(front, journey)

    @routes.get("/book/prepare")
    async def prepare(request: Request) -> Response:
        journey, office = _chosen(front, request)
        journey = _counted(request, journey)
        if request.query_params.get("apart") and journey.persons > 1:
            return front.step("homes.html", journey, "/book/prepare", faults={})
        if elsewhere := front.elsewhere(office, journey):
            return _not_here(front, journey, elsewhere)
        try:
            check_group(office.services(journey.services), Party(journey.persons, journey.small))
        except TooManyPersons as error:
            return _people(front, journey, too_many=error)
        return _prepare(front, journey, office)

    @routes.get("/book/contact")
    async def contact(request: Request) -> Response:
        journey, office = _chosen(front, request)
        journey = _answered(request, journey)
        services = office.services(journey.services)
        asked = {precondition.id for precondition in preconditions_of(services)}
        if asked - journey.answers.keys():
            return _prepare(front, journey, office, faults={"questions": True})
        try:
            check_preconditions(services, journey.answers)
        except PreconditionNotMet as error:
            return _prepare(front, journey, office, not_met=error)
        return show_contact(front, journey, Typed(), {})

    return routes


def show_contact(front: Front, journey: Journey, typed: Typed, faults: dict[str, str]) -> HTMLResponse:
    sms = bool(front.booking.sms_countries)
    return front.posted(
        "contact.html",
        journey,
        typed,
        "/book/contact-again",
        extra=[],
        faults=faults,
        needs=NEEDS,
        sms=sms,
        answer=422 if faults else 200,
    )


def _journey(request: Request) -> Journey:
    return Journey.read(request.query_params, lang=lang_of(request))


def _begun(front: Front, request: Request) -> tuple[Journey, Office]:
    """With an office and the lead person's home. Raises Astray."""
    journey = _journey(request)
    office = front.office(journey.office)
    if not journey.homes:
        raise Astray
    return journey.but(office=office.id), office


def _chosen(front: Front, request: Request) -> tuple[Journey, Office]:
    """With a service as well. Raises Astray."""
    journey, office = _begun(front, request)
    try:
        office.services(journey.services)
    except (UnknownService, CombinationNotAllowed):
        raise Astray from None
    return journey, office


def _counted(request: Request, journey: Journey) -> Journey:
    """So many as were counted, who live where the lead person does unless it is said of each."""
    wanted = number(request.query_params, "persons", most=20)
    if wanted and wanted != journey.persons:
        journey = journey.but(homes=(journey.homes[0],) * wanted)
    return journey.but(small=min(journey.small, journey.persons - 1))


def _answered(request: Request, journey: Journey) -> Journey:
    """`q.<id>` is how the form asks; `yes` and `no` is how the answers travel."""
    given = {name[2:]: value for name, value in request.query_params.items() if name.startswith("q.")}
    yes = (*journey.yes, *(id for id, value in given.items() if value == "yes"))
    no = (*(id for id in journey.no if id not in given), *(id for id, value in given.items() if value == "no"))
    return journey.but(yes=tuple(dict.fromkeys(id for id in yes if id not in no)), no=tuple(dict.fromkeys(no)))


def _not_here(front: Front, journey: Journey, elsewhere: list[dict[str, Any]]) -> HTMLResponse:
    office = front.office(journey.office)
    known = [home for home in journey.homes if _is_known(office, home)]
    front.booking.demand.out_of_area(office.id, known)
    return front.step("elsewhere.html", journey, "/book/service", elsewhere=elsewhere)


def _is_known(office: Office, home: str) -> bool:
    try:
        return not office.responsibility(home).here
    except UnknownMunicipality:
        return False


def _by_mode(office: Office, journey: Journey) -> dict[str, list[Service]]:
    """An invitation opens what is by invitation; all else is told how it comes about."""
    invited = ("open", "invitation") if journey.invitation else ("open",)
    services = office.data.services
    return {
        "open": [s for s in services if s.mode in invited and not s.emergency],
        "emergency": [s for s in services if s.mode == "open" and s.emergency],
        "invitation": [s for s in services if s.mode == "invitation" and s.mode not in invited],
        "walk_in": [s for s in services if s.mode == "walk_in"],
    }


def _people(front: Front, journey: Journey, *, too_many: TooManyPersons | None = None) -> HTMLResponse:
    service = front.office(journey.office).service(journey.service)
    faults = {"persons": True} if too_many else {}
    answer = 422 if too_many else 200
    return front.step(
        "people.html", journey, "/book/people", service=service, too_many=too_many, faults=faults, answer=answer
    )


def _prepare(
    front: Front,
    journey: Journey,
    office: Office,
    *,
    faults: dict[str, Any] | None = None,
    not_met: PreconditionNotMet | None = None,
) -> HTMLResponse:
    services = office.services(journey.services)
    more = [office.service(id) for id in services[0].combines_with if office.has_service(id)]
    return front.step(
        "prepare.html",
        journey,
        "/book/prepare",
        services=services,
        more=[s for s in more if journey.persons <= s.max_persons],
        questions=preconditions_of(services),
        minutes=office.minutes(*services, persons=journey.persons, children_under_6=journey.small),
        not_met=not_met,
        faults=faults or ({"questions": True} if not_met else {}),
        answer=422 if faults or not_met else 200,
    )
