"""Ways to reach a person, and the two kinds of failure that each of them raises."""

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


class PermanentFailure(Exception):
    """Will never work for this address. `error` as in TemporaryFailure."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class SmsProvider(Protocol):
    """Hands text messages over to a network. `reference` is our delivery id; sending it twice may send twice."""

    async def send(self, *, to: str, text: str, reference: str) -> None:
        """Returns once the provider has taken the message over; `to` is an E.164 number.

        Raises TemporaryFailure or PermanentFailure.
        """

    async def close(self) -> None:
        """Gives connections back."""
