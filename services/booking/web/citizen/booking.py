"""From the name to the message: each step is a form, and repeating one changes nothing.

Who it is for stands in bodies only, never in a URL. A hold has a key that the form carries, so Back, reload and a
double click mean the same hold; asking for another time is another one.
"""

import json
import math
from datetime import date, datetime
from uuid import uuid4

from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from services.booking.api.afterwards import until_done
from services.booking.api.schemas import EntryIn
from services.booking.commands import BookedAlready, Held, HoldRequest, WrongSecret
from services.booking.commands.core import OutsideJurisdiction
from services.booking.desks import access_for
from services.booking.domain.appointment import Appointment, Expired
from services.booking.domain.office import Office, UnbookableStart, UnknownMunicipality, UnknownService
from services.booking.domain.visits import (
    CombinationNotAllowed,
    PreconditionMissing,
    PreconditionNotMet,
    TooManyPersons,
)
from services.booking.guard import ProofNeeded
from services.booking.people import GivenContact
from services.booking.reaching import addresses_of
from services.booking.searching import Search
from services.booking.storage import NotFound, SlotTaken
from services.booking.web.citizen.calendar import sheet
from services.booking.web.citizen.confirming import show_choice, show_confirmed
from services.booking.web.citizen.front import Astray, Front, away, form_of, lang_of
from services.booking.web.citizen.guiding import Guiding
from services.booking.web.citizen.journey import Journey, Pairs, Values, text
from services.booking.web.citizen.steps import show_contact
from services.booking.web.citizen.typed import Typed
from services.booking.web.saying import clock
from shared.catalogues import to_translate

_TAKEN = to_translate("Diese Zeit hat gerade jemand anderes gebucht. Bitte wählen Sie eine andere.")
_GONE = to_translate("Diese Zeit können Sie nicht mehr buchen. Bitte wählen Sie eine andere.")
# An earlier step would have refused it: whoever gets here has changed the form by hand, or the office its rules.
_ASTRAY = (
    CombinationNotAllowed,
    OutsideJurisdiction,
    PreconditionMissing,
    PreconditionNotMet,
    TooManyPersons,
    UnknownMunicipality,
    UnknownService,
)


def router(front: Front) -> APIRouter:  # noqa: C901 (a list of routes)
    routes = APIRouter(include_in_schema=False, route_class=Guiding.over(front))

    @routes.get("/book/{step}")
    async def without_form(request: Request, step: str) -> Response:
        """The address of a form that was opened by itself."""
        return away(Journey.read(request.query_params, lang=lang_of(request)), "/")

    @routes.post("/book/contact-again")
    async def contact(request: Request) -> Response:
        _, journey, typed = await read(request)
        return show_contact(front, complete(front, journey), typed, {})

    @routes.post("/book/times")
    async def times(request: Request) -> Response:
        values, journey, typed = await read(request)
        journey = complete(front, journey)
        if faults := typed.faults(countries=front.booking.sms_countries):
            return show_contact(front, journey, typed, faults)
        front.guard.search(request, office=journey.office)
        return await _show_times(front, journey, typed, values)

    @routes.post("/book/check")
    async def check(request: Request) -> Response:
        """Holds the time, then shows what would be booked."""
        values, journey, typed = await read(request)
        journey = complete(front, journey)
        if faults := typed.faults(countries=front.booking.sms_countries):
            return show_contact(front, journey, typed, faults)
        try:
            held = await _hold(front, request, values, journey, typed)
        except (SlotTaken, UnbookableStart) as error:
            notice = _TAKEN if isinstance(error, SlotTaken) else _GONE
            return await _show_times(front, journey, typed, values, notice=notice, answer=409)
        except ProofNeeded as error:
            return show_proof(front, journey, typed, values, error)
        except _ASTRAY:
            raise Astray from None
        if held.appointment.status != "held":
            return went_on(front, held.appointment, journey, typed)
        return _show_check(front, journey, typed, values, held.appointment)

    @routes.post("/book/extend")
    async def extend(request: Request) -> Response:
        values, journey, typed = await read(request)
        id, _ = await _own(front, values)
        appointment = await front.booking.extend(id)
        return _show_check(front, journey, typed, values, appointment)

    @routes.post("/book/request")
    async def ask(request: Request) -> Response:
        """The message that asks to confirm goes out. Sent twice it is one message."""
        values, journey, typed = await read(request)
        id, appointment = await _own(front, values)
        if faults := typed.faults(countries=front.booking.sms_countries):
            return show_sent(front, journey, typed, appointment, faults=faults)
        if appointment.status not in ("held", "requested"):
            return went_on(front, appointment, journey, typed)
        given = typed.contact(journey.lang)
        if not is_known(front, appointment, given):
            front.guard.contact(request, addresses=addresses_of(given), helper=None)
        return show_sent(front, journey, typed, await front.booking.request(id, given))

    @routes.post("/book/confirm")
    async def confirm(request: Request) -> Response:
        """By the six digits of the message, on the page that is still open."""
        values, journey, typed = await read(request)
        id, appointment = await _own(front, values)
        code = "".join(text(values, "code").split())
        if not (len(code) == 6 and code.isascii() and code.isdigit()):
            return show_sent(front, journey, typed, appointment, faults={"code": "shape"})
        try:
            appointment = await front.booking.confirm(id, code)
        except WrongSecret:
            return show_sent(front, journey, typed, appointment, faults={"code": "wrong"})
        except BookedAlready as error:
            return show_choice(front, id, code, error.existing, journey.lang)
        return show_confirmed(front, appointment, journey.lang)

    @routes.post("/book/entry")
    async def entry(request: Request, background: BackgroundTasks) -> Response:
        """A link instead of a proof of work, for whoever has no scripts."""
        _, journey, typed = await read(request)
        journey = complete(front, journey)
        try:
            wanted = EntryIn(office=journey.office, email=typed.email, language=journey.lang)
        except ValidationError:
            return show_contact(
                front, journey, typed, {"email": typed.faults(countries=frozenset()).get("email", "")}
            )
        front.guard.entry(request, office=wanted.office, email=wanted.email)
        background.add_task(until_done, lambda: front.guard.mail_entry(**wanted.model_dump()), what="entry")
        return front.posted("entry_sent.html", journey, typed, "/book/entry", extra=[])

    return routes


