"""The day itself: check-in, call, service, no-show, and taking the last action back.

`day` is the office's local day as aware `[start, end)`. `at` is when something really happened: after a day
without network it is entered later, but always on the same day. Each function returns the `Change`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from services.booking.domain.actors import CITIZEN, Actor
from services.booking.domain.appointment import Appointment, Change, Moment, Status
from shared.contracts import (
    AppointmentCalled,
    AppointmentCheckedIn,
    AppointmentCompleted,
    AppointmentNoShow,
    AppointmentStarted,
    AppointmentUndone,
    Event,
)

Span = tuple[datetime, datetime]
LateRule = Literal["serve", "append", "rebook"]
_OF_THE_DAY: frozenset[Status] = frozenset({"checked_in", "called", "in_service", "completed", "no_show"})


class NotThisDay(Exception):
    """The appointment, or what is entered, does not belong to the office's present day."""


class TooLate(Exception):
    """By the office's rule whoever comes so late books again; staff may decide otherwise."""

    def __init__(self, minutes: int) -> None:
        super().__init__(minutes)
        self.minutes = minutes


class CalledByAnother(Exception):
    """A colleague has called this person already."""


class CallsMissing(Exception):
    """A person counts as absent only after so many calls."""

    def __init__(self, calls: int, needed: int) -> None:
        super().__init__(calls, needed)
        self.calls = calls
        self.needed = needed


class NothingToUndo(Exception):
    """Nothing was done today that could be taken back."""


class Paused(Exception):
    """Calling is paused."""


@dataclass(frozen=True, slots=True)
class DayRules:
    """`late_after` is how much later than its start a visit may begin; `calls` how often a person is called."""

    late_after: timedelta
    late: LateRule
    calls: int


def check_in(
    appointment: Appointment,
    *,
    at: datetime,
    now: datetime,
    day: Span,
    rules: DayRules,
    late: LateRule | None = None,
    by: Actor = CITIZEN,
) -> Change:
    """The person is there. Whoever is late is served in turn, goes to the end, or is asked to book again."""
    appointment.require("confirmed")
    _require_this_day(appointment, at=at, now=now, day=day)
    rule = (late or rules.late) if at > appointment.starts_at + rules.late_after else "serve"
    if rule == "rebook":
        raise TooLate(int((at - appointment.starts_at).total_seconds()) // 60)
    queue_at = at if rule == "append" else appointment.starts_at
    return _act(appointment, AppointmentCheckedIn, "checked_in", by, at=at, now=now, queue_at=queue_at)


def call(
    appointment: Appointment,
    *,
    at: datetime,
    now: datetime,
    day: Span,
    by: Actor,
    lane: str,
    paused: Sequence[Span] = (),
) -> Change:
    """To the desk `lane`, where the caller sits. Two who call the same person: the database lets one win."""
    appointment.require("checked_in", "called")
    _require_this_day(appointment, at=at, now=now, day=day)
    if any(start <= at < end for start, end in paused):
        raise Paused
    if appointment.status == "called" and appointment.called_by != by.id:
        raise CalledByAnother
    waited = _minutes(_step_at(appointment, "checked_in"), at, paused) if appointment.calls == 0 else None
    return _act(
        appointment,
        AppointmentCalled,
        "called",
        by,
        at=at,
        now=now,
        calls=appointment.calls + 1,
        called_by=by.id,
        called_to=lane,
        waiting_minutes=appointment.waiting_minutes if waited is None else waited,
    )


def start(appointment: Appointment, *, at: datetime, now: datetime, day: Span, by: Actor) -> Change:
    """The person sits down."""
    appointment.require("called")
    _require_this_day(appointment, at=at, now=now, day=day)
    if appointment.called_by != by.id:
        raise CalledByAnother
    return _act(appointment, AppointmentStarted, "in_service", by, at=at, now=now)


def complete(
    appointment: Appointment, *, at: datetime, now: datetime, day: Span, by: Actor, paused: Sequence[Span] = ()
) -> Change:
    appointment.require("in_service")
    _require_this_day(appointment, at=at, now=now, day=day)
    handled = _minutes(_step_at(appointment, "in_service"), at, paused)
    return _act(
        appointment, AppointmentCompleted, "completed", by, at=at, now=now, handling_minutes=handled, active=()
    )


def no_show(
    appointment: Appointment, *, at: datetime, now: datetime, day: Span, rules: DayRules, by: Actor
) -> Change:
    """Not there when the time was over, or there and did not come after so many calls."""
    appointment.require("confirmed", "called")
    _require_this_day(appointment, at=at, now=now, day=day)
    if appointment.status == "called" and appointment.calls < rules.calls:
        raise CallsMissing(appointment.calls, rules.calls)
    if appointment.status == "confirmed" and at < appointment.starts_at + rules.late_after:
        raise CallsMissing(0, rules.calls)
    return _act(appointment, AppointmentNoShow, "no_show", by, at=at, now=now, active=())


def undo(appointment: Appointment, *, now: datetime, day: Span, by: Actor) -> Change:
    """The state before the day's last action, its step taken out; again for the one before.

    Who was cancelled meanwhile has no time any more that could be given back.
    """
    if appointment.status not in _OF_THE_DAY:
        raise NothingToUndo
    if not appointment.past or not day[0] <= now < day[1] or not day[0] <= appointment.steps[-1].at < day[1]:
        raise NothingToUndo
    last = appointment.past[-1]
    return appointment.changed(
        AppointmentUndone,
        "undone",
        now,
        by=by,
        steps=appointment.steps[: last.steps],
        status=last.status,
        calls=last.calls,
        called_by=last.called_by,
        called_to=last.called_to,
        queue_at=last.queue_at,
        waiting_minutes=last.waiting_minutes,
        handling_minutes=last.handling_minutes,
        active=last.active,
        past=appointment.past[:-1],
    )


def _act(
    appointment: Appointment,
    event: type[Event],
    status: Status,
    by: Actor,
    *,
    at: datetime,
    now: datetime,
    **values: Any,
) -> Change:
    before = Moment(
        status=appointment.status,
        steps=len(appointment.steps),
        calls=appointment.calls,
        called_by=appointment.called_by,
        called_to=appointment.called_to,
        queue_at=appointment.queue_at,
        waiting_minutes=appointment.waiting_minutes,
        handling_minutes=appointment.handling_minutes,
        active=appointment.active,
    )
    past = (*appointment.past, before)
    # Whoever is there, or was awaited in vain, need not be phoned any more.
    values |= {"status": status, "past": past, "call": None}
    return appointment.changed(event, status, now, at=at, by=by, **values)


def _require_this_day(appointment: Appointment, *, at: datetime, now: datetime, day: Span) -> None:
    """On its own day only, not in the future, and not before what has happened already."""
    start, end = day
    if not (start <= appointment.starts_at < end and start <= now < end and start <= at <= now):
        raise NotThisDay
    if appointment.past and at < appointment.steps[-1].at:
        raise NotThisDay


def _step_at(appointment: Appointment, step: str) -> datetime:
    return next(s.at for s in reversed(appointment.steps) if s.step == step)


def _minutes(start: datetime, end: datetime, paused: Sequence[Span]) -> int:
    """Whole minutes from `start` to `end` without the pauses between."""
    spans = ((max(start, a), min(end, b)) for a, b in paused)
    rest = sum((b - a for a, b in spans if a < b), timedelta())
    return max(0, int((end - start - rest).total_seconds()) // 60)
