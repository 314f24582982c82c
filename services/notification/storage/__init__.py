"""Every query of the notification service."""

from services.notification.storage.deliveries import Claimed, Deliveries, Record, Stored
from services.notification.storage.known import Known, SealedContact
from services.notification.storage.spent import SpentSegments

__all__ = ["Claimed", "Deliveries", "Known", "Record", "SealedContact", "SpentSegments", "Stored"]
