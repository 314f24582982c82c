"""The events that the services exchange: one definition each, read tolerantly."""

from shared.contracts.appointments import (
    AppointmentCancelled,
    AppointmentConfirmationSent,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentHeld,
    AppointmentRequested,
    AppointmentRescheduled,
    AppointmentState,
    Demand,
    DemandMeasured,
    Step,
)
from shared.contracts.contacts import Contact, ContactErased, ContactProvided, ErasedContact, LinkRequested
from shared.contracts.event import Event, new_event
from shared.contracts.notifications import (
    DeliveryState,
    NotificationExpired,
    NotificationFailed,
    NotificationSent,
    NotificationSuperseded,
    NotificationUndeliverable,
)
from shared.contracts.offices import Office, OfficePublished
from shared.contracts.reading import EVENTS, UnreadableEvent, parse_event

__all__ = [
    "EVENTS",
    "AppointmentCancelled",
    "AppointmentConfirmationSent",
    "AppointmentConfirmed",
    "AppointmentExpired",
    "AppointmentHeld",
    "AppointmentRequested",
    "AppointmentRescheduled",
    "AppointmentState",
    "Contact",
    "ContactErased",
    "ContactProvided",
    "DeliveryState",
    "Demand",
    "DemandMeasured",
    "ErasedContact",
    "Event",
    "LinkRequested",
    "NotificationExpired",
    "NotificationFailed",
    "NotificationSent",
    "NotificationSuperseded",
    "NotificationUndeliverable",
    "Office",
    "OfficePublished",
    "Step",
    "UnreadableEvent",
    "new_event",
    "parse_event",
]
