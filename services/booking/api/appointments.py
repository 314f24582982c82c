"""Hold, request, confirm, reschedule, cancel, look."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Header, Request, Response

from services.booking.api.afterwards import until_done
from services.booking.api.own import AppointmentId, owner
from services.booking.api.problems import responses, unknown_office
from services.booking.api.schemas import (
    AppointmentIn,
    AppointmentOut,
    ConfirmIn,
    ContactIn,
    HeldOut,
    HelperSecret,
    IdempotencyKey,
    LanguageIn,
    LinksIn,
    MembersIn,
    NameIn,
    Proof,
    RemindersIn,
    RescheduleIn,
    SmsIn,
    WantedOut,
    appointment_out,
    members_of,
    wanted_out,
)
from services.booking.calendar import calendar_entry
from services.booking.commands import Booking, Day, Held, HoldRequest
from services.booking.guard import Guard
from services.booking.people import GivenContact
from services.booking.reaching import addresses_of
from services.booking.tokens import Keys
from shared.phones import any_number


def router(booking: Booking, day: Day, guard: Guard) -> APIRouter:  # noqa: C901 (a list of routes, not a decision)
    routes = APIRouter(prefix="/v1", tags=["appointments"])

    Own = Annotated[str, Depends(owner(booking.keys))]  # noqa: N806 (a type)

    @routes.post("/appointments", status_code=201, summary="Hold a time",
                 responses=responses(401, 403, 404, 409, 429))  # fmt: skip
    async def hold(
        request: Request,
        wanted: AppointmentIn,
        idempotency_key: Annotated[IdempotencyKey, Header(description="New for every booking, same to repeat")],
        proof: Proof = None,
        helper: HelperSecret = None,
    ) -> HeldOut:
        if wanted.office not in booking.offices:
            raise unknown_office(wanted.office)
        channel = await guard.hold(
            request, office=wanted.office, proof=proof, helper=helper, idempotency_key=idempotency_key
        )
        held = await booking.hold(_hold_request(wanted, channel), idempotency_key=idempotency_key)
        return _held_out(held, booking.keys)

    @routes.put("/appointments/{id}/contact", summary="Say how to reach you; a message asks you to confirm",
                responses=responses(401, 404, 409, 410, 429))  # fmt: skip
    async def put_contact(
        request: Request, id: Own, contact: ContactIn, helper: HelperSecret = None
    ) -> AppointmentOut:
        given = GivenContact(**contact.model_dump())
        guard.contact(request, addresses=addresses_of(given), helper=helper)
        return appointment_out(await booking.request(id, given))

    @routes.post("/appointments/{id}/confirm", summary="Confirm by the message's secret or code",
                 responses=responses(403, 404, 409, 410, 429))  # fmt: skip
    async def confirm(id: AppointmentId, given: ConfirmIn) -> AppointmentOut:
        return appointment_out(await booking.confirm(str(id), given.secret, instead=given.instead))

    @routes.post("/appointments/{id}/extend", summary="Hold the time as long again, once",
                 responses=responses(401, 404, 409, 410))  # fmt: skip
    async def extend(id: Own) -> AppointmentOut:
        return appointment_out(await booking.extend(id))

    @routes.post("/appointments/{id}/reschedule", summary="Move to another time",
                 responses=responses(401, 404, 409, 410))  # fmt: skip
    async def reschedule(id: Own, wanted: RescheduleIn) -> AppointmentOut:
        return appointment_out(await booking.reschedule(id, wanted.starts_at))

    @routes.post("/appointments/{id}/cancel", summary="Cancel", responses=responses(401, 404, 409, 410))
    async def cancel(id: Own) -> AppointmentOut:
        return appointment_out(await booking.cancel(id))

    @routes.post("/appointments/{id}/restore", summary="Take the cancellation back while its time is still yours",
                 responses=responses(401, 404, 409, 410))  # fmt: skip
    async def restore(id: Own) -> AppointmentOut:
        return appointment_out(await booking.restore(id))

    @routes.put("/appointments/{id}/members", summary="Somebody joins or leaves",
                responses=responses(401, 404, 409, 410))  # fmt: skip
    async def put_members(id: Own, wanted: MembersIn) -> AppointmentOut:
        return appointment_out(await booking.resize(id, members_of(wanted.members)))

    @routes.post("/appointments/{id}/check-in", summary="I am here, on the day of the visit",
                 responses=responses(401, 404, 409, 410))  # fmt: skip
    async def check_in(id: Own) -> AppointmentOut:
        return appointment_out(await day.check_in(id))

    @routes.put("/appointments/{id}/name", summary="Put the name right: two letters, the order, a name added",
                responses=responses(401, 403, 404, 409, 410))  # fmt: skip
    async def put_name(id: Own, given: NameIn) -> AppointmentOut:
        corrected = await booking.correct_name(id, given.family_name, given_name=given.given_name)
        return appointment_out(corrected)

    @routes.put("/appointments/{id}/sms", summary="SMS are wanted, or not any more",
                responses=responses(401, 404, 409, 410, 429))  # fmt: skip
    async def put_sms(request: Request, id: Own, given: SmsIn) -> WantedOut:
        if given.wanted and given.phone:
            guard.contact(request, addresses=[given.phone], helper=None)
        return wanted_out(await booking.want_sms(id, wanted=given.wanted, phone=given.phone))

    @routes.put("/appointments/{id}/reminders", summary="Reminders are wanted, or not any more",
                responses=responses(401, 404, 409, 410))  # fmt: skip
    async def put_reminders(id: Own, given: RemindersIn) -> WantedOut:
        return wanted_out(await booking.want_reminders(id, wanted=given.wanted))

    @routes.put("/appointments/{id}/language", summary="Messages come in this language from now on",
                responses=responses(401, 404, 409, 410))  # fmt: skip
    async def put_language(id: Own, given: LanguageIn) -> AppointmentOut:
        return appointment_out(await booking.want_language(id, given.language))

    @routes.get("/appointments/{id}", summary="The appointment as it is now", responses=responses(401, 404))
    async def get(id: Own) -> AppointmentOut:
        return appointment_out(await booking.appointments.get(id))

    @routes.get("/appointments/{id}/calendar.ics", summary="The appointment for a calendar",
                response_class=Response,
                responses={200: {"content": {"text/calendar": {}}}, **responses(401, 404)})  # fmt: skip
    async def get_calendar(id: Own) -> Response:
        appointment = await booking.appointments.get(id)
        entry = calendar_entry(appointment, booking.offices[appointment.office], now=booking.clock.now())
        return Response(entry, media_type="text/calendar; charset=utf-8")

    @routes.post("/links", status_code=202, summary="Send the links of my appointments to my address or number",
                 responses=responses(429))  # fmt: skip
    async def send_links(request: Request, wanted: LinksIn, background: BackgroundTasks) -> dict[str, str]:
        guard.links(request, to=wanted.email or any_number(wanted.phone) or str(wanted.phone))

        async def send() -> None:
            await booking.send_links(email=wanted.email, phone=wanted.phone)

        # After the answer, so that its time does not tell whether the address is known.
        background.add_task(until_done, send, what="links")
        return {"status": "accepted"}

    return routes


def _hold_request(wanted: AppointmentIn, channel: str) -> HoldRequest:
    return HoldRequest(
        channel=channel,
        office=wanted.office,
        service=wanted.service,
        starts_at=wanted.starts_at,
        family_name=wanted.family_name,
        members=members_of(wanted.members),
        further_services=wanted.further_services,
        preconditions=wanted.preconditions,
        invitation=wanted.invitation,
        access_needs=tuple(sorted(set(wanted.access_needs))),
    )


def _held_out(held: Held, keys: Keys) -> HeldOut:
    return HeldOut(
        id=held.appointment.id,
        code=held.appointment.code,
        token=keys.secret("token", held.appointment.id),
        status="held",
        starts_at=held.starts_at,
        ends_at=held.ends_at,
        expires_at=held.expires_at,
    )
