"""Shapes of requests and answers. What comes in is read strictly: unknown fields are refused."""

import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from fastapi import Header
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
    model_validator,
)

from services.booking.commands import Instead
from services.booking.domain.appointment import Appointment, Status
from services.booking.domain.office import Member
from services.booking.erasing import Stored
from services.booking.people import UNREADABLE
from shared.contracts.offices import Authority, Fee, Location, Minutes, Precondition, Text

# Letters and marks of any script, spaces, and what stands in names; no symbols, emoji or direction marks.
_NAME_CATEGORIES = ("L", "M", "Zs")
_NAME_SIGNS = "-'’‘ʼ`´.,·()/"


def _person_name(text: str) -> str:
    for sign in text:
        if unicodedata.category(sign)[0:2] != "Zs" and not _in_names(sign):
            raise ValueError(f"the sign U+{ord(sign):04X} cannot stand in a name; write it as on the document")
    if not any(unicodedata.category(sign).startswith("L") for sign in text):
        raise ValueError("a name needs at least one letter")
    return unicodedata.normalize("NFC", text)


def _in_names(sign: str) -> bool:
    return sign in _NAME_SIGNS or unicodedata.category(sign).startswith(_NAME_CATEGORIES)


def _phone(text: str) -> str:
    digits = "".join(sign for sign in text if sign not in " -/()")
    if not digits.removeprefix("+").isascii() or not digits.removeprefix("+").isdigit():
        raise ValueError("a phone number has digits only, as +49 151 23456789")
    if not 6 <= len(digits.removeprefix("+")) <= 15:
        raise ValueError("a phone number has 6 to 15 digits")
    return digits


def _moment(moment: datetime) -> datetime:
    # The first and last years there are cannot be told in every time zone.
    if not 1970 <= moment.year < 9999:
        raise ValueError("a time lies between the years 1970 and 9998")
    return moment.astimezone(UTC)


def _email(text: str) -> str:
    return text.lower()


_Trimmed = StringConstraints(strip_whitespace=True, min_length=1, max_length=100)
PersonName = Annotated[str, _Trimmed, AfterValidator(_person_name)]
Phone = Annotated[str, StringConstraints(max_length=30), AfterValidator(_phone)]
Email = Annotated[EmailStr, AfterValidator(_email)]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,60}$")]
Ags = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
Secret = Annotated[str, StringConstraints(min_length=6, max_length=100, pattern=r"^[A-Za-z0-9._=-]+$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[a-z0-9-]{1,20})?$")]
IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{8,200}$")]


AccessNeed = Literal[
    "wheelchair", "step_free", "hearing", "sign_language", "sight", "easy_language", "interpreter", "quiet", "seat"
]

Proof = Annotated[
    str | None,
    Header(
        max_length=4000,
        description="Only where an answer asked for it: the solution of a challenge from /v1/proof (ALTCHA, "
        "base64), or the token of a mailed entry link",
    ),
]
HelperSecret = Annotated[str | None, Header(max_length=200, description="Of a registered helper: `<id>.<secret>`")]


class Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MemberIn(Incoming):
    municipality: Ags = Field(description="AGS, eight digits", examples=["08417031"])
    under_6: bool = Field(default=False, strict=True)


Members = Annotated[tuple[MemberIn, ...], Field(min_length=1, max_length=20, description="Lead person first")]


FurtherServices = Annotated[
    tuple[Slug, ...],
    Field(max_length=4, description="In the same visit, where the services' combines_with allow it"),
]


class AssignmentIn(Incoming):
    service: Slug
    further_services: FurtherServices = ()
    family_name: PersonName = Field(description="As printed on the residence document; of the lead person")
    members: Members


class AvailabilityIn(Incoming):
    """For teams whose desk follows from the family name; in a body, since names do not belong in a URL."""

    service: Slug
    further_services: FurtherServices = ()
    family_name: PersonName
    members: Members
    first: date | None = Field(default=None, alias="from", description="First day, included")
    last: date | None = Field(default=None, alias="to", description="Last day, included")


