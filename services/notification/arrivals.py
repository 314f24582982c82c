"""What is told of a message after it was handed over: receipts of SMS providers, bounces of mails.

No input or output, no clock.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.notification.domain import Status


class Told(StrEnum):
    """`delayed` is no end: another report may follow."""

    DELIVERED = "delivered"
    FAILED = "failed"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`by` is the provider's name. The message is known by the provider's own `message_id`, by our `delivery` in a
    form that `delivery_of` reads, or by both. `error` is a code, never an address or the provider's text."""

    by: str
    told: Told
    message_id: str | None = None
    delivery: str | None = None
    error: str | None = None

    @property
    def key(self) -> str:
        """The same however often it is told."""
        return f"{self.by}|{self.message_id or self.delivery}|{self.told}"


class Then(StrEnum):
    """What follows from a report for a delivery."""

    WAIT = "wait"
    ARRIVED = "arrived"
    LOST = "lost"
    NOTHING = "nothing"


def what_follows(told: Told, *, status: Status, leased: bool, arrived: bool) -> Then:
    """A report may come before the record of what it reports, twice, or after a contradicting one.

    That a message arrived is final. While a process has the delivery in hand (`leased`) its record comes first.
    """
    if told is Told.DELAYED or arrived or status is Status.NOT_WANTED:
        return Then.NOTHING
    if leased:
        return Then.WAIT
    if told is Told.DELIVERED:
        # Also of an attempt whose answer never reached us, and of one that was given up too early.
        return Then.ARRIVED
    # An attempt that is repeated anyway needs no report that it failed.
    return Then.LOST if status is Status.SENT else Then.NOTHING


def delivery_of(reference: str) -> str | None:
    """Our delivery's id from a reference in which its colons were replaced by points, as Message-IDs do."""
    parts = reference.replace(":", ".").split(".")
    return ":".join(parts) if len(parts) == 3 and all(parts) else None
