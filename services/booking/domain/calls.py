"""The call list: whom no message reaches in time, and what staff do about it.

Acting on a call changes nothing of the appointment, so it is no version and nobody is told. No input or output.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.booking.domain.actors import Actor
from services.booking.domain.appointment import Appointment, Call, CallAct, Status
from services.booking.domain.appointment.calls import Action
from services.booking.domain.day import NothingToUndo, Span
from shared.contracts import Step

# Whoever said "I phone" and did nothing gives way after that.
_TAKEN_FOR = timedelta(minutes=30)

# What a person must hear of, by the steps that make it true and the statuses in which it still is.
_STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "confirmation": ("confirmed", "restored"),
    "rescheduled": ("rescheduled",),
    "changed": ("rescheduled", "reassigned", "resized"),
    "office_cancellation": ("office_cancelled",),
    "offer": ("offered",),
}
_STATUSES: Final[Mapping[str, frozenset[Status]]] = {
    "confirmation": frozenset({"confirmed"}),
    "rescheduled": frozenset({"confirmed"}),
    "changed": frozenset({"confirmed"}),
    "office_cancellation": frozenset({"office_cancelled"}),
    "offer": frozenset({"waiting", "confirmed"}),
}
CALLED_ABOUT = frozenset(_STEPS)


class NoCall(Exception):
    """Nobody need be phoned about this appointment, or not any more."""


class TakenByAnother(Exception):
    """A colleague phones this person."""


def undeliverable(appointment: Appointment, *, purpose: str, created_at: datetime, now: datetime) -> Call | None:
    """The call that takes the place of a message that cannot arrive; None where nothing changes.

    `created_at` is when the message was asked for: one about an older state needs no call.
    """
    step = _true_since(appointment, purpose, now)
    if step is None or step.at > created_at:
        return None
    known = appointment.call
    if known is None or known.purpose != purpose or known.since < step.at:
        return Call(purpose, "undeliverable", since=step.at, due_at=now)
    if known.acts or known.due_at <= now:
        return None
    return replace(known, why="undeliverable", due_at=now)


def _true_since(appointment: Appointment, purpose: str, now: datetime) -> Step | None:
    """The step since which it is so; None where it is so no more, or the person did it."""
    if appointment.status not in _STATUSES.get(purpose, ()) or appointment.ends_at <= now:
        return None
    if purpose == "offer" and appointment.offer is None:
        return None
    step = next((s for s in reversed(appointment.steps) if s.step in _STEPS[purpose]), None)
    own = step is not None and step.by == "citizen" and purpose in ("rescheduled", "changed")
    return None if own else step


def take(appointment: Appointment, *, by: Actor, now: datetime) -> Call:
    """ "I phone". Twice changes nothing; raises NoCall, TakenByAnother."""
    call = _open(appointment, by=by, now=now)
    return call if taken_by(call, now=now) == by.id else _with(call, "taken", by=by, now=now)


def not_reached(appointment: Appointment, *, by: Actor, now: datetime) -> Call:
    """Nobody answered: whoever likes tries again. Raises NoCall, TakenByAnother."""
    return _with(_open(appointment, by=by, now=now), "not_reached", by=by, now=now)


def done(appointment: Appointment, *, by: Actor, now: datetime) -> Call:
    """The person knows. Raises NoCall, TakenByAnother."""
    return _with(_open(appointment, by=by, now=now), "done", by=by, now=now)


def undo(appointment: Appointment, *, by: Actor, day: Span) -> Call:
    """Takes back one's own last action of the day. Raises NoCall, NothingToUndo."""
    call = appointment.call
    if call is None:
        raise NoCall
    if not can_undo(call, by=by, day=day):
        raise NothingToUndo
    return replace(call, acts=call.acts[:-1])


def can_undo(call: Call, *, by: Actor, day: Span) -> bool:
    return bool(call.acts) and call.acts[-1].by == by.id and day[0] <= call.acts[-1].at < day[1]


def taken_by(call: Call, *, now: datetime) -> str | None:
    """Who phones just now."""
    last = call.acts[-1] if call.acts else None
    if last is None or last.action != "taken" or now >= last.at + _TAKEN_FOR:
        return None
    return last.by


def _open(appointment: Appointment, *, by: Actor, now: datetime) -> Call:
    call = appointment.call
    if call is None or call.done or call.due_at > now or appointment.ends_at <= now:
        raise NoCall
    if taken_by(call, now=now) not in (None, by.id):
        raise TakenByAnother
    return call


def _with(call: Call, action: Action, *, by: Actor, now: datetime) -> Call:
    assert by.id is not None
    return replace(call, acts=(*call.acts, CallAct(action, now, by.id)))
