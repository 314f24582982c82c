"""The one mail to whoever asked to be erased. No input or output, no clock."""

from datetime import datetime, timedelta

from services.notification.domain import (
    Channel,
    Delivery,
    Drop,
    KnownContact,
    KnownState,
    Send,
    Status,
    Wait,
    delivery_id,
    stored,
)
from services.notification.purposes import Purpose
from shared.contracts import Contact, ContactErased, Office

# So long a copy of the contact lives. The database sweeps every minute, so it is gone within an hour.
_TO_SAY_SO = timedelta(minutes=55)
# Whoever took one of these has proven the address; nobody else is written to about an appointment of theirs.
_PROVES = frozenset({"confirmed", "joined_waiting_list"})


def erased_message(event: ContactErased, *, contact: Contact, state: KnownState | None) -> Delivery | None:
    """None where nobody asked to be erased, or the address was never proven: it may be somebody else's."""
    if not event.data.asked or state is None or not any(step.step in _PROVES for step in state.data.steps):
        return None
    return Delivery(
        id=delivery_id(event.id, Purpose.ERASED, Channel.EMAIL),
        caused_by=event.id,
        appointment=event.data.appointment,
        office=contact.office,
        purpose=Purpose.ERASED,
        channel=Channel.EMAIL,
        language=contact.language,
        state_sequence=0,
        contact_sequence=None,
        starts_at=None,
        created_at=stored(event.time),
        due_at=stored(event.time),
        not_after=stored(event.time + _TO_SAY_SO),
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
    )


def decide_farewell(
    delivery: Delivery,
    *,
    state: KnownState | None,
    contact: KnownContact | None,
    office: Office | None,
    now: datetime,
) -> Send | Wait | Drop:
    """Whether it goes out at `now`: while the copy of the contact is there, and no later."""
    if now >= delivery.not_after or contact is None or contact.data is None:
        return Drop(Status.EXPIRED, "too late")
    if contact.data.email is None:
        return Drop(Status.NOT_WANTED, "no email for this contact")
    if state is None:
        return Wait("state")
    return Send(state, contact.data, office, contact.data.email) if office else Wait("office")
