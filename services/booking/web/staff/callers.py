"""Booking for somebody on the phone or at the counter: one page, two presses of Enter, no mouse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from services.booking.api.schemas import (
    AccessNeed,
    Ags,
    ContactIn,
    Email,
    IdempotencyKey,
    Incoming,
    Language,
    Moment,
    PersonName,
    Phone,
    Slug,
)
from services.booking.commands import CounterRequest
from services.booking.domain.office import Office
from services.booking.finding import Found, by_name
from services.booking.people import GivenContact
from services.booking.storage import AlreadyBooked
from services.booking.web.languages import NAMES as LANGUAGES
from services.booking.web.staff.faults import ANTICIPATED, told
from services.booking.web.staff.members import members_of, responsible_for
from services.booking.web.staff.rendering import Blanks, StaffPage
from services.booking.web.staff.times import FreeDay, Sought, free_days
from services.booking.web.staff.work import Here, Work, at_work, see

_FIELDS = {
    "service": "Anliegen",
    "persons": "Personen",
    "children": "Kinder unter 6",
    "municipality": "Wohnort",
    "family_name": "Nachname",
    "given_name": "Vorname",
    "phone": "Telefon",
    "email": "E-Mail",
    "first": "Ab Tag",
    "starts_at": "Zeit",
    "lane": "Platz",
}


def _or_none(value: Any) -> Any:
    """An empty field was left out."""
    return None if isinstance(value, str) and not value.strip() else value


Left = BeforeValidator(_or_none)


class Given(Incoming):
    """What stands in the form. Names are checked as the API checks them."""

    key: IdempotencyKey
    service: Slug
    persons: int = Field(default=1, ge=1, le=20)
    children: int = Field(default=0, ge=0, le=20)
    municipality: Ags
    family_name: PersonName
    given_name: Annotated[PersonName | None, Left] = None
    phone: Annotated[Phone | None, Left] = None
    email: Annotated[Email | None, Left] = None
    language: Language = "de"
    sms_consent: bool = False
    channel: str = Field(default="phone", pattern="^(phone|counter)$")
    needs: tuple[AccessNeed, ...] = Field(default=(), max_length=10)
    lane: Annotated[Slug | None, Left] = None
    first: Annotated[date | None, Left] = None
    starts_at: Annotated[Moment | None, Left] = None
    shown_for: str = Field(default="", max_length=100)
    another_person: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows beside the form's fields."""

    days: Sequence[FreeDay] = ()
    shown_for: str = ""
    alike: Sequence[Found] = ()
    taken: Found | None = None


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Booker = Annotated[Here, at_work(work, "book")]  # noqa: N806 (a type)

    @routes.get("/staff/book")
    async def ask(here: Booker) -> Response:
        return _page(work, here, {"persons": "1", "children": "0", "channel": "phone"}, Shown())

    @routes.post("/staff/book")
    async def book(request: Request, here: Booker) -> Response:
        """Shows times until one is chosen that was shown for just these details; then books it."""
        form = await request.form()
        values: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
        values["needs"] = [value for value in form.getlist("needs") if isinstance(value, str)]
        try:
            given = TypeAdapter(Given).validate_python(values)
        except ValidationError as error:
            return _page(work, here, values, Shown(), answer=422, faults=_faults(error))
        try:
            if given.starts_at and given.shown_for == _shown_for(work, here.office, given):
                booked = await _book(work, here, given, given.starts_at)
                return see(f"/staff/appointments/{booked}?done=booked")
            return _page(work, here, values, await _shown(work, here.office, given))
        except AlreadyBooked as error:
            taken = await _holder(work, here.office, error.active)
            shown = await _shown(work, here.office, given, taken=taken)
            return _page(work, here, values, shown, answer=409, fault=told(error)[1])
        except ANTICIPATED as error:
            answer, fault = told(error)
            return _page(
                work, here, values, await _times_or_none(work, here.office, given), answer=answer, fault=fault
            )

    return routes


async def _book(work: Work, here: Here, given: Given, starts_at: datetime) -> str:
    """The appointment's id."""
    request = CounterRequest(
        office=here.office.id,
        service=given.service,
        starts_at=starts_at,
        family_name=given.family_name,
        members=members_of(given.municipality, persons=given.persons, children=given.children),
        channel=given.channel,
        contact=_contact(given),
        lane=given.lane,
        access_needs=tuple(sorted(set(given.needs))),
        another_person=given.another_person,
    )
    booked = await work.planning.counter.book(request, idempotency_key=given.key, by=here.somebody.actor)
    await work.record(here.somebody, "appointment.booked", here.office.id, subject=booked.id)
    return booked.id


def _contact(given: Given) -> GivenContact | None:
    """None for whoever has neither mail nor phone: then the slip says it all."""
    if not given.email and not given.phone:
        return None
    contact = ContactIn(
        given_name=given.given_name,
        email=given.email,
        phone=given.phone,
        language=given.language,
        sms_consent=given.sms_consent,
    )
    return GivenContact(**contact.model_dump())


def _sought(office: Office, given: Given) -> Sought:
    """Raises UnknownService, TooManyPersons."""
    service = office.service(given.service)
    minutes = office.minutes(
        service, persons=given.persons, children_under_6=min(given.children, given.persons - 1)
    )
    return Sought(service.team, given.family_name, minutes, lane=given.lane)


def _shown_for(work: Work, office: Office, given: Given) -> str:
    """Equal where the same times come into question."""
    sought = _sought(office, given)
    name = given.family_name if office.by_surname(sought.team) else ""
    return work.booking.keys.digest(f"times|{sought.team}|{name}|{sought.minutes}|{given.lane}")[:24]


async def _shown(work: Work, office: Office, given: Given, *, taken: Found | None = None) -> Shown:
    days = free_days(work.booking, office, _sought(office, given), first=given.first)
    alike = [
        one
        for one in await by_name(work.booking, office, given.family_name)
        if one.appointment.status in ("confirmed", "requested")
    ]
    return Shown(days, _shown_for(work, office, given), alike, taken)


async def _times_or_none(work: Work, office: Office, given: Given) -> Shown:
    try:
        return await _shown(work, office, given)
    except ANTICIPATED:
        return Shown()


async def _holder(work: Work, office: Office, claims: tuple[str, ...]) -> Found | None:
    taken = await work.booking.appointments.active(office.id, claims)
    return Found(taken, await work.booking.person_of(taken)) if taken else None


def _faults(error: ValidationError) -> dict[str, str]:
    """By field: what is wrong with it."""
    return {str(one["loc"][0]): _said(one) for one in error.errors() if one["loc"]}


def _said(error: Any) -> str:
    field = _FIELDS.get(str(error["loc"][0]), "Angabe")
    if error["type"] in ("missing", "string_too_short") or error["input"] in ("", None):
        return f"{field}: Bitte ausfüllen."
    return f"{field}: Das ist so nicht lesbar."


def _page(
    work: Work,
    here: Here,
    values: dict[str, Any],
    shown: Shown,
    *,
    answer: int = 200,
    fault: str | None = None,
    faults: dict[str, str] | None = None,
) -> Response:
    office = here.office
    return work.page(
        here,
        "book.html",
        answer=answer,
        fault=fault,
        faults=Blanks(faults or {}),
        given=Blanks({"needs": [], **values}),
        shown=shown,
        languages_by_tag=LANGUAGES,
        municipalities=responsible_for(office),
    )
