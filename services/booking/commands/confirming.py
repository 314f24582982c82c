"""Contact and confirmation: the message that asks, the proof of the address, and one appointment per person."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from services.booking.commands.core import Core, Decide
from services.booking.domain import appointment as appointments_domain
from services.booking.domain.appointment import Appointment, Change
from services.booking.people import Erased, GivenContact
from services.booking.reaching import by_citizen
from services.booking.storage import AlreadyBooked, ChangedMeanwhile, LinkBy
from shared.crashpoints import CrashPoint, crash_point

_CODE_TRIES = 5
_LINK_EVERY = timedelta(minutes=5)
_MOST_LINKS = 5

# What the citizen answers where the person has an appointment already.
Instead = Literal["keep", "move", "another_person"]


class WrongSecret(Exception):
    pass


class BookedAlready(Exception):
    """The person has an active appointment for this service: keep, move, or is it for another person?"""

    def __init__(self, existing: Appointment) -> None:
        super().__init__()
        self.existing = existing


class CodeUsedUp(Exception):
    """Too many wrong codes; the link in the mail still works."""


class Confirming(Core):
    """From the contact to the proven address."""

    __slots__ = ()

    async def request(self, id: str, given: GivenContact) -> Appointment:
        """Stores how to reach the person; the message that asks to confirm goes out. Raises SmsNotPossible."""
        given = by_citizen(given, countries=self.sms_countries)
        contact = self.people.details(given)

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if appointment.status == "requested" and appointment.contact == contact:
                return None
            known = await self.people.open(appointment)
            return appointment.request(
                contact,
                person=await self.people.seal(id, known.reached_by(given)),
                now=now,
                keep_until=now + self.keep_request,
                claims=self.claims(appointment.services, known.family_name, given),
            )

        return await self._change_recent(id, decide) or await self.change(id, decide)

    async def confirm(self, id: str, secret: str, *, instead: Instead | None = None) -> Appointment:
        """By the message's secret or its six digits; confirming twice changes nothing.

        Raises BookedAlready where the person has an active appointment for the same service; `instead` is the
        answer to that, from the one whose address is proven by the secret.
        """
        by_code = len(secret) == 6 and secret.isdigit()

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if not by_code and not self._opens(appointment, secret):
                raise WrongSecret
            if appointment.status in ("confirmed", "waiting"):
                return None
            return appointment.confirm(now=now, another_person=instead == "another_person")

        if by_code:
            await self._count_code(await self.appointments.get(id), secret)
        try:
            if instead is None and not by_code and (done := await self._change_recent(id, decide)):
                return done
            return await self.change(id, decide)
        except AlreadyBooked as error:
            return await self._settle_double(id, error.active, instead)

    async def _settle_double(self, id: str, claims: tuple[str, ...], instead: Instead | None) -> Appointment:
        new = await self.appointments.get(id)
        existing = await self.appointments.active(new.office, claims)
        if existing is None:
            raise ChangedMeanwhile
        if instead == "keep":
            await self.cancel(id)
            return existing
        if instead != "move":
            raise BookedAlready(existing)
        now = self.clock.now()
        cancelled = existing.cancel(now=now, release_at=self.cool_until(existing, now))
        done = await self.appointments.together([cancelled, new.confirm(now=now)])
        for appointment in done:
            self.memory.put(appointment)
        return done[1]

    async def message_settled(self, id: str, *, caused_by: str) -> None:
        """The message that asks to confirm was handed over, or cannot be: the time to confirm runs from now.

        Only the message of the newest contact counts (`caused_by` is its event). Repeats change nothing.
        """

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            if not appointment.awaits_message or appointment.requested_by != caused_by:
                return None
            minutes = self.offices[appointment.office].data.booking.confirm_minutes
            return appointment.confirmation_sent(now=now, expires_at=now + timedelta(minutes=minutes))

        await self.change(id, decide)

    async def send_links(self, *, email: str | None = None, phone: str | None = None) -> None:
        """Tells each confirmed appointment's link again: to the stored address, or the stored number, only."""
        now = self.clock.now()
        by: LinkBy = "email" if email else "sms"
        digest = self.people.email_digest(email) if email else self.people.phone_digest(phone or "")
        if digest is None:
            return
        for id in await self.appointments.ids_by(by, digest, now=now, most=_MOST_LINKS):
            # Erased a moment ago: there is nobody to tell.
            with suppress(Erased):
                await self.appointments.send_link(id, by=by, now=now, not_since=now - _LINK_EVERY)

    async def _change_recent(self, id: str, decide: Decide) -> Appointment | None:
        """Changes the state that this process wrote last, without reading it; None where that does not go.

        The write is guarded, and what refuses a state that may be old is for the stored one to say. Only for
        changes that leave the cells alone: cooled ones are released without a new version.
        """
        appointment = self.appointments.recent.take(id)
        if appointment is None:
            return None
        try:
            change = await decide(appointment, self.clock.now())
            return await self.appointments.apply(change) if change else None
        except (ChangedMeanwhile, WrongSecret, *appointments_domain.REFUSALS):
            return None

    def _opens(self, appointment: Appointment, secret: str) -> bool:
        generation = appointment.contact_sequence
        return generation is not None and self.keys.verifies(secret, "confirm", appointment.id, generation)

    async def _count_code(self, appointment: Appointment, code: str) -> None:
        """Lets the right code pass; wrong ones use up the tries of this message."""
        generation = appointment.contact_sequence
        if generation is None:
            raise WrongSecret
        counted = await self.appointments.try_code(appointment.id, contact_sequence=generation, most=_CODE_TRIES)
        if not counted:
            raise CodeUsedUp
        if not self.keys.verifies_code(code, appointment.id, generation):
            raise WrongSecret
        crash_point(CrashPoint.BOOKING_AFTER_CODE_TRY)
        await self.appointments.forget_try(appointment.id, contact_sequence=generation)
