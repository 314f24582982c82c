"""What a person wants to be sent, said by the link of a message: SMS or none, reminders or none."""

from dataclasses import replace
from datetime import datetime

from services.booking.commands.core import Core
from services.booking.domain.appointment import Appointment, Change, ContactDetails, WrongStatus
from services.booking.people import Person
from services.booking.reaching import for_sms


class Consenting(Core):
    """Taken back as easily as given (Art. 7 III GDPR); notification hears of it with the contact."""

    __slots__ = ()

    async def want_sms(self, id: str, *, wanted: bool, phone: str | None = None) -> Appointment:
        """To `phone`, or to the number that is known. Raises SmsNotPossible, Erased."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            contact, person = _known(appointment), await self.people.open(appointment)
            if wanted:
                person = replace(person, phone=for_sms(phone or person.phone, countries=self.sms_countries))
            digest = self.people.phone_digest(person.phone or "")
            wants = replace(contact, sms_consent=wanted, has_phone=bool(person.phone), phone_digest=digest)
            return await self._told(appointment, wants, person, "sms_wanted" if wanted else "sms_unwanted", now)

        return await self.change(id, decide)

    async def want_reminders(self, id: str, *, wanted: bool) -> Appointment:
        """Only reminders: what changes is told anyway. Raises Erased."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            wants = replace(_known(appointment), reminders=wanted)
            step = "reminders_wanted" if wanted else "reminders_unwanted"
            return await self._told(appointment, wants, await self.people.open(appointment), step, now)

        return await self.change(id, decide)

    async def want_language(self, id: str, language: str) -> Appointment:
        """In which language messages come from now on. Raises Erased."""

        async def decide(appointment: Appointment, now: datetime) -> Change | None:
            wants = replace(_known(appointment), language=language)
            return await self._told(
                appointment, wants, await self.people.open(appointment), "language_chosen", now
            )

        return await self.change(id, decide)

    async def _told(
        self, appointment: Appointment, wants: ContactDetails, person: Person, step: str, now: datetime
    ) -> Change | None:
        known = await self.people.open(appointment)
        if (wants, person) == (appointment.contact, known):
            return None
        sealed = await self.people.seal(appointment.id, person)
        return appointment.wish_contact(wants, person=sealed, step=step, now=now)


def _known(appointment: Appointment) -> ContactDetails:
    """Raises WrongStatus where staff booked without any contact."""
    if appointment.contact is None:
        raise WrongStatus(appointment.status)
    return appointment.contact
