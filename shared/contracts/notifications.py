"""Exchange `notifications`: what became of each message, without address or text."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.event import Data, Event


class DeliveryState(Data):
    """One message to one person over one channel. `caused_by` is the id of the event that asked for it."""

    delivery: str
    appointment: str
    office: str
    purpose: str
    channel: str
    language: str
    status: str
    attempts: int = Field(ge=0)
    caused_by: str
    created_at: AwareDatetime
    due_at: AwareDatetime
    sent_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    error: str | None = None


class NotificationEvent(Event):
    exchange: ClassVar[str] = "notifications"
    data: DeliveryState


class NotificationSent(NotificationEvent):
    """The next server took the message over."""

    type: Literal["notification.sent.v1"] = "notification.sent.v1"


class NotificationDelivered(NotificationEvent):
    """A provider's receipt says that the message arrived at the phone."""

    type: Literal["notification.delivered.v1"] = "notification.delivered.v1"


class NotificationFailed(NotificationEvent):
    """This channel is given up; also after `sent`, where a receipt or a bounce says that it did not arrive."""

    type: Literal["notification.failed.v1"] = "notification.failed.v1"


class NotificationUndeliverable(NotificationEvent):
    """No channel is left: somebody should phone."""

    type: Literal["notification.undeliverable.v1"] = "notification.undeliverable.v1"


class NotificationExpired(NotificationEvent):
    """The message would have come too late and was not sent."""

    type: Literal["notification.expired.v1"] = "notification.expired.v1"


class NotificationSuperseded(NotificationEvent):
    """The newest known state contradicts the message, so it was not sent."""

    type: Literal["notification.superseded.v1"] = "notification.superseded.v1"
