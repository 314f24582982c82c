"""What one message adds to the figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.reporting.domain.facts.places import Entry, key_of, local_day

_DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class MessageFact:
    """What became of one message, `outcome` as in the event's type; `at` is when that was, or when it was sent.

    `due_at` is when it was to be sent. What has a default is told by newer events only.
    """

    office: str
    channel: str
    outcome: str
    at: datetime
    purpose: str = ""
    due_at: datetime | None = None
    delivered_at: datetime | None = None

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        if self.outcome not in ("sent", "delivered"):
            yield Entry(self._on(self.at, zone), f"messages_{self.outcome}", 1)
            return
        key = self._on(self.at, zone)
        yield Entry(key, "messages_sent", 1)
        if self.due_at is not None:
            yield Entry(key, "message_seconds", self._seconds(self.due_at))
        if self.outcome == "delivered":
            yield Entry(self._on(self.delivered_at or self.at, zone), "messages_delivered", 1)

    def _seconds(self, due_at: datetime) -> int:
        """A day at most: an outage must not make the histogram grow without end."""
        return min(max(0, int((self.at - due_at).total_seconds())), _DAY_S)

    def _on(self, at: datetime, zone: tzinfo) -> str:
        return key_of(self.office, local_day(at, zone), channel=self.channel, purpose=self.purpose)
