"""The waiting list for whoever finds nothing free: a wish, then a message to confirm, then an offer."""

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from services.booking.api.waiting import WishIn
from services.booking.commands import WishRequest
from services.booking.commands.waiting import WishNotPossible
from services.booking.domain.appointment import Appointment, Wish
from services.booking.guard import ProofNeeded
from services.booking.reaching import addresses_of
from services.booking.web.citizen import booking as steps
from services.booking.web.citizen.front import Front
from services.booking.web.citizen.guiding import Guiding
from services.booking.web.citizen.journey import Journey, Values, text
from services.booking.web.citizen.steps import show_contact
from services.booking.web.citizen.typed import Typed


def router(front: Front) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=Guiding.over(front))

    @routes.post("/book/wait")
    async def wait(request: Request) -> Response:
        """On the list, and the message that asks to confirm goes out. Sent twice it is one entry."""
        values, journey, typed = await steps.read(request)
        journey = steps.complete(front, journey)
        if faults := typed.faults(countries=front.booking.sms_countries):
            return show_contact(front, journey, typed, faults)
        try:
            entry = await _enter(front, request, values, journey, typed)
        except ProofNeeded as error:
            return steps.show_proof(front, journey, typed, values, error, path="/book/wait")
        if entry.status not in ("held", "requested"):
            return steps.went_on(front, entry, journey, typed)
        given = typed.contact(journey.lang)
        if not steps.is_known(front, entry, given):
            front.guard.contact(request, addresses=addresses_of(given), helper=None)
        return steps.show_sent(front, journey, typed, await front.booking.request(entry.id, given))

    return routes


def wish_of(values: Values) -> Wish:
    """From tomorrow, or `first`, to `last`. Raises WishNotPossible."""
    wanted = {
        "first": text(values, "first"),
        "last": text(values, "last"),
        "day_part": text(values, "part") or "any",
    }
    try:
        return WishIn.model_validate(wanted).wish()
    except ValidationError:
        raise WishNotPossible from None


async def _enter(front: Front, request: Request, values: Values, journey: Journey, typed: Typed) -> Appointment:
    wish = wish_of(values)
    key = f"page|{steps.key_of(values)}|{wish.first}|{wish.last}|{wish.day_part}"
    channel = "web"
    if not await steps.is_repeat(front, f"wish|{key}"):
        channel = await front.guard.hold(
            request,
            office=journey.office,
            proof=text(values, "proof")[:4000] or journey.entry or None,
            helper=None,
            idempotency_key=f"wish|{key}",
        )
    wanted = WishRequest(
        channel=channel,
        office=journey.office,
        service=journey.service,
        further_services=journey.more,
        family_name=typed.name,
        members=journey.members,
        wish=wish,
        preconditions=journey.answers,
        invitation=journey.invitation or None,
        access_needs=tuple(sorted(typed.needs)),
    )
    return await front.waiting_list.enter(wanted, idempotency_key=key)
