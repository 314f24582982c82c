"""Every anticipated error and its answer: status, stable type, title, and what to do."""

from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field

from services.booking import commands, erasing, guard, memory, people, reaching, storage
from services.booking.api import guard_problems
from services.booking.domain import appointment, day, office, visits, waiting
from shared import sealing
from shared.http import Problem, problem_response

_TABLE: dict[type[Exception], tuple[int, str, str, str]] = {
    storage.SlotTaken: (
        409, "slot-taken", "This time is taken", "Please choose another time from the availability."),
    storage.NotFound: (404, "appointment-unknown", "There is no such appointment", "Check the link or the id."),
    storage.ChangedMeanwhile: (
        409, "changed-meanwhile", "Somebody else has changed this meanwhile", "Load it and try again."),
    memory.NotLoaded: (503, "starting", "The service is starting", "Please try again in a few seconds."),
    commands.KeyReused: (
        422, "idempotency-key-reused", "This Idempotency-Key belongs to another request",
        "Use a new key for every new booking, and the same key only to repeat one."),
    commands.WrongSecret: (
        403, "wrong-secret", "The link or code is not right", "Use the newest message, or ask for a new link."),
    storage.UnknownInvitation: (
        403, "invitation-unknown", "The invitation is not valid",
        "It may have expired, or it is for another service or name. Please ask the office for a new one."),
    storage.InvitationUsed: (
        409, "invitation-used", "This invitation has its appointment already",
        "Use the link in the message about that appointment, or ask the office for a new invitation."),
    commands.NotByInvitation: (
        422, "not-by-invitation", "This service needs no invitation",
        "It can be booked freely, or without a time."),
    commands.OverAlready: (
        422, "over-already", "This invitation would be over already", "Give a time that lies ahead."),
    commands.NameChanged: (
        403, "name-needs-office", "This is more than a small correction",
        "Two letters, the order or an added name can be put right here; for more please phone the office."),
    commands.WishNotPossible: (
        422, "wish-not-possible", "No time of this wish could be offered",
        "Choose a last day that is at least some working days ahead, and not before the first day."),
    waiting.NoOffer: (
        409, "no-offer", "There is no such offer",
        "It has run out or was answered; the next one comes by message."),
    waiting.NotWaiting: (409, "not-waiting", "This appointment waits for no other time", "Nothing to do."),
    commands.CodeUsedUp: (
        429, "code-used-up", "Too many wrong codes", "The link in the message still works."),
    erasing.ErasureCancels: (
        409, "erasure-cancels", "Erasing the data cancels the booking",
        "The visit lies ahead, and nobody can be expected without a name. Add cancel=true to cancel and erase."),
    sealing.Unsealable: (
        503, "person-unreadable", "The person's data cannot be read",
        "A key is missing in the settings of the service. Please tell those who run it."),
    people.Erased: (
        410, "erased", "The person's data were erased", "Nothing is stored about a person any more."),
    day.NotThisDay: (
        409, "not-this-day", "This does not belong to today",
        "Only today's appointments are served, and only what has happened today is entered."),
    day.CalledByAnother: (
        409, "called-by-another", "A colleague has called this person", "Take the next one from the list."),
    day.NothingToUndo: (
        409, "nothing-to-undo", "There is nothing to take back",
        "Nothing was done today, or a colleague has done something since: load the list again."),
    day.Paused: (409, "paused", "Calling is paused", "End the pause first."),
    guard.UnknownHelper: (
        401, "helper-unknown", "No such helper is registered here",
        "Check the header Helper, or leave it out to book as anybody does."),
    appointment.Expired: (
        410, "expired", "The time to confirm is over", "The time was released. Please book again."),
    appointment.AlreadyOver: (
        409, "already-over", "The appointment has begun", "Please contact the office."),
    appointment.NothingToRestore: (
        409, "nothing-to-restore", "The time has been given away", "Please book again."),
    appointment.TooManyContacts: (
        409, "too-many-contacts", "The contact was changed too often", "Please book again."),
}  # fmt: skip

_NO_SMS: dict[str, str] = {
    "not_a_number": "This is no complete phone number.",
    "not_mobile": "SMS cannot reach this number: it is no mobile one.",
    "country_not_allowed": "SMS are not sent to numbers of this country.",
    "no_number": "SMS need a mobile number.",
    "no_consent": "Without a mail address the code to confirm comes by SMS, which needs your consent.",
    "off": "This office sends no SMS.",
}
_INSTEAD: dict[str, str] = {
    "no_consent": "Say sms_consent=true, or give a mail address and keep the number for calls only.",
    "off": "Please give a mail address; the number is kept for calls.",
}

