"""What is sent when, and what the newest known state forbids. No input or output, no clock."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notification.purposes import STALE_AFTER, WITH_SMS, Purpose, not_after, purpose_of
from shared.contracts import AppointmentState, LinkRequested, Office, OpenContact
from shared.contracts.appointments import AppointmentEvent


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class Status(StrEnum):
    DUE = "due"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    NOT_WANTED = "not_wanted"


_OVER = frozenset({"cancelled", "office_cancelled", "expired", "no_show", "completed", "anonymised"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one person over one channel.

    It goes out only with facts at least as new as the event that asked for it: the appointment's state from
    `state_sequence` on (0: any) and a contact from `contact_sequence` on (None: whatever the state names).
    `starts_at` is the time that it is about: the appointment's, or the offered one.
    """

    id: str
    caused_by: str
    appointment: str
    office: str
    purpose: Purpose
    channel: Channel
    language: str
    state_sequence: int
    contact_sequence: int | None
    starts_at: datetime | None
    created_at: datetime
    due_at: datetime
    not_after: datetime
    correlation_id: str
    traceparent: str | None
    attempts: int = 0
    waits: int = 0
    version: int = 0

    @property
    def siblings(self) -> tuple[str, ...]:
        """The ids of what was planned for the same event and purpose, over every channel."""
        return tuple(delivery_id(self.caused_by, self.purpose, channel) for channel in Channel)


@dataclass(frozen=True, slots=True)
class KnownState:
    sequence: int
    data: AppointmentState


@dataclass(frozen=True, slots=True)
class KnownContact:
    """`data` is None once the contact was erased; nothing brings it back."""

    sequence: int
    data: OpenContact | None


@dataclass(frozen=True, slots=True)
class Send:
    state: KnownState
    contact: OpenContact
    office: Office
    to: str

    @property
    def languages(self) -> tuple[str | None, ...]:
        """What the reader wants to read, the first choice first."""
        return self.contact.language, self.state.data.language


@dataclass(frozen=True, slots=True)
class Wait:
    missing: str


@dataclass(frozen=True, slots=True)
class Drop:
    status: Status
    reason: str


def message_for(event: AppointmentEvent) -> Delivery | None:
    """The mail that an appointment event asks for, the same one however often it comes."""
    purpose = purpose_of(event)
    return _planned(event, purpose) if purpose else None


def sms_beside(mail: Delivery, contact: KnownContact | None) -> Delivery | None:
    """The text message that goes with `mail`, where the person wants one; the same one however often it is asked.

    It is planned when the mail is due, not with it: only then is the contact sure to have come.
    """
    if mail.channel is not Channel.EMAIL or mail.purpose not in WITH_SMS:
        return None
    if contact is None or contact.data is None or _address(Channel.SMS, contact.data) is None:
        return None
    id = delivery_id(mail.caused_by, mail.purpose, Channel.SMS)
    return replace(mail, id=id, channel=Channel.SMS, attempts=0, waits=0, version=0)


def link_message(event: LinkRequested) -> Delivery:
    """The mail with the link to the appointment, to the address that came with the request."""
    return Delivery(
        id=delivery_id(event.id, Purpose.LINK, Channel.EMAIL),
        caused_by=event.id,
        appointment=event.data.appointment,
        office=event.data.office,
        purpose=Purpose.LINK,
        channel=Channel.EMAIL,
        language=event.data.language,
        state_sequence=0,
        contact_sequence=event.sequence,
        starts_at=None,
        created_at=stored(event.time),
        due_at=stored(event.time),
        not_after=stored(event.time + STALE_AFTER),
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
    )


def _planned(event: AppointmentEvent, purpose: Purpose) -> Delivery:
    state = event.data
    starts_at = state.offer_starts_at if purpose is Purpose.OFFER else state.starts_at
    return Delivery(
        id=delivery_id(event.id, purpose, Channel.EMAIL),
        caused_by=event.id,
        appointment=state.appointment,
        office=state.office,
        purpose=purpose,
        channel=Channel.EMAIL,
        language=state.language or "de",
        state_sequence=event.sequence,
        contact_sequence=None,
        starts_at=stored(starts_at or state.starts_at),
        created_at=stored(event.time),
        due_at=stored(event.time),
        not_after=stored(not_after(event, purpose)),
        correlation_id=event.correlationid,
        traceparent=event.traceparent,
    )