class AppointmentIn(Incoming):
    office: Slug
    service: Slug
    further_services: FurtherServices = ()
    preconditions: dict[Slug, Annotated[bool, Field(strict=True)]] = Field(
        default_factory=dict, max_length=40, description="Answers to the services' questions, by their ids"
    )
    starts_at: Moment = Field(examples=["2026-12-01T08:30:00+01:00"])
    family_name: PersonName = Field(description="As printed on the residence document; of the lead person")
    members: Members
    invitation: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="The token of the office's invitation, for services that are by invitation"
    )
    access_needs: tuple[AccessNeed, ...] = Field(
        default=(), max_length=10, description="What helps you on the day; voluntary, seen by the office only"
    )


class ContactIn(Incoming):
    given_name: PersonName | None = None
    email: Email | None = Field(
        default=None, description="Without one the code to confirm comes by SMS: then `phone` is a mobile number"
    )
    phone: Phone | None = Field(default=None, description="A mobile number for SMS, or any number for calls only")
    language: Language = "de"
    sms_consent: bool = Field(
        default=False, strict=True, description="SMS are wanted; can be withdrawn by the link of each message"
    )

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if not self.email and not self.phone:
            raise ValueError("a contact needs a mail address or a phone number")
        return self


class SmsIn(Incoming):
    wanted: bool = Field(strict=True)
    phone: Phone | None = Field(default=None, description="A mobile number; without one the number that is known")


class RemindersIn(Incoming):
    wanted: bool = Field(strict=True)


class LanguageIn(Incoming):
    language: Language


class WantedOut(BaseModel):
    """What the person is sent; all that changes is mailed in any case."""

    sms: bool
    reminders: bool


class ConfirmIn(Incoming):
    secret: Secret = Field(description="The secret of the message's link, or its six digits")
    instead: Instead | None = Field(
        default=None,
        description="The answer to `booked-already`: keep the other appointment, move it here, or this one is "
        "for another person of the same name and address",
    )


class NameIn(Incoming):
    family_name: PersonName = Field(description="As printed on the residence document")
    given_name: PersonName | None = None


class MembersIn(Incoming):
    members: Members


class RescheduleIn(Incoming):
    starts_at: Moment


class CodeIn(Incoming):
    code: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[0-9A-Za-z]{8}$")] = Field(
        description="The code of the message, as at the counter"
    )


class CheckedInOut(BaseModel):
    """Nothing of the appointment: a code may be read over a shoulder."""

    status: Status


class LinksIn(Incoming):
    """The mail address, or the number that gets SMS, as it was given when booking."""

    email: Email | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.email) == bool(self.phone):
            raise ValueError("either email or phone")
        return self


class EntryIn(Incoming):
    office: Slug
    email: Email
    language: Language = "de"


class ChallengeOut(BaseModel):
    """A challenge of ALTCHA's protocol, version 2. Its widget takes it as it is."""

    parameters: dict[str, Any] = Field(
        description="Find the counter from 0 on whose key begins with `keyPrefix`; valid until `expiresAt`"
    )
    signature: str


class OfficeOut(BaseModel):
    id: str
    name: Text
    timezone: str


class MunicipalityOut(BaseModel):
    ags: str
    name: str
    responsible: bool


class OfficeDetailOut(OfficeOut):
    phone: str | None
    email: str | None
    locations: tuple[Location, ...]
    municipalities: list[MunicipalityOut]
    online_paused: bool = Field(description="No bookings online just now")
    notice: Text = Field(description="Why, where it is paused")


class ServiceOut(BaseModel):
    id: str
    team: str
    mode: str = Field(description="open: book freely · invitation: apply first · walk_in: come")
    name: Text
    purpose: Text
    minutes: Minutes
    max_persons: int
    emergency: bool = Field(description="Takes times that are kept for emergencies")
    combines_with: tuple[str, ...] = Field(description="Services that the same visit may hold")
    preconditions: tuple[Precondition, ...] = Field(description="Questions to answer first, so no visit is wasted")
    group_advice: Text = Field(description="What a group does that is too large for one visit")
    documents: dict[str, tuple[str, ...]]
    fee: Fee | None = Field(description="Without guarantee")


class MemberOut(BaseModel):
    municipality: str
    name: str | None = Field(description="Null for a place outside the district")
    responsible: bool = Field(description="This member can come")
    authority: Authority | None = Field(description="Null where only the member's own town hall can tell")
    advice: Text = Field(default_factory=dict, description="How to find who is responsible")


