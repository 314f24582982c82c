"""Every query of the notification service."""

from services.notification.storage.deliveries import Claimed, Deliveries, HandedOver, Record, Stored
from services.notification.storage.known import Known, SealedContact
from services.notification.storage.mailboxes import Mailboxes
from services.notification.storage.reports import Reports
from services.notification.storage.spent import SpentSegments

__all__ = [
    "Claimed",
    "Deliveries",
    "HandedOver",
    "Known",
    "Mailboxes",
    "Record",
    "Reports",
    "SealedContact",
    "SpentSegments",
    "Stored",
]