_STARTS: dict[str, str] = {
    "in-the-past": "This time is over.",
    "too-early": "This day can no longer be booked online.",
    "beyond-horizon": "This day cannot be booked yet.",
    "off-grid": "Visits do not begin at this minute.",
    "outside-hours": "The office is not open then, or not long enough.",
    "desk-closed": "This desk is not open then, or not long enough; another one may be.",
    "not-released": "This time is not open for online booking, or not yet.",
}

# Told by municipality alone: postal codes cross the borders of districts.
ELSEWHERE = {
    "de": "Dieser Wohnort liegt nicht in unserem Landkreis. Zuständig ist die Ausländerbehörde Ihres Wohnorts: "
    "Fragen Sie dort im Rathaus oder Landratsamt, oder rufen Sie die Behördennummer 115 an.",
    "en": "This home is not in our district. The immigration office of the place where you live is responsible: "
    "ask its town hall or district office, or call the public service number 115.",
}


class ProblemBody(BaseModel):
    """RFC 9457."""

    type: str = Field(description="Stable name of the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What is wrong here, and what to do.")


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for its OpenAPI."""
    content = {"application/problem+json": {"schema": ProblemBody.model_json_schema()}}
    problem = {"description": "Problem", "content": content}
    later = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return {
        code: {**problem, "headers": later} if code in (429, 503) else problem
        for code in (*codes, 408, 413, 422, 503)
    }


def add_handlers(app: FastAPI) -> None:
    for error in _TABLE:
        app.add_exception_handler(error, _tabled)
    app.add_exception_handler(day.TooLate, _too_late)
    app.add_exception_handler(day.CallsMissing, _calls_missing)
    app.add_exception_handler(appointment.WrongStatus, _wrong_status)
    app.add_exception_handler(commands.OutsideJurisdiction, _outside)
    app.add_exception_handler(commands.OnlinePaused, _online_paused)
    app.add_exception_handler(commands.BookedAlready, _booked_already)
    app.add_exception_handler(commands.NotOpenForBooking, _not_open)
    app.add_exception_handler(reaching.SmsNotPossible, _no_sms)
    guard_problems.add_handlers(app)
    app.add_exception_handler(office.UnbookableStart, _unbookable)
    app.add_exception_handler(office.UnknownService, _unknown_service)
    app.add_exception_handler(office.UnknownTeam, _unknown_team)
    app.add_exception_handler(office.UnknownLane, _unknown_lane)
    app.add_exception_handler(office.UnknownMunicipality, _elsewhere)
    app.add_exception_handler(visits.TooManyPersons, _too_many)
    app.add_exception_handler(visits.CombinationNotAllowed, _not_together)
    app.add_exception_handler(visits.PreconditionMissing, _unanswered)
    app.add_exception_handler(visits.PreconditionNotMet, _not_met)


def unknown_office(office: str) -> Problem:
    return Problem(404, "office-unknown", "There is no such office", f"No office {office!r:.80}; see /v1/offices.")


def unauthorized() -> Problem:
    return Problem(
        401,
        "unauthorized",
        "The token is missing or not right",
        "Send the token of the booking, or the secret of the link, as 'Authorization: Bearer …'.",
    )


def _answer(status: int, type: str, title: str, detail: str, **extra: Any) -> Response:
    return problem_response(status, {"type": type, "title": title, "status": status, "detail": detail, **extra})


async def _tabled(_: Request, error: Exception) -> Response:
    return _answer(*_TABLE[type(error)])


async def _wrong_status(_: Request, error: Exception) -> Response:
    assert isinstance(error, appointment.WrongStatus)
    detail = f"The appointment is {error.status}; this does not go with it."
    return _answer(409, "wrong-status", "Not possible any more or not yet", detail, current=error.status)


async def _no_sms(_: Request, error: Exception) -> Response:
    assert isinstance(error, reaching.SmsNotPossible)
    other = (
        "Please give a mail address or a mobile number; with a mail address this number is kept for calls only."
    )
    detail = f"{_NO_SMS[error.reason]} {_INSTEAD.get(error.reason, other)}"
    return _answer(422, "sms-not-possible", "SMS cannot be sent there", detail, reason=error.reason)


async def _outside(_: Request, error: Exception) -> Response:
    assert isinstance(error, commands.OutsideJurisdiction)
    names = ", ".join(sorted({r.authority.name for r in error.elsewhere}))
    places = ", ".join(sorted({r.municipality.name for r in error.elsewhere}))
    return _answer(
        422,
        "outside-jurisdiction",
        "Another authority is responsible",
        f"For {places} the responsible authority is: {names}.",
        authorities=[r.authority.model_dump(exclude_none=True) for r in error.elsewhere],
    )


async def _online_paused(_: Request, error: Exception) -> Response:
    assert isinstance(error, commands.OnlinePaused)
    notice = dict(error.notice)
    detail = notice.get("en") or notice.get("de") or "Please try again later, or phone the office."
    return _answer(409, "online-paused", "Booking online is paused", detail, notice=notice)


async def _booked_already(_: Request, error: Exception) -> Response:
    """Only whoever has the message's secret gets here, so nobody learns of somebody else's appointment."""
    assert isinstance(error, commands.BookedAlready)
    other = error.existing
    return _answer(
        409,
        "booked-already",
        "You have an appointment for this service",
        "Send `instead`: `keep` it and give this one up, `move` to this time, or `another_person`.",
        existing={
            "code": other.code,
            "starts_at": other.starts_at.isoformat(),
            "ends_at": other.ends_at.isoformat(),
        },
        choices=["keep", "move", "another_person"],
    )


async def _too_late(_: Request, error: Exception) -> Response:
    assert isinstance(error, day.TooLate)
    detail = (
        f"{error.minutes} minutes late: by the office's rule a new time is booked; staff may decide otherwise."
    )
    return _answer(409, "too-late", "Too late for this appointment", detail, minutes=error.minutes)


async def _calls_missing(_: Request, error: Exception) -> Response:
    assert isinstance(error, day.CallsMissing)
    detail = f"Called {error.calls} of {error.needed} times; or wait until the time to be late is over."
    return _answer(409, "calls-missing", "Not absent yet", detail, calls=error.calls, needed=error.needed)


async def _not_open(_: Request, error: Exception) -> Response:
    assert isinstance(error, commands.NotOpenForBooking)
    detail = "Please apply first; the office then invites you with a link of your own."
    return _answer(422, "not-open", "This service cannot be booked freely", detail, mode=error.mode)


async def _unbookable(_: Request, error: Exception) -> Response:
    assert isinstance(error, office.UnbookableStart)
    detail = f"{_STARTS[error.reason]} Please choose a time from the availability."
    return _answer(422, "start-not-bookable", "This time cannot be booked", detail, reason=error.reason)


async def _unknown_service(_: Request, error: Exception) -> Response:
    assert isinstance(error, office.UnknownService)
    return _answer(422, "service-unknown", "There is no such service", f"No service {error.service!r:.80} here.")


async def _unknown_team(_: Request, error: Exception) -> Response:
    assert isinstance(error, office.UnknownTeam)
    detail = f"No team {error.team!r:.80} here; the office's data name its teams."
    return _answer(422, "team-unknown", "There is no such team", detail)


async def _unknown_lane(_: Request, error: Exception) -> Response:
    assert isinstance(error, office.UnknownLane)
    where = f"of team {error.team!r:.80}" if error.team else "here"
    detail = f"No desk {error.lane!r:.80} {where}; the office's data name its lanes."
    return _answer(422, "lane-unknown", "There is no such desk", detail)


async def _elsewhere(_: Request, error: Exception) -> Response:
    assert isinstance(error, office.UnknownMunicipality)
    return _answer(
        422, "municipality-elsewhere", "Another district is responsible", ELSEWHERE["en"], advice=ELSEWHERE
    )


async def _too_many(_: Request, error: Exception) -> Response:
    assert isinstance(error, visits.TooManyPersons)
    detail = f"One visit takes 1 to {error.most} persons for this service. {error.advice.get('en', '')}".strip()
    return _answer(
        422, "persons-not-possible", "Not for so many persons", detail, most=error.most, advice=error.advice
    )


async def _not_together(_: Request, error: Exception) -> Response:
    assert isinstance(error, visits.CombinationNotAllowed)
    detail = f"{' and '.join(error.services)} do not go into one visit. Please book a visit for each."
    return _answer(422, "combination-not-possible", "Not in one visit", detail, services=error.services)


async def _unanswered(_: Request, error: Exception) -> Response:
    assert isinstance(error, visits.PreconditionMissing)
    detail = f"Please answer in 'preconditions', true or false: {', '.join(error.ids)}."
    asked = [{"id": p.id, "question": p.question} for p in error.preconditions]
    return _answer(422, "precondition-missing", "Questions have to be answered first", detail, preconditions=asked)


async def _not_met(_: Request, error: Exception) -> Response:
    assert isinstance(error, visits.PreconditionNotMet)
    detail = error.advice.get("en") or error.advice.get("de") or "The visit would be wasted now."
    return _answer(422, "precondition-not-met", "Not yet", detail, precondition=error.id, advice=error.advice)
