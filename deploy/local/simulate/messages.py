"""What notification would have sent: its own rules say which messages there are and whether they still hold.

What a mail server does with them is chance: most take a message within seconds, some addresses are wrong, and on
some days mail is away for an hour or two.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from deploy.local.simulate.agenda import Agenda
from deploy.local.simulate.books import Books
from services.booking.domain.appointment import Appointment
from services.booking.storage.documents import to_state
from services.notification.delivery.recording import entry_of, state_of
from services.notification.domain import (
    Channel,
    Delivery,
    Drop,
    KnownContact,
    KnownState,
    Later,
    Send,
    Status,
    decide,
    message_for,
    reminder_for,
    sms_beside,
    sms_instead,
)
from services.notification.purposes import Purpose
from shared.contracts import (
    Event,
    NotificationDelivered,
    NotificationExpired,
    NotificationFailed,
    NotificationSent,
    NotificationSuperseded,
    NotificationUndeliverable,
    Office,
    OpenContact,
)
from shared.contracts.appointments import AppointmentEvent
from shared.outbox import Entry

_DROPPED: dict[Status, type[Event]] = {
    Status.SUPERSEDED: NotificationSuperseded,
    Status.EXPIRED: NotificationExpired,
}
_WRONG_ADDRESS = 0.012
_WRONG_NUMBER = 0.03
_GATEWAY_TELLS = 0.92
# Mail is away so often, and so long.
_DAYS_BETWEEN_OUTAGES = 35
_OUTAGE_MINUTES = (30, 150)

# (appointment, the event that asked): the message that asks to confirm was handed over, or cannot be.
Settled = Callable[[str, int, datetime], None]


@dataclass(slots=True)
class Messages:
    """`settled` hears what became of the messages that ask to confirm."""

    books: Books
    agenda: Agenda
    random: Random
    office: Office
    settled: Settled
    told: list[Entry] = field(default_factory=list)
    # By appointment: whose address or number is wrong, drawn once.
    _wrong: dict[tuple[str, Channel], bool] = field(default_factory=dict)
    _states: dict[str, KnownState] = field(default_factory=dict)
    _away_from: datetime | None = None
    _away_until: datetime | None = None

    def hear(self, event: AppointmentEvent, appointment: Appointment) -> None:
        before = self._states.get(appointment.id)
        if appointment.contact_sequence is None:
            return
        mail = message_for(event, office=self.office, before=before)
        self._states[appointment.id] = KnownState(event.sequence, event.data)
        for delivery in (mail, reminder_for(event, office=self.office)):
            if delivery:
                self._plan(delivery)

    def forget(self, id: str) -> None:
        self._states.pop(id, None)
        for channel in Channel:
            self._wrong.pop((id, channel), None)

    def _plan(self, delivery: Delivery) -> None:
        self.agenda.at(delivery.due_at, lambda now: self._look(delivery, now))

    def _look(self, delivery: Delivery, now: datetime) -> None:
        appointment = self.books.get(delivery.appointment)
        if appointment is None or appointment.contact is None:
            return
        contact = _contact(appointment)
        state = KnownState(appointment.version, to_state(appointment))
        match decide(delivery, state=state, contact=contact, office=self.office, now=now):
            case Send():
                if beside := sms_beside(delivery, contact) if delivery.channel is Channel.EMAIL else None:
                    self._plan(replace(beside, due_at=now))
                self._hand_over(delivery, contact, now)
            case Later(due_at=due_at):
                self._plan(replace(delivery, due_at=due_at))
            case Drop(status=status, reason=reason) if status in _DROPPED:
                self._tell(_DROPPED[status], delivery, now, status=status.value, attempts=0, error=reason)

    def _hand_over(self, delivery: Delivery, contact: KnownContact, now: datetime) -> None:
        if delivery.channel is Channel.EMAIL and (back := self._mail_is_back(now)):
            self.agenda.at(back, lambda later: self._look(delivery, later))
            return
        at = now + timedelta(seconds=1 + int(self.random.expovariate(1 / 4)))
        if self._is_wrong(delivery):
            self.agenda.at(at, lambda later: self._fail(delivery, contact, later))
        else:
            self.agenda.at(at, lambda later: self._sent(delivery, later))

    def _sent(self, delivery: Delivery, now: datetime) -> None:
        self._tell(NotificationSent, delivery, now, status="sent", sent_at=now)
        if delivery.channel is Channel.SMS and self.random.random() < _GATEWAY_TELLS:
            at = now + timedelta(seconds=2 + int(self.random.expovariate(1 / 15)))
            told = replace(delivery, version=1)
            self.agenda.at(at, lambda later: self._arrived(told, sent_at=now, now=later))
        self._settle(delivery, now)

    def _arrived(self, delivery: Delivery, *, sent_at: datetime, now: datetime) -> None:
        self._tell(NotificationDelivered, delivery, now, status="sent", sent_at=sent_at, delivered_at=now)

    def _fail(self, delivery: Delivery, contact: KnownContact, now: datetime) -> None:
        self._tell(NotificationFailed, delivery, now, status="failed", error="550 no such recipient")
        instead = sms_instead(delivery, contact) if delivery.channel is Channel.EMAIL else None
        if instead:
            self._plan(replace(instead, due_at=now))
            return
        failed = replace(delivery, version=1)
        self._tell(NotificationUndeliverable, failed, now, status="undeliverable", error="550 no such recipient")
        self._settle(delivery, now)

    def _settle(self, delivery: Delivery, now: datetime) -> None:
        if delivery.purpose is Purpose.CONFIRM_REQUEST:
            self.settled(delivery.appointment, delivery.state_sequence, now)

    def _tell(
        self,
        cls: type[Event],
        delivery: Delivery,
        now: datetime,
        *,
        status: str,
        attempts: int = 1,
        **said: object,
    ) -> None:
        state = state_of(delivery, status=status, language=delivery.language, attempts=attempts)
        state = state.model_copy(update=said)
        self.told.append(entry_of(cls, delivery, state, version=delivery.version + 1, now=now))

    def _is_wrong(self, delivery: Delivery) -> bool:
        key = (delivery.appointment, delivery.channel)
        if key not in self._wrong:
            share = _WRONG_ADDRESS if delivery.channel is Channel.EMAIL else _WRONG_NUMBER
            self._wrong[key] = self.random.random() < share
        return self._wrong[key]

    def _mail_is_back(self, now: datetime) -> datetime | None:
        """While the mail server is away: when it answers again."""
        while self._away_until is None or self._away_until <= now:
            begin = self._away_until or now
            self._away_from = begin + timedelta(days=self.random.expovariate(1 / _DAYS_BETWEEN_OUTAGES))
            self._away_until = self._away_from + timedelta(minutes=self.random.uniform(*_OUTAGE_MINUTES))
        assert self._away_from is not None
        return self._away_until if self._away_from <= now else None


def _contact(appointment: Appointment) -> KnownContact:
    """Nobody's: in memory only, to ask the rules with."""
    details = appointment.contact
    assert details is not None
    open_contact = OpenContact(
        appointment=appointment.id,
        office=appointment.office,
        code=appointment.code,
        family_name="",
        email="nobody@amtstermin.example" if details.has_email else None,
        phone="+4915112345678" if details.has_phone else None,
        language=details.language,
        sms_consent=details.sms_consent,
        reminders=details.reminders,
        confirm_url="",
        confirm_code="",
        manage_url="",
    )
    return KnownContact(appointment.contact_sequence or 0, open_contact)
