"""How a person can be reached: what of a given contact is enough to confirm a booking, and to send SMS to."""

from dataclasses import replace

from services.booking.people import GivenContact
from shared.phones import NotReachable, any_number, mobile_number


class SmsNotPossible(Exception):
    """Without a mail address the SMS must work; with one, only where SMS are wanted.

    `reason` is NotReachable's code, or `no_number`, `no_consent`, or `off`: this office sends no SMS.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def by_citizen(given: GivenContact, *, countries: frozenset[str]) -> GivenContact:
    """A way to send the question whether the booking is wanted. Raises SmsNotPossible.

    `countries` are those that SMS go to, none where the office sends none.
    """
    if given.email is None and not countries:
        raise SmsNotPossible("off")
    if given.email is None and not given.sms_consent:
        raise SmsNotPossible("no_consent")
    return by_staff(given, countries=countries)


def by_staff(given: GivenContact, *, countries: frozenset[str]) -> GivenContact:
    """Any number is kept, for calls; consent to SMS needs a mobile one. Raises SmsNotPossible."""
    if given.sms_consent and countries:
        return replace(given, phone=for_sms(given.phone, countries=countries))
    return replace(given, phone=any_number(given.phone) or given.phone)


def for_sms(phone: str | None, *, countries: frozenset[str]) -> str:
    """Raises SmsNotPossible."""
    if not countries:
        raise SmsNotPossible("off")
    if not phone:
        raise SmsNotPossible("no_number")
    try:
        return mobile_number(phone, countries=countries)
    except NotReachable as error:
        raise SmsNotPossible(error.code) from None


def addresses_of(given: GivenContact) -> tuple[str, ...]:
    """Where messages may go: the mail address, and the number where SMS are wanted."""
    number = (any_number(given.phone) or given.phone) if given.sms_consent else None
    return tuple(address for address in (given.email, number) if address)
