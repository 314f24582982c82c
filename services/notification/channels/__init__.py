"""Ways to reach a person, and the two kinds of failure that each of them raises."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


class TemporaryFailure(Exception):
    """May work later. `error` is for logs and events: a code, never an address or the provider's text.

    `retry_after` is how long the provider asks to be left alone with this message, where it says so.
    """

    def __init__(self, error: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.retry_after = retry_after


class Unavailable(TemporaryFailure):
    """The provider takes nothing over at the moment: not this message's fault, so it costs it no attempt."""


class Throttled(Unavailable):
    """The provider has had enough of us for now: nothing more should be given to it for a while."""


class PermanentFailure(Exception):
    """Will never work for this address. `error` as in TemporaryFailure."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Taken:
    """A provider's yes. `message_id` is what it calls the message, where it says so: receipts come under it."""

    provider: str
    message_id: str | None = None


class SmsProvider(Protocol):
    """Hands text messages over to a network. `reference` is our delivery id; sending it twice may send twice."""

    @property
    def name(self) -> str:
        """As configured: lower-case letters, digits, `_` and `-`. Receipts come to an address that ends in it."""

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        """Returns once the provider has taken the message over; `to` is an E.164 number.

        Raises TemporaryFailure or PermanentFailure.
        """

    async def close(self) -> None:
        """Gives connections back."""
