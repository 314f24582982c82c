"""Every query of the notification service."""

from services.notification.storage.deliveries import Claimed, Deliveries, Record, Stored
from services.notification.storage.known import Known, SealedContact

__all__ = ["Claimed", "Deliveries", "Known", "Record", "SealedContact", "Stored"]
