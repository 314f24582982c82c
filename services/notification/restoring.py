"""What a restore means for messages: none that may have gone out goes out again, and each of them is named."""

from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta

from pydantic import Field, SecretStr

from services.notification import domain, staff_mails
from services.notification.delivery.recording import entry_of, state_of
from services.notification.domain import Delivery, Status
from services.notification.history import DatabaseSettings
from services.notification.storage import Known
from services.notification.storage.restored import Restored
from shared.backup.restoring import Restore
from shared.contracts import (
    ContactErased,
    Event,
    LinkRequested,
    MessageRequested,
    NotificationExpired,
    OfficeConflictsFound,
    OfficeDayPlanned,
    parse_event,
)
from shared.contracts.appointments import AppointmentEvent
from shared.contracts.event import wire_type
from shared.mongo import connect, database
from shared.outbox import Entry

# After booking, which says who was erased.
TURN = 2

WHY = "withheld by a restore: it may have gone out before"
_AT_ONCE = 200
# What on the exchange of contacts asks for a message.
_ASKING = frozenset({wire_type(LinkRequested), wire_type(MessageRequested)})
# What booking and reporting may not have heard yet at the moment of the backup.
_TOLD_AGAIN = timedelta(days=1)


class Settings(DatabaseSettings):
    keys_database: str = "notification_keys"
    keys_mongodb_uri: SecretStr | None = None
    staff_mail: dict[str, frozenset[str]] = Field(default_factory=dict)


async def after_restore(restore: Restore) -> None:
    settings = Settings()
    client = connect(settings)
    keys_client = connect(settings, uri=settings.keys_mongodb_uri) if settings.keys_mongodb_uri else client
    db, keys = database(client, settings), keys_client[settings.keys_database]
    try:
        restored = Restored(db, keys=keys)
        await _Restoring(Known(db, keys=keys), restored, restore, staff_mail=settings.staff_mail).run()
    finally:
        client.close()
        keys_client.close()


class _Restoring:
    def __init__(
        self, known: Known, restored: Restored, restore: Restore, *, staff_mail: Mapping[str, Set[str]]
    ) -> None:
        self._staff_mail = staff_mail
        self._known = known
        self._restored = restored
        self._restore = restore

    async def run(self) -> None:
        await self._restored.give_up()
        await self._erase()
        async for delivery in self._restored.due(now=self._restore.now):
            await self._restored.withhold(delivery, self._expired(delivery), why=WHY)
            self._list(delivery)
        await self._plan_what_was_on_its_way()
        since = self._restore.taken_at - _TOLD_AGAIN
        self._restore.raised["messages"] = await self._restored.raise_deliveries(told_since=since)

    async def _erase(self) -> None:
        """Before any service hears of it: no mail says so a second time."""
        async for entry in self._restore.told("contacts", types={wire_type(ContactErased)}):
            event = parse_event(entry["body"].encode())
            if isinstance(event, ContactErased):
                await self._known.erase_contact(event)

    async def _plan_what_was_on_its_way(self) -> None:
        """Messages whose event had left booking at the moment of the backup and not come here yet."""
        for exchange in ("appointments", "contacts", "offices"):
            events: list[Event] = []
            # A contact alone asks for no message, and to seal it anew for each reading takes longest.
            types = _ASKING if exchange == "contacts" else None
            async for entry in self._restore.told(exchange, types=types):
                events.append(parse_event(entry["body"].encode()))
                if len(events) >= _AT_ONCE:
                    await self._plan(events)
                    events = []
            await self._plan(events)

    async def _plan(self, events: Iterable[Event]) -> None:
        mails = [(event, mail) for event in events for mail in self._messages_of(event)]
        known = await self._restored.planned([mail.id for _, mail in mails])
        missing = [(event, mail) for event, mail in mails if mail.id not in known]
        planned = [mail for _, mail in missing]
        for event, _ in missing:
            planned += await self._reminder_of_old(event)
        await self._restored.plan_withheld([(one, self._expired(one)) for one in planned], why=WHY)
        for delivery in planned:
            self._list(delivery)

    def _messages_of(self, event: Event) -> list[Delivery]:
        found: Delivery | None = None
        match event:
            case OfficeDayPlanned() | OfficeConflictsFound():
                addresses = sorted(self._staff_mail.get(event.data.office, ()))
                return [staff_mails.staff_message(event, to=to) for to in addresses]
            case LinkRequested():
                found = domain.link_message(event)
            case MessageRequested():
                found = domain.message_once_more(event)
            case AppointmentEvent():
                found = domain.message_for(event)
        return [found] if found else []

    async def _reminder_of_old(self, event: Event) -> list[Delivery]:
        """One that was due by now; a later one is planned as ever when its event comes again."""
        if not isinstance(event, AppointmentEvent):
            return []
        office = await self._known.office(event.data.office)
        reminder = domain.reminder_for(event, office=office)
        if reminder is None or reminder.due_at > self._restore.now:
            return []
        return [] if await self._restored.planned([reminder.id]) else [reminder]

    def _expired(self, delivery: Delivery) -> Entry:
        return _expired(delivery, now=self._restore.now)

    def _list(self, delivery: Delivery) -> None:
        if delivery.appointment in self._restore.reerased:
            return
        said = {"appointment": delivery.appointment, "office": delivery.office, "purpose": delivery.purpose.value}
        due = {"channel": delivery.channel.value, "due_at": delivery.due_at.isoformat()}
        self._restore.withheld.append({**said, **due})


def _expired(delivery: Delivery, *, now: datetime) -> Entry:
    status = Status.EXPIRED.value
    state = state_of(delivery, status=status, language=delivery.language, attempts=delivery.attempts)
    state = state.model_copy(update={"error": WHY})
    return entry_of(NotificationExpired, delivery, state, version=delivery.version + 1, now=now)
