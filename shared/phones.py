"""Which phone numbers a text message can reach: one rule, at entry in booking and at sending in notification."""

import phonenumbers
from phonenumbers import PhoneNumberType

# What lies around Germany may be added by a setting; every further country costs more and invites abuse.
COUNTRIES = frozenset({"DE"})

# A number without country code is one of this country.
_HOME = "DE"
# In some countries (not in those around Germany) mobile numbers cannot be told from landlines.
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


class NotReachable(ValueError):
    """No text message goes to this number; `code` says why and holds nothing of the number.

    `not_a_number`, `not_mobile` (a landline, or a service number) or `country_not_allowed`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def mobile_number(phone: str | None, *, countries: frozenset[str] = COUNTRIES) -> str:
    """`phone` in E.164. Raises NotReachable where no text message may go there."""
    try:
        number = phonenumbers.parse(phone or "", _HOME)
    except phonenumbers.NumberParseException as error:
        raise NotReachable("not_a_number") from error
    if not phonenumbers.is_valid_number(number):
        raise NotReachable("not_a_number")
    if phonenumbers.number_type(number) not in _MOBILE:
        raise NotReachable("not_mobile")
    if (phonenumbers.region_code_for_number(number) or "") not in countries:
        raise NotReachable("country_not_allowed")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def any_number(phone: str | None) -> str | None:
    """`phone` in E.164 where it is a valid number of any kind, for calls; else None."""
    try:
        number = phonenumbers.parse(phone or "", _HOME)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def read_countries(setting: str) -> frozenset[str]:
    """`DE,AT,CH` as a set of ISO 3166 codes. Raises ValueError for what is no country, or where there is none."""
    countries = frozenset(code.strip().upper() for code in setting.split(",") if code.strip())
    if not countries:
        raise ValueError("names no country")
    if unknown := countries - phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"is no country: {', '.join(sorted(unknown))}")
    return countries
