"""The dispatcher: claims due deliveries, sends them, records what became of them.

Sending is at least once. A process that dies, or is frozen beyond its lease, between the provider's yes and the
record of it leaves a delivery that is sent once more. Nothing is begun in the last half of a lease, so a process
that wakes up late repeats no more than what it was sending just then, and counts it
(`notification_leases_lost_total`).
"""

from services.notification.delivery.dispatching import Dispatcher
from services.notification.delivery.lanes import Pace
from services.notification.delivery.recording import Recorder
from services.notification.delivery.sending import Sender

__all__ = ["Dispatcher", "Pace", "Recorder", "Sender"]
