"""Every query of the notification service."""

from services.notification.storage.counting import DeliveryCounts
from services.notification.storage.deliveries import Claimed, Deliveries, HandedOver, Record, Stored
from services.notification.storage.known import Known, SealedContact
from services.notification.storage.mailboxes import Mailboxes
from services.notification.storage.reports import Reports
from services.notification.storage.spent import SpentSegments
from services.notification.storage.standing import Pause, Standing, StandingStore

__all__ = [
    "Claimed",
    "Deliveries",
    "DeliveryCounts",
    "HandedOver",
    "Known",
    "Mailboxes",
    "Pause",
    "Record",
    "Reports",
    "SealedContact",
    "SpentSegments",
    "Standing",
    "StandingStore",
    "Stored",
]