class AssignmentOut(BaseModel):
    members: list[MemberOut]
    responsible: bool = Field(description="This office serves every member")
    team: str
    desk: str | None = Field(description="The surname range as it stands at the door; null where any desk serves")
    minutes: int
    preconditions: tuple[Precondition, ...]
    documents: dict[str, tuple[str, ...]]


class DayOut(BaseModel):
    date: date
    times: list[datetime]


class AvailabilityOut(BaseModel):
    minutes: int
    days: list[DayOut]
    next_bookable_day: date | None = Field(description="First day with a free time, in the range or not")


class HeldOut(BaseModel):
    id: str
    code: str = Field(description="Names the appointment at the counter and on the phone")
    token: str = Field(description="Opens the appointment; keep it secret")
    status: Status
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


class OfferOut(BaseModel):
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime


class AppointmentOut(BaseModel):
    """Without name and contact: whoever has the link need not learn them."""

    id: str
    code: str
    status: Status
    office: str
    service: str
    team: str
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime | None
    persons: int
    children_under_6: int
    reschedules: int
    waits: bool = Field(description="Waits for a time, or for an earlier one")
    offer: OfferOut | None = Field(description="A time that is yours alone until it expires")
    reason: str | None = Field(description="Why the office moved or cancelled it")


def members_of(members: tuple[MemberIn, ...]) -> tuple[Member, ...]:
    return tuple(Member(member.municipality, member.under_6) for member in members)


def appointment_out(appointment: Appointment) -> AppointmentOut:
    plain = AppointmentOut.model_fields.keys() - {"waits", "offer"}
    values = {name: getattr(appointment, name) for name in plain}
    offer = OfferOut.model_validate(appointment.offer, from_attributes=True) if appointment.offer else None
    return AppointmentOut(**values, waits=appointment.wish is not None, offer=offer)


def wanted_out(appointment: Appointment) -> WantedOut:
    contact = appointment.contact
    return WantedOut(sms=bool(contact and contact.sms_consent), reminders=bool(contact and contact.reminders))


class PersonOut(BaseModel):
    readable: bool = Field(description="false: something is stored, and no key opens it; please ask the office")
    family_name: str
    given_name: str | None
    email: str | None
    phone: str | None
    access_needs: tuple[str, ...]
    language: str | None
    sms_consent: bool
    reminders: bool


class StepOut(BaseModel):
    step: str
    at: datetime


class KeptOut(BaseModel):
    until: datetime | None = Field(
        description="When name and addresses are erased, by what is known now; null while the booking is open"
    )
    then: str
    elsewhere: str


class ExportOut(BaseModel):
    """All that is stored about the person: Art. 15 and 20 GDPR."""

    appointment: AppointmentOut
    person: PersonOut
    municipalities: tuple[str, ...]
    channel: str
    steps: list[StepOut]
    kept: KeptOut


_THEN = (
    "Kept are the times, the service, the number of persons and their municipalities, without a name or address, "
    "for statistics."
)
_ELSEWHERE = (
    "The sender of messages has the same name and addresses and erases them at the same moment; its list of sent "
    "messages holds no address and is kept for 30 days after the visit. The statistics hold no person."
)


def export_out(stored: Stored) -> ExportOut:
    appointment, contact = stored.appointment, stored.appointment.contact
    return ExportOut(
        appointment=appointment_out(appointment),
        person=PersonOut(
            readable=stored.person is not UNREADABLE,
            family_name=stored.person.family_name,
            given_name=stored.person.given_name,
            email=stored.person.email,
            phone=stored.person.phone,
            access_needs=stored.person.access_needs,
            language=contact.language if contact else None,
            sms_consent=bool(contact and contact.sms_consent),
            reminders=bool(contact and contact.reminders),
        ),
        municipalities=appointment.municipalities,
        channel=appointment.channel,
        steps=[StepOut(step=step.step, at=step.at) for step in appointment.steps],
        kept=KeptOut(until=stored.erased_at, then=_THEN, elsewhere=_ELSEWHERE),
    )
