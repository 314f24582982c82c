"""Whether people were reached: what became of messages, whom to phone instead, and messages once more."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import partial

from services.booking.commands.booking import Booking
from services.booking.domain import calls as domain
from services.booking.domain.actors import Actor
from services.booking.domain.appointment import Appointment, Call, is_reachable
from services.booking.domain.day import Span
from services.booking.domain.messages import MOST_A_DAY, sendable
from services.booking.storage import Calls, ChangedMeanwhile, Messages, NotFound
from shared.contracts import NotificationSent, NotificationUndeliverable
from shared.contracts.notifications import NotificationEvent

_TRIES = 5
_MOST_CALLS = 500


class MessageNotPossible(Exception):
    """The appointment's newest state asks for no such message; `possible` are those that it does."""

    def __init__(self, possible: tuple[str, ...]) -> None:
        super().__init__(possible)
        self.possible = possible


class NoWayToWrite(Exception):
    """Nobody has said how to write to this person."""


@dataclass(slots=True)
class Reaching:
    booking: Booking
    messages: Messages
    calls: Calls

    async def heard(self, event: NotificationEvent) -> None:
        """What became of a message; twice changes nothing."""
        message = event.data
        async with self.booking.turns.of(("messages", message.appointment)):
            if await self.messages.knows(event):
                return
            if message.purpose in domain.CALLED_ABOUT:
                await self._adjust_call(event)
            await self.messages.keep(event)

    async def _adjust_call(self, event: NotificationEvent) -> None:
        message = event.data
        match event:
            case NotificationSent():
                await self.calls.arrived(
                    message.appointment, purpose=message.purpose, created_at=message.created_at
                )
            case NotificationUndeliverable():
                decide = partial(domain.undeliverable, purpose=message.purpose, created_at=message.created_at)
                with suppress(NotFound):
                    await self._change(message.appointment, lambda one, now: decide(one, now=now))

    async def take(self, id: str, *, by: Actor) -> Appointment:
        """ "I phone": of two who say so one wins. Raises NoCall, TakenByAnother."""
        return await self._change(id, lambda one, now: domain.take(one, by=by, now=now))

    async def not_reached(self, id: str, *, by: Actor) -> Appointment:
        return await self._change(id, lambda one, now: domain.not_reached(one, by=by, now=now))

    async def done(self, id: str, *, by: Actor) -> Appointment:
        return await self._change(id, lambda one, now: domain.done(one, by=by, now=now))

    async def undo(self, id: str, *, by: Actor) -> Appointment:
        """Raises NoCall, NothingToUndo."""
        return await self._change(id, lambda one, now: domain.undo(one, by=by, day=self.day(one, now)))

    async def list(self, office: str | None) -> list[Appointment]:
        """Whom to phone, who comes first first; also who was phoned today, so that it can be undone."""
        now = self.booking.clock.now()
        due = await self.calls.due(office, now=now, most=_MOST_CALLS)
        return [one for one in due if one.call and (not one.call.done or self._is_of_today(one, one.call, now))]

    def day(self, appointment: Appointment, now: datetime) -> Span:
        """The office's present local day."""
        zone = self.booking.offices[appointment.office].zone
        today = now.astimezone(zone).date()
        start, end = (datetime.combine(today + timedelta(days=days), time(), zone) for days in (0, 1))
        return start, end

    async def request(self, id: str, purpose: str, *, idempotency_key: str, by: Actor) -> None:
        """Sends a message once more. Raises NoWayToWrite, MessageNotPossible, TooManyMessages."""
        key = self.booking.keys.digest(f"message|{idempotency_key}|{purpose}")
        for _ in range(_TRIES):
            appointment, now = await self.booking.appointments.get(id), self.booking.clock.now()
            if not is_reachable(appointment.contact):
                raise NoWayToWrite
            possible = self.possible(appointment)
            if purpose not in possible:
                raise MessageNotPossible(possible)
            try:
                await self.messages.request(appointment, purpose, key=key, by=by, now=now, most=MOST_A_DAY)
            except ChangedMeanwhile:
                continue
            return
        raise ChangedMeanwhile

    def possible(self, appointment: Appointment) -> tuple[str, ...]:
        """Which messages can be sent once more."""
        if not is_reachable(appointment.contact):
            return ()
        return sendable(appointment, now=self.booking.clock.now())

    def _is_of_today(self, appointment: Appointment, call: Call, now: datetime) -> bool:
        start, end = self.day(appointment, now)
        return start <= call.acts[-1].at < end

    async def _change(self, id: str, decide: Callable[[Appointment, datetime], Call | None]) -> Appointment:
        for _ in range(_TRIES):
            appointment = await self.booking.appointments.get(id)
            call = decide(appointment, self.booking.clock.now())
            if call is None or call == appointment.call or await self.calls.put(appointment, call):
                return replace(appointment, call=call or appointment.call)
        raise ChangedMeanwhile