async def read(request: Request) -> tuple[Values, Journey, Typed]:
    values = await form_of(request)
    return values, Journey.read(values, lang=lang_of(request, values)), Typed.read(values)


def complete(front: Front, journey: Journey) -> Journey:
    """Raises Astray where an earlier step is missing."""
    office = front.office(journey.office)
    if not journey.homes or not all(office.has_service(id) for id in journey.services):
        raise Astray
    return journey.but(office=office.id)


async def _own(front: Front, values: Values) -> tuple[str, Appointment]:
    id = text(values, "id")
    return id, await front.own(id, text(values, "token"))


def is_known(front: Front, appointment: Appointment, given: GivenContact) -> bool:
    return appointment.status == "requested" and appointment.contact == front.booking.people.details(given)


async def _hold(front: Front, request: Request, values: Values, journey: Journey, typed: Typed) -> Held:
    starts_at = moment(text(values, "starts_at"))
    key = f"page|{key_of(values)}|{starts_at.isoformat()}"
    channel = "web"
    if not await is_repeat(front, key):
        proof = text(values, "proof")[:4000] or journey.entry or None
        channel = await front.guard.hold(
            request, office=journey.office, proof=proof, helper=None, idempotency_key=key
        )
    wanted = HoldRequest(
        channel=channel,
        office=journey.office,
        service=journey.service,
        starts_at=starts_at,
        family_name=typed.name,
        members=journey.members,
        further_services=journey.more,
        preconditions=journey.answers,
        invitation=journey.invitation or None,
        access_needs=tuple(sorted(typed.needs)),
    )
    return await front.booking.hold(wanted, idempotency_key=key)


async def is_repeat(front: Front, key: str) -> bool:
    """Whoever has this hold already is neither counted nor asked for a proof again."""
    try:
        await front.booking.appointments.get(front.booking.keys.appointment_id(key))
    except NotFound:
        return False
    return True


def key_of(values: Values) -> str:
    key = text(values, "key")
    return key if len(key) == 32 and key.isalnum() and key.isascii() else uuid4().hex


def moment(iso: str) -> datetime:
    """Raises UnbookableStart for what is none."""
    try:
        found = datetime.fromisoformat(iso)
    except ValueError:
        raise UnbookableStart("off-grid") from None
    if found.tzinfo is None or not 1970 <= found.year < 9999:
        raise UnbookableStart("off-grid")
    return found


