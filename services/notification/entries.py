"""The mail with a link to book with, for somebody who has no appointment. No input or output, no clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notification.domain import Channel, Delivery, Drop, Priority, Status, Wait, delivery_id, stored
from services.notification.purposes import Purpose
from shared.contracts import EntryRequested, Invited, Office, OpenEntry


@dataclass(frozen=True, slots=True)
class SendEntry:
    """`service` is the one that an invitation is for."""

    entry: OpenEntry
    office: Office
    service: str | None = None

    @property
    def to(self) -> str:
        return self.entry.email

    @property
    def languages(self) -> tuple[str | None, ...]:
        return (self.entry.language,)


# An invitation may be good for weeks; its mail goes out within days, and then the address is forgotten.
_MAILED_WITHIN = timedelta(days=3)


def mailed_until(event: EntryRequested | Invited) -> datetime:
    """From when on the mail is not sent any more."""
    return min(event.data.expires_at, event.time + _MAILED_WITHIN)


def entry_message(event: EntryRequested | Invited) -> Delivery:
    """It knows no appointment: the request's id stands in its place."""
    purpose = Purpose.INVITATION if isinstance(event, Invited) else Purpose.ENTRY
    return Delivery(
        id=delivery_id(event.id, purpose, Channel.EMAIL),
        caused_by=event.id,
        appointment=event.data.entry,
        office=event.data.office,
        purpose=purpose,
        channel=Channel.EMAIL,
        language=event.data.language,
        state_sequence=0,
        contact_sequence=None,
        starts_at=None,
        created_at=stored(event.time),
        due_at=stored(event.time),
        not_after=stored(mailed_until(event)),
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
        priority=Priority.URGENT,
    )


def decide_entry(
    delivery: Delivery, *, entry: OpenEntry | None, office: Office | None, now: datetime
) -> SendEntry | Wait | Drop:
    """Whether the link to book with goes out at `now`: while it is good, and no later."""
    if now >= delivery.not_after:
        return Drop(Status.EXPIRED, "too late")
    if entry is None:
        return Wait("entry")
    return SendEntry(entry, office, entry.service) if office else Wait("office")
