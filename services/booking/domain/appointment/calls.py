"""What an appointment knows of a call that staff should make: why, from when on, and what came of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.booking.domain.appointment.values import ContactDetails

Why = Literal["no_contact", "not_sent", "undeliverable"]
Action = Literal["taken", "not_reached", "done"]

# A message is given so long to go out, or until a day before the visit where that is later.
_SENT_WITHIN = timedelta(minutes=30)
_KNOWN_BEFORE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CallAct:
    action: Action
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Call:
    """The person should be phoned from `due_at` on, unless a message about the same arrives before.

    `purpose` is that message's, `since` when it became true what it says. `acts` are what
    staff did, the newest last.
    """

    purpose: str
    why: Why
    since: datetime
    due_at: datetime
    acts: tuple[CallAct, ...] = ()

    @property
    def done(self) -> bool:
        return bool(self.acts) and self.acts[-1].action == "done"

    @property
    def tries(self) -> int:
        """How often nobody was reached."""
        return sum(act.action == "not_reached" for act in self.acts)


def is_reachable(contact: ContactDetails | None) -> bool:
    """Whether there is a way to write to the person. Consent to SMS is only kept with a mobile number."""
    return contact is not None and (contact.has_email or contact.sms_consent)


def call_about(purpose: str, contact: ContactDetails | None, *, visit: datetime, now: datetime) -> Call:
    """At once for whom no message can reach; else once the message should have gone out."""
    if not is_reachable(contact):
        return Call(purpose, "no_contact", since=now, due_at=now)
    return Call(purpose, "not_sent", since=now, due_at=max(now + _SENT_WITHIN, visit - _KNOWN_BEFORE))
