"""What is sent when, and what the newest known state forbids. No input or output, no clock."""

from services.notification.domain.addresses import Sandbox
from services.notification.domain.deciding import decide
from services.notification.domain.deliveries import (
    Channel,
    Delivery,
    Drop,
    KnownContact,
    KnownState,
    Later,
    Priority,
    Send,
    Status,
    Wait,
    delivery_id,
    stored,
)
from services.notification.domain.hours import is_at_hand, quiet_until, reminder_due
from services.notification.domain.planning import (
    link_message,
    message_for,
    message_once_more,
    reminder_for,
    sms_beside,
    sms_instead,
)
from services.notification.domain.retrying import SENDING, Retry, is_undeliverable, wait_before_looking_again

__all__ = [
    "SENDING",
    "Channel",
    "Delivery",
    "Drop",
    "KnownContact",
    "KnownState",
    "Later",
    "Priority",
    "Retry",
    "Sandbox",
    "Send",
    "Status",
    "Wait",
    "decide",
    "delivery_id",
    "is_at_hand",
    "is_undeliverable",
    "link_message",
    "message_for",
    "message_once_more",
    "quiet_until",
    "reminder_due",
    "reminder_for",
    "sms_beside",
    "sms_instead",
    "stored",
    "wait_before_looking_again",
]
