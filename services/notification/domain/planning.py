"""Which deliveries an event asks for. The same ones however often it comes."""

from dataclasses import replace
from datetime import datetime

from services.notification.domain.addresses import address
from services.notification.domain.deliveries import (
    Channel,
    Delivery,
    KnownContact,
    KnownState,
    Priority,
    delivery_id,
    stored,
)
from services.notification.domain.hours import is_at_hand, reminder_due
from services.notification.purposes import (
    HAS_SMS,
    STALE_AFTER,
    WITH_SMS,
    Purpose,
    asks_for_reminder,
    by_whom,
    must_be_told,
    not_after,
    purpose_of,
)
from shared.contracts import LinkRequested, MessageRequested, Office, OpenContact
from shared.contracts.appointments import AppointmentEvent

# Somebody sits before the page, or may be on the way for nothing.
_AWAITED = frozenset({Purpose.CONFIRM_REQUEST, Purpose.LINK, Purpose.ENTRY})


def message_for(
    event: AppointmentEvent, *, office: Office | None = None, before: KnownState | None = None
) -> Delivery | None:
    """The mail that an appointment event asks for now.

    `before` is what was known as the event came, where that decides (`compares`).
    """
    purpose = purpose_of(event)
    if purpose is None:
        return None
    if purpose is Purpose.CHANGED and not _is_news(event, before):
        return None
    return _planned(event, purpose, due_at=event.time, priority=_priority(event, purpose, office))


def reminder_for(event: AppointmentEvent, *, office: Office | None) -> Delivery | None:
    """The mail that reminds of the visit; None where none is due any more when the time became the citizen's."""
    if not asks_for_reminder(event):
        return None
    due_at = reminder_due(event.data.starts_at, office=office)
    if due_at is None or due_at <= event.time:
        return None
    return _planned(event, Purpose.REMINDER, due_at=due_at, priority=Priority.LATER)


def sms_beside(mail: Delivery, contact: KnownContact | None) -> Delivery | None:
    """The text message that goes with `mail`, where the person wants one; the same one however often it is asked.

    It is planned when the mail is due, not with it: only then is the contact sure to have come.
    """
    if mail.purpose is Purpose.CHANGED and mail.priority is not Priority.URGENT:
        return None
    return _by_sms(mail, contact) if mail.purpose in WITH_SMS else None


def sms_instead(mail: Delivery, contact: KnownContact | None) -> Delivery | None:
    """The text message for somebody whom `mail` cannot reach, where they agreed and there are words for it."""
    return _by_sms(mail, contact) if mail.purpose in HAS_SMS else None


def _by_sms(mail: Delivery, contact: KnownContact | None) -> Delivery | None:
    if mail.channel is not Channel.EMAIL or not _reachable_by_sms(contact.data if contact else None):
        return None
    id = delivery_id(mail.caused_by, mail.purpose, Channel.SMS)
    return replace(mail, id=id, channel=Channel.SMS, attempts=0, waits=0, version=0)


def _reachable_by_sms(contact: OpenContact | None) -> bool:
    return contact is not None and address(Channel.SMS, contact) is not None


def link_message(event: LinkRequested) -> Delivery:
    """The link to the appointment, to the address or number that came with the request: by which it was asked."""
    channel = Channel(event.data.link_by)
    return Delivery(
        id=delivery_id(event.id, Purpose.LINK, channel),
        caused_by=event.id,
        appointment=event.data.appointment,
        office=event.data.office,
        purpose=Purpose.LINK,
        channel=channel,
        language=event.data.language,
        state_sequence=0,
        contact_sequence=event.sequence,
        starts_at=None,
        created_at=stored(event.time),
        due_at=stored(event.time),
        not_after=stored(event.time + STALE_AFTER),
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
        priority=Priority.URGENT,
    )


def message_once_more(event: MessageRequested) -> Delivery | None:
    """The mail that staff asked for again; None for a purpose that this version does not know."""
    purpose = event.data.purpose
    if purpose not in list(Purpose):
        return None
    return _planned(event, Purpose(purpose), due_at=event.time, priority=Priority.URGENT)


def _planned(
    event: AppointmentEvent | MessageRequested, purpose: Purpose, *, due_at: datetime, priority: Priority
) -> Delivery:
    state = event.data
    starts_at = state.offer_starts_at if purpose is Purpose.OFFER else state.starts_at
    return Delivery(
        id=delivery_id(event.id, purpose, Channel.EMAIL),
        caused_by=event.id,
        appointment=state.appointment,
        office=state.office,
        purpose=purpose,
        channel=Channel.EMAIL,
        language=state.language or "de",
        state_sequence=event.sequence,
        contact_sequence=None,
        starts_at=stored(starts_at or state.starts_at),
        created_at=stored(event.time),
        due_at=stored(due_at),
        not_after=stored(not_after(event, purpose)),
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
        priority=priority,
    )


def _priority(event: AppointmentEvent, purpose: Purpose, office: Office | None) -> Priority:
    """Urgent is what somebody waits for, and what the office changes about a visit of today or tomorrow."""
    if purpose in _AWAITED:
        return Priority.URGENT
    state = event.data
    by_office = purpose in (Purpose.OFFICE_CANCELLATION, Purpose.CHANGED) or (
        purpose is Purpose.RESCHEDULED and by_whom(state, "rescheduled") != "citizen"
    )
    visit = min(state.starts_at, state.previous_starts_at or state.starts_at)
    if by_office and is_at_hand(visit, now=event.time, office=office):
        return Priority.URGENT
    return Priority.NORMAL


def _is_news(event: AppointmentEvent, before: KnownState | None) -> bool:
    """Whether the event changes what a citizen must know.

    Where the state before it is not known any more, since the event came twice or out of order, it counts as
    news: to tell once too often is better than not at all.
    """
    if before is None or before.sequence >= event.sequence:
        return event.type == "appointment.resized.v1"
    return must_be_told(before.data) != must_be_told(event.data)