def stored(time: datetime) -> datetime:
    """In whole milliseconds, as the database gives it back: a time must equal itself after the journey."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def delivery_id(event_id: str, purpose: Purpose, channel: Channel) -> str:
    return f"{event_id}:{purpose}:{channel}"


def decide(
    delivery: Delivery,
    *,
    state: KnownState | None,
    contact: KnownContact | None,
    office: Office | None,
    now: datetime,
) -> Send | Wait | Drop:
    """Whether `delivery` goes out at `now`. The newest known state decides, not the event that planned it."""
    if contact is not None and contact.data is None:
        return Drop(Status.SUPERSEDED, "contact erased")
    known = state if state and state.sequence >= delivery.state_sequence else None
    if known and (contradiction := _contradiction(delivery, known.data)):
        return Drop(Status.SUPERSEDED, contradiction)
    if now >= _useless_from(delivery, known):
        return Drop(Status.EXPIRED, "too late")
    if known is None:
        return Wait("state")
    if contact is None or contact.data is None or contact.sequence < _contact_needed(delivery, known.data):
        return Wait("contact")
    to = _address(delivery.channel, contact.data)
    if to is None:
        return Drop(Status.NOT_WANTED, f"no {delivery.channel} for this contact")
    return Send(known, contact.data, office, to) if office else Wait("office")


def _useless_from(delivery: Delivery, known: KnownState | None) -> datetime:
    """Whoever is late still comes, and should know that the office is closed."""
    if known is None or delivery.purpose is Purpose.OFFICE_CANCELLATION:
        return delivery.not_after
    return min(delivery.not_after, known.data.starts_at)


def _contradiction(delivery: Delivery, state: AppointmentState) -> str | None:
    match delivery.purpose:
        case Purpose.CONFIRM_REQUEST:
            if (state.contact_sequence or 0) > delivery.state_sequence:
                return "the contact was corrected"
            contradicted = state.status != "requested"
        case Purpose.CANCELLATION:
            contradicted = state.status != "cancelled"
        case Purpose.OFFICE_CANCELLATION:
            contradicted = state.status != "office_cancelled"
        case Purpose.OFFER if not _is_offered(delivery, state):
            return "no longer offered"
        case Purpose.OFFER_EXPIRED if state.offer_expires_at:
            return "offered anew"
        case Purpose.OFFER_EXPIRED | Purpose.WAITING if not state.waits:
            return "waits no longer"
        case Purpose.CONFIRMATION | Purpose.RESCHEDULED if stored(state.starts_at) != delivery.starts_at:
            return "moved"
        case _:
            contradicted = state.status in _OVER
    return f"now {state.status}" if contradicted else None


def _is_offered(delivery: Delivery, state: AppointmentState) -> bool:
    """Whether the time that `delivery` is about is still offered, and until the same moment."""
    if state.offer_starts_at is None or state.offer_expires_at is None:
        return False
    offered = stored(state.offer_starts_at), stored(state.offer_expires_at)
    return offered == (delivery.starts_at, delivery.not_after)


def _contact_needed(delivery: Delivery, state: AppointmentState) -> int:
    needed = delivery.contact_sequence if delivery.contact_sequence is not None else state.contact_sequence
    return needed or 0


def _address(channel: Channel, contact: OpenContact) -> str | None:
    if channel is Channel.EMAIL:
        return contact.email
    # Whether a text message can reach that number is said by the channel: it then fails with a reason.
    return contact.phone if contact.sms_consent else None


@dataclass(frozen=True, slots=True)
class Retry:
    """After the n-th failed attempt wait `delays[n-1]` (the last one from then on), give up after `attempts`.

    `jitter` is the share by which a delay may be shorter or longer, so that a server that comes back is not
    met by everything at once. While a provider cannot be reached at all, nothing is wrong with any one message:
    the pause grows from `unreachable[0]` to `unreachable[1]`, costs no attempt and never gives up.
    """

    delays: tuple[timedelta, ...]
    attempts: int
    jitter: float
    unreachable: tuple[timedelta, timedelta] = (timedelta(seconds=1), timedelta(seconds=30))

    def delay(self, *, failed: int, chance: float, asked: timedelta | None = None) -> timedelta | None:
        """The pause after `failed` attempts, None to give up; `chance` is evenly spread over [0, 1).

        Never shorter than `asked`, which is what the provider wants.
        """
        if failed >= self.attempts:
            return None
        pause = self._spread(self.delays[min(failed, len(self.delays)) - 1], chance)
        return max(pause, self._later(asked, chance)) if asked else pause

    def delay_unreachable(self, *, looks: int, chance: float, asked: timedelta | None = None) -> timedelta:
        """The pause after a provider could not be reached, with `looks` in vain before, or what it `asked` for."""
        if asked:
            return self._later(asked, chance)
        first, most = self.unreachable
        return self._spread(_doubled(first, looks, most), chance)

    def _spread(self, pause: timedelta, chance: float) -> timedelta:
        return pause * (1 + self.jitter * (2 * chance - 1))

    def _later(self, asked: timedelta, chance: float) -> timedelta:
        return asked * (1 + self.jitter * chance)


def _doubled(first: timedelta, times: int, most: timedelta) -> timedelta:
    factor: int = 2 ** min(times, 16)
    return min(first * factor, most)


# More than a day altogether: greylisting is over in minutes, a full mailbox or a sick server by the next morning.
SENDING = Retry(
    delays=tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200)), attempts=20, jitter=0.2
)

_FIRST_WAIT = timedelta(milliseconds=50)
# What is waited for wakes its deliveries when it comes; this is for an arrival that just missed the look.
_LONGEST_WAIT = timedelta(seconds=60)


def wait_before_looking_again(waits: int) -> timedelta:
    """The pause before a delivery asks again for a fact that had not come on `waits` earlier looks."""
    return _doubled(_FIRST_WAIT, waits, _LONGEST_WAIT)


def is_undeliverable(statuses: set[Status]) -> bool:
    """Whether, of all that was planned for one purpose, something failed and nothing else is or was sent."""
    return Status.FAILED in statuses and statuses <= {Status.FAILED, Status.NOT_WANTED}