def free_days(front: Front, office: Office, search: Search) -> dict[date, list[datetime]]:
    """Local times by day, as the public API tells them."""
    found = json.loads(front.answers.find(office, search))
    return {
        date.fromisoformat(day["date"]): [datetime.fromisoformat(time) for time in day["times"]]
        for day in found["days"]
    }


async def _show_times(
    front: Front, journey: Journey, typed: Typed, values: Values, *, notice: str = "", answer: int = 200
) -> HTMLResponse:
    office = front.office(journey.office)
    try:
        services = office.services(journey.services)
        ranges = office.ranges(services[0].team, typed.name)
        search = Search(office.id, journey.services, journey.persons, journey.small, ranges, None, None)
        days = free_days(front, office, search)
    except _ASTRAY:
        raise Astray from None
    first, last = office.days(access_for(services), now=front.booking.clock.now())
    day, shown = text(values, "day"), text(values, "month")
    extra = [("key", key_of(values)), ("day", day), ("month", shown)]
    return front.posted(
        "times.html" if days else "nothing.html",
        journey,
        typed,
        "/book/times",
        extra=extra,
        sheet=sheet(days, first=first, last=last, day=day, month=shown),
        days=days,
        key=extra[0][1],
        notice=notice,
        first=first,
        last=last,
        wish_last=last,
        emergency=next((s for s in office.data.services if s.emergency), None),
        answer=answer,
        waiting=0 if days else await front.booking.appointments.count_waiting(office.id, journey.service),
    )


def _show_check(
    front: Front, journey: Journey, typed: Typed, values: Values, appointment: Appointment
) -> HTMLResponse:
    office = front.office(journey.office)
    if appointment.expires_at is None:
        raise Expired
    left = appointment.expires_at - front.booking.clock.now()
    if left.total_seconds() <= 0:
        raise Expired
    starts_at = appointment.starts_at.isoformat()
    return front.posted(
        "check.html",
        journey,
        typed,
        "/book/check",
        extra=[("key", key_of(values)), ("starts_at", starts_at)],
        key=key_of(values),
        starts_at=starts_at,
        token=front.booking.keys.secret("token", appointment.id),
        seconds=math.floor(left.total_seconds()),
        until=clock(front.local(appointment.expires_at, office), journey.lang),
        **front.shown(appointment, journey.lang),
    )


def show_sent(
    front: Front, journey: Journey, typed: Typed, appointment: Appointment, *, faults: dict[str, str] | None = None
) -> HTMLResponse:
    token = front.booking.keys.secret("token", appointment.id)
    own: Pairs = [("id", appointment.id), ("token", token)]
    office = front.booking.offices[appointment.office]
    return front.posted(
        "sent.html",
        journey,
        typed,
        "/book/request",
        extra=own,
        own=own,
        faults=faults or {},
        answer=422 if faults else 200,
        by_mail=bool(typed.email),
        until_minutes=office.data.booking.confirm_minutes,
        practice_code=_practice_code(front, appointment, office),
        **front.shown(appointment, journey.lang),
    )


def _practice_code(front: Front, appointment: Appointment, office: Office) -> str:
    """What stands in the message, which goes nowhere in practice; "" for everybody else."""
    if not office.training or appointment.contact_sequence is None:
        return ""
    return front.booking.keys.code(appointment.id, appointment.contact_sequence)


def went_on(front: Front, appointment: Appointment, journey: Journey, typed: Typed) -> HTMLResponse:
    """The page of a step that was done already: Back and reload lead here, and change nothing."""
    if appointment.status == "requested":
        return show_sent(front, journey, typed, appointment)
    if appointment.status in ("confirmed", "waiting"):
        return show_confirmed(front, appointment, journey.lang)
    raise Expired


def show_proof(
    front: Front, journey: Journey, typed: Typed, values: Values, error: ProofNeeded, *, path: str = "/book/check"
) -> HTMLResponse:
    """Scripts solve it by themselves; without them a mailed link helps, or some patience."""
    own = ("starts_at", "first", "last", "part")
    extra = [("key", key_of(values)), *((name, text(values, name)) for name in own if text(values, name))]
    seconds = max(1, math.ceil(error.free_after.total_seconds()))
    return front.posted(
        "proof.html", journey, typed, path, extra=extra, own=extra, to=path, seconds=seconds, answer=429
    )
