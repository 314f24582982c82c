"""Where a channel reaches a person, and whom a trial may reach."""

from dataclasses import dataclass

from services.notification.domain.deliveries import Channel
from shared.contracts import OpenContact
from shared.phones import NotReachable, mobile_number


def address(channel: Channel, contact: OpenContact) -> str | None:
    """None where this channel does not reach the person, or may not.

    Whether a text message can reach a number is said by the channel: it then fails with a reason.
    """
    if channel is Channel.EMAIL:
        return contact.email
    return contact.phone if contact.sms_consent else None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Whom a trial may reach: addresses, whole domains as `@example.org`, numbers in E.164. None: everybody."""

    allowed: frozenset[str] | None = None

    def allows(self, to: str) -> bool:
        if self.allowed is None:
            return True
        if "@" not in to:
            return _number(to) in self.allowed
        to = to.lower()
        return to in self.allowed or f"@{to.rpartition('@')[2]}" in self.allowed


def _number(written: str) -> str:
    try:
        return mobile_number(written)
    except NotReachable:
        return written
