"""The anticipated errors of the staff's routes and their answers."""

import math
from datetime import timedelta
from typing import Any

from fastapi import FastAPI, Request, Response

from services.booking import commands, offices, storage
from services.booking.api import signed_in
from services.booking.domain import actors, calls, passwords
from services.booking.staff import accounts, administration, attempts, audit, oidc, signin, single_sign_on
from services.booking.staff.passwords import TooBusy
from shared.http import problem_response
from shared.observability import get_logger

log = get_logger()

_TABLE: dict[type[Exception], tuple[int, str, str, str]] = {
    signed_in.NotSignedIn: (
        401, "not-signed-in", "Not signed in",
        "Sign in at /v1/staff/sessions and send its token as 'Authorization: Bearer …'."),
    signed_in.ForeignOrigin: (
        403, "foreign-origin", "This came from another site's page", "Send it from our page, or with a token."),
    signed_in.OtherOffice: (404, "not-here", "There is no such thing in your office", "Check the id."),
    signin.SignInRefused: (
        401, "sign-in-refused", "Login or password is not right",
        "Try again; whoever forgot the password gets a new link from an administrator."),
    signin.WrongPassword: (
        403, "wrong-password", "This is not the present password",
        "Try again; whoever forgot it gets a new link from an administrator."),
    signin.NoPassword: (
        409, "no-password", "This account has no password", "The identity provider signs it in: change it there."),
    accounts.LinkUsedUp: (
        410, "link-used-up", "This link is used up or too old", "An administrator can make a new one."),
    accounts.UnknownAccount: (
        404, "account-unknown", "There is no such account", "It may belong to another office or be disabled."),
    accounts.LoginTaken: (
        409, "login-taken", "Another account has this login",
        "Choose another one; an account with a password is not handed to the identity provider."),
    administration.OwnAccount: (
        409, "own-account", "Nobody changes their own rights", "Another administrator can do it."),
    administration.RolesFromProvider: (
        409, "roles-from-provider", "The identity provider says what this account may do", "Change it there."),
    actors.BadPlace: (
        422, "office-not-possible", "Only administrators belong to all offices",
        "Give an office, or the role 'admin'."),
    audit.BadCursor: (422, "cursor-unknown", "This is no page of the record", "Use `next` as it was given."),
    oidc.ProviderAway: (
        503, "identity-provider-away", "The identity provider does not answer",
        "Try again later; local accounts still work."),
    single_sign_on.NoRoleGranted: (
        403, "no-role", "You have no role here", "Whoever runs the identity provider can give one."),
    single_sign_on.ContradictoryGrants: (
        403, "several-offices", "Your roles belong to several offices", "An account works for one office."),
    storage.PauseRunning: (409, "pause-running", "Calling is paused already", "Nothing to do."),
    storage.AlreadyBooked: (
        409, "booked-already", "This person has an appointment for this service",
        "Change that one; where this is somebody else of the same name and address, staff can say so."),
    commands.EndsAlready: (
        422, "ends-already", "This time is over", "Give a later `until`, or none for the rest of today."),
    calls.NoCall: (
        409, "no-call", "Nobody need be phoned here", "It changed, a message arrived, or it is done."),
    calls.TakenByAnother: (
        409, "taken-by-another", "A colleague phones this person", "Take the next one from the list."),
    commands.NoWayToWrite: (
        409, "no-way-to-write", "Nobody has said how to write to this person", "Phone, or hand out a slip."),
    storage.NoPause: (409, "no-pause", "There is no pause", "Nothing to do."),
}  # fmt: skip

_WEAK = {
    "too-short": f"It needs at least {passwords.SHORTEST} signs.",
    "too-long": f"It may have at most {passwords.LONGEST} signs.",
    "is-login": "It may not be the login.",
}


def add_handlers(app: FastAPI) -> None:
    for error in _TABLE:
        app.add_exception_handler(error, _tabled)
    app.add_exception_handler(commands.MessageNotPossible, _message_not_possible)
    app.add_exception_handler(storage.TooManyMessages, _too_many_messages)
    app.add_exception_handler(signed_in.NotAllowed, _not_allowed)
    app.add_exception_handler(offices.BrokenOffice, _broken_office)
    app.add_exception_handler(administration.NoSuchOffice, _no_such_office)
    app.add_exception_handler(passwords.WeakPassword, _weak)
    app.add_exception_handler(attempts.Paused, _paused)
    app.add_exception_handler(TooBusy, _too_busy)
    app.add_exception_handler(oidc.NotGenuine, _not_genuine)


def _answer(
    status: int, type: str, title: str, detail: str, *, wait: timedelta | None = None, **extra: Any
) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait.total_seconds())))
    body = {"type": type, "title": title, "status": status, "detail": detail, **extra}
    return problem_response(status, body, headers)


async def _tabled(_: Request, error: Exception) -> Response:
    return _answer(*_TABLE[type(error)])


async def _not_allowed(_: Request, error: Exception) -> Response:
    assert isinstance(error, signed_in.NotAllowed)
    detail = f"Your roles do not include the right {error.permission!r}."
    return _answer(403, "not-allowed", "You may not do this", detail, needs=error.permission)


async def _message_not_possible(_: Request, error: Exception) -> Response:
    assert isinstance(error, commands.MessageNotPossible)
    possible = list(error.possible)
    detail = f"By its newest state this can be sent: {', '.join(possible) or 'nothing'}."
    return _answer(409, "message-not-possible", "This is not so any more", detail, possible=possible)


async def _too_many_messages(_: Request, error: Exception) -> Response:
    assert isinstance(error, storage.TooManyMessages)
    detail = "So many were sent again within a day. Please phone."
    return _answer(429, "too-many-messages", "No more messages today", detail, wait=error.again_after)


async def _broken_office(_: Request, error: Exception) -> Response:
    faults = str(error).splitlines()
    return _answer(422, "office-broken", "The office's data contradict themselves", faults[0], faults=faults)


async def _no_such_office(_: Request, error: Exception) -> Response:
    assert isinstance(error, administration.NoSuchOffice)
    return _answer(422, "office-unknown", "There is no such office", f"No office {error.office!r:.80} here.")


async def _weak(_: Request, error: Exception) -> Response:
    assert isinstance(error, passwords.WeakPassword)
    return _answer(422, "weak-password", "This password cannot be used", _WEAK[error.reason], reason=error.reason)


async def _paused(_: Request, error: Exception) -> Response:
    assert isinstance(error, attempts.Paused)
    detail = "Too many wrong attempts. Wait as long as Retry-After says, or ask an administrator for a new link."
    return _answer(429, "sign-in-paused", "Please wait before the next attempt", detail, wait=error.wait)


async def _too_busy(_: Request, __: Exception) -> Response:
    wait = timedelta(seconds=5)
    return _answer(503, "busy", "Too many sign in at this moment", "Try again in a few seconds.", wait=wait)


async def _not_genuine(_: Request, error: Exception) -> Response:
    assert isinstance(error, oidc.NotGenuine)
    log.warning("oidc_sign_in_refused", reason=error.reason)
    detail = "Begin again at /v1/staff/oidc/login, in the same browser and within ten minutes."
    return _answer(401, "oidc-refused", "The sign-in could not be completed", detail)
