"""Exchange `contacts`: names, addresses and secret links, as ciphertext. Only `notification` may read it."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.appointments import AppointmentState
from shared.contracts.event import Data, Event


class Contact(Data):
    """How to reach the person who booked, under the appointment's data key.

    `key` is that key, wrapped for notification's key `key_id`; `sealed` is an OpenContact but for what stands
    here in the clear. Both are base64. `shared.sealed_contact` makes and opens it. `link_by` says by which way the
    link was asked for, in LinkRequested alone.
    """

    appointment: str
    office: str
    language: str
    sms_consent: bool = False
    reminders: bool = True
    link_by: Literal["email", "sms"] = "email"
    key_id: str
    key: str = Field(repr=False)
    sealed: str = Field(repr=False)


class OpenContact(Data):
    """A contact as it is in memory only, while a message is made: never stored, never told.

    `repr` hides all of it, so that no log line can carry it by accident. A POST to `unsubscribe_url` ends
    reminders and nothing else (RFC 8058).
    """

    appointment: str
    office: str
    code: str = Field(repr=False)
    family_name: str = Field(repr=False)
    given_name: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    language: str
    sms_consent: bool = False
    reminders: bool = True
    confirm_url: str = Field(repr=False)
    confirm_code: str = Field(repr=False)
    manage_url: str = Field(repr=False)
    unsubscribe_url: str = Field(default="", repr=False)


class ErasedContact(Data):
    """`asked`: the person wished it, or somebody for them; else the time to keep the data was over."""

    appointment: str
    asked: bool = False


class EntryRequest(Data):
    """Where to mail a link that opens the booking to somebody whose device cannot do a proof of work.

    Sealed as a Contact is, under a data key of its own: `sealed` is the address and the link of an OpenEntry.
    """

    entry: str
    office: str
    language: str
    expires_at: AwareDatetime
    key_id: str
    key: str = Field(repr=False)
    sealed: str = Field(repr=False)


class OpenEntry(Data):
    """An entry request as it is in memory only, while its mail is made: never stored, never told."""

    entry: str
    office: str
    language: str
    expires_at: AwareDatetime
    email: str = Field(repr=False)
    entry_url: str = Field(repr=False)
    # What an invitation is for.
    service: str | None = None


class RequestedMessage(AppointmentState):
    """The newest state of the appointment, and which message about it is wanted once more."""

    purpose: str


class ContactProvided(Event):
    exchange: ClassVar[str] = "contacts"
    type: Literal["contact.provided.v1"] = "contact.provided.v1"
    data: Contact


class LinkRequested(Event):
    """Somebody asked for the link to an appointment again; it goes to the stored address only."""

    exchange: ClassVar[str] = "contacts"
    type: Literal["contact.link_requested.v1"] = "contact.link_requested.v1"
    data: Contact


class EntryRequested(Event):
    """Somebody without an appointment asked for a link to book with; `subject` is a fresh id."""

    exchange: ClassVar[str] = "contacts"
    type: Literal["contact.entry_requested.v1"] = "contact.entry_requested.v1"
    data: EntryRequest


class Invited(Event):
    """Staff invite somebody to book once, and the link goes by mail; `subject` is the invitation's id."""

    exchange: ClassVar[str] = "contacts"
    type: Literal["contact.invited.v1"] = "contact.invited.v1"
    data: EntryRequest


class MessageRequested(Event):
    """Staff want a message sent again, to the newest contact; each such event is one message."""

    exchange: ClassVar[str] = "contacts"
    type: Literal["contact.message_requested.v1"] = "contact.message_requested.v1"
    data: RequestedMessage


class ContactErased(Event):
    """The person's data are gone from booking; whoever keeps the contact or its key destroys both."""

    exchange: ClassVar[str] = "contacts"
    type: Literal["contact.erased.v1"] = "contact.erased.v1"
    data: ErasedContact
