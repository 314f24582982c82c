"""What a person types of his or her own: only in bodies of requests, read by the public API's own shapes."""

from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from services.booking.api.schemas import AccessNeed, Email, PersonName, Phone
from services.booking.people import GivenContact
from services.booking.reaching import SmsNotPossible, by_citizen
from services.booking.web.citizen.journey import Pairs, Values, text
from shared.catalogues import to_translate

NEEDS: tuple[str, ...] = get_args(AccessNeed)
_LONGEST = 200

_NAME, _EMAIL, _PHONE = TypeAdapter[Any](PersonName), TypeAdapter[Any](Email), TypeAdapter[Any](Phone)

_NO_NAME = to_translate("Bitte schreiben Sie den Familiennamen so, wie er im Pass steht.")
_NOT_A_NAME = to_translate("In einem Namen können nur Buchstaben, Leerzeichen, Bindestrich und Apostroph stehen.")
NOT_AN_EMAIL = to_translate("Diese E-Mail-Adresse ist nicht vollständig. Beispiel: name@example.org")
_NOT_A_PHONE = to_translate("Diese Telefonnummer ist nicht vollständig. Beispiel: 0151 23456789")
_NO_WAY = to_translate("Wir brauchen eine E-Mail-Adresse oder eine Handynummer für SMS.")
_SMS = {
    "not_a_number": _NOT_A_PHONE,
    "not_mobile": to_translate("SMS gehen nur an eine Handynummer. Bitte prüfen Sie die Nummer."),
    "country_not_allowed": to_translate(
        "In dieses Land senden wir keine SMS. Bitte geben Sie eine E-Mail-Adresse an."
    ),
    "no_number": to_translate("Für SMS brauchen wir Ihre Handynummer."),
    "no_consent": to_translate("Ohne E-Mail-Adresse kommt der Code per SMS. Bitte stimmen Sie SMS zu."),
    "off": to_translate("Wir senden keine SMS. Bitte geben Sie eine E-Mail-Adresse an."),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """Exactly as typed, so that a form can be shown again with nothing lost."""

    family_name: str = field(default="", repr=False)
    given_name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    sms: bool = False
    needs: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def read(cls, values: Values) -> "Typed":
        return cls(
            family_name=text(values, "family_name")[:_LONGEST],
            given_name=text(values, "given_name")[:_LONGEST],
            email=text(values, "email")[:_LONGEST],
            phone=text(values, "phone")[:_LONGEST],
            sms=bool(text(values, "sms")),
            needs=tuple(need for need in NEEDS if need in values.getlist("need")),
        )

    def pairs(self) -> Pairs:
        plain = [(name, getattr(self, name)) for name in ("family_name", "given_name", "email", "phone")]
        sms = [("sms", "yes")] if self.sms else []
        return [*((n, v) for n, v in plain if v), *sms, *(("need", need) for need in self.needs)]

    def contact(self, language: str) -> GivenContact:
        """Of what has no fault."""
        return GivenContact(
            given_name=_NAME.validate_python(self.given_name) if self.given_name else None,
            email=_EMAIL.validate_python(self.email) if self.email else None,
            phone=_PHONE.validate_python(self.phone) if self.phone else None,
            language=language,
            sms_consent=self.sms,
        )

    @property
    def name(self) -> str:
        return str(_NAME.validate_python(self.family_name))

    def faults(self, *, countries: frozenset[str]) -> dict[str, str]:
        """By field, what is wrong and what to do; `countries` are those that SMS go to."""
        found = {
            "family_name": _fault(_NAME, self.family_name, _NOT_A_NAME) if self.family_name else _NO_NAME,
            "given_name": _fault(_NAME, self.given_name, _NOT_A_NAME),
            "email": _fault(_EMAIL, self.email, NOT_AN_EMAIL),
            "phone": _fault(_PHONE, self.phone, _NOT_A_PHONE),
        }
        faults = {name: fault for name, fault in found.items() if fault}
        if not self.email and not self.phone:
            faults["email"] = _NO_WAY
        return faults or self._unreachable(countries)

    def _unreachable(self, countries: frozenset[str]) -> dict[str, str]:
        try:
            by_citizen(self.contact("de"), countries=countries)
        except SmsNotPossible as error:
            return {"sms" if error.reason == "no_consent" else "phone": _SMS[error.reason]}
        return {}


def _fault(shape: TypeAdapter[Any], value: str, said: str) -> str:
    try:
        shape.validate_python(value) if value else None
    except ValidationError:
        return said
    return ""
