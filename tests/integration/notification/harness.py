"""The notification service without HTTP and RabbitMQ: events in by hand, real MongoDB, real SMTP."""

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from services.notification.channels import SmsProvider
from services.notification.channels.email import EmailChannel, SmtpServer
from services.notification.channels.sms import Caps, SmsChannel
from services.notification.delivery import Dispatcher, Pace, Recorder, Sender
from services.notification.delivery.gates import Circuit, Gate, Limits, Patience
from services.notification.delivery.providers import GatedMail, SmsPool, Weighted
from services.notification.delivery.standing import Pauses, Ways
from services.notification.domain import Channel, Retry, Sandbox
from services.notification.handlers import handlers
from services.notification.opening import Opener
from services.notification.rendering import Renderer
from services.notification.storage import Deliveries, Known, SpentSegments, StandingStore
from shared.contracts import Event, parse_event
from shared.messaging import Publisher
from shared.mongo import Client, Database, DatabaseClock, Document
from shared.outbox import Relay
from shared.sealing import PrivateKeys
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.patience import until
from tests.sealed import PRIVATE
from tests.unit.notification.builders import SENDER, an_office_event

_SHORT = timedelta(milliseconds=50)
SOON = Retry(delays=(_SHORT,), attempts=4, jitter=0.2, unreachable=(_SHORT, _SHORT))
# Opens late and not for long: most tests are about messages, not about providers.
LENIENT = Patience(failures=20, first=_SHORT, most=_SHORT)
QUICK = Pace(
    in_flight=8,
    send_timeout=timedelta(seconds=2),
    poll_every=timedelta(milliseconds=200),
    look_after_every=timedelta(milliseconds=200),
)


@dataclass
class MovableClock:
    """The database's clock, and how far a test has moved it."""

    database: DatabaseClock
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return self.database.now() + self.ahead


def a_gate(name: str, clock: MovableClock, *, patience: Patience = LENIENT, limits: Limits | None = None) -> Gate:
    circuit = Circuit(patience, chance=lambda: 0.5)
    return Gate(name, limits=limits or Limits(), circuit=circuit, clock=clock.now)


@dataclass
class Notification:
    """One process of the service."""

    database: Database
    clock: MovableClock
    dispatcher: Dispatcher
    deliveries: Deliveries
    known: Known
    mail: EmailChannel
    sms: SmsChannel | None
    gate: Gate
    pauses: Pauses
    staff_mail: Mapping[str, Set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._on = handlers(
            known=self.known,
            deliveries=self.deliveries,
            dispatcher=self.dispatcher,
            clock=self.clock,
            staff_mail=self.staff_mail,
        ).by_queue

    async def hear(self, *events: Event) -> None:
        """As RabbitMQ would bring them: at the same time, and through the wire format."""
        await asyncio.gather(*(self._handle(event) for event in events))

    async def hear_in_order(self, *events: Event) -> None:
        for event in events:
            await self._handle(event)

    async def _handle(self, event: Event) -> None:
        await self._on[f"notification.{event.exchange}"][event.type](parse_event(event.body()))

    async def delivery(self, event: Event, purpose: str, *, channel: str = "email") -> Document:
        found = await self.deliveries.collection.find_one({"_id": f"{event.id}:{purpose}:{channel}"})
        assert found is not None
        return found

    async def until(
        self, event: Event, purpose: str, status: str, *, channel: str = "email", **stored: str
    ) -> Document:
        """The delivery, as soon as it has this status, and in other fields what is `stored`."""

        async def look() -> Document | None:
            id = f"{event.id}:{purpose}:{channel}"
            return await self.deliveries.collection.find_one({"_id": id, "status": status, **stored})

        found = await until(look, what=f"{purpose} by {channel} is {status}")
        assert found is not None
        return found

    async def start(self) -> None:
        await self.pauses.start()
        await self.dispatcher.start()

    async def stop(self) -> None:
        await self.dispatcher.stop()
        await self.pauses.stop()
        await self.mail.close()
        if self.sms:
            await self.sms.close()


@dataclass
class Notifications:
    """`clock` is everybody's."""

    client: Client
    database: Database
    keys: Database
    mailbox: Mailbox
    _clock: MovableClock | None = None
    _started: list[Notification] = field(default_factory=list)

    async def start(
        self,
        *,
        pace: Pace = QUICK,
        retry: Retry = SOON,
        office: bool = True,
        sms: SmsProvider | None = None,
        patience: Patience = LENIENT,
        limits: Limits | None = None,
        paused: tuple[Channel, ...] = (),
        caps: Caps | None = None,
        renderer: Renderer | None = None,
        running: bool = True,
        private_keys: PrivateKeys = PRIVATE,
        quiet_hours: bool = False,
        sandbox: Sandbox | None = None,
        staff_mail: Mapping[str, Set[str]] | None = None,
        training_mail: Mapping[str, str] | None = None,
        **smtp: Any,
    ) -> Notification:
        clock = await self.clock()
        known, deliveries = Known(self.database, keys=self.keys), Deliveries(self.database)
        await deliveries.ensure_indexes()
        await known.ensure_indexes()
        mail = EmailChannel(self._server(**smtp), sender=SENDER, timeout=pace.send_timeout)
        gate = a_gate("smtp", clock, patience=patience, limits=limits)
        gated = GatedMail(mail, gate=gate)
        pool = sms if isinstance(sms, SmsPool) else None
        if sms and not pool:
            pool = SmsPool([Weighted(sms, a_gate(sms.name, clock, patience=patience), 1.0)], clock=clock.now)
        standing = StandingStore(self.database)
        pauses = Pauses(standing, clock=clock, ways=Ways(mail=gated, sms=pool), fixed=paused)
        texts = SmsChannel(pool, spent=SpentSegments(self.database), caps=caps) if pool else None
        sender = Sender(
            known=known,
            opener=Opener(private_keys),
            renderer=renderer or Renderer(sender=SENDER),
            mail=gated,
            sms=texts,
            clock=clock,
            send_timeout=pace.send_timeout,
            retry=retry,
            quiet_hours=quiet_hours,
            sandbox=sandbox,
            staff_mail=staff_mail or {},
            training_mail=training_mail or {},
        )
        # Never started: events stay in the outbox, where a test can look at them.
        publisher = Publisher(url=SecretStr("amqp://nobody@127.0.0.1:1/none"), name="none")
        relay = Relay(publisher=publisher, collections=[deliveries.collection], clock=clock.database)
        dispatcher = Dispatcher(
            deliveries=deliveries,
            sender=sender,
            recorder=Recorder(deliveries=deliveries, relay=relay),
            clock=clock,
            pace=pace,
            rooms={channel: pauses.room(channel) for channel in Channel},
        )
        parts = (dispatcher, deliveries, known, mail, texts, gate, pauses, staff_mail or {})
        one = Notification(self.database, clock, *parts)
        if office:
            await one.hear(an_office_event())
        if running:
            await self.begin(one)
        return one

    async def begin(self, one: Notification) -> None:
        """Starts a process that was not."""
        await one.start()
        self._started.append(one)

    async def stop(self) -> None:
        await asyncio.gather(*(one.stop() for one in self._started))
        if self._clock:
            await self._clock.database.stop()

    async def clock(self) -> MovableClock:
        if self._clock is None:
            self._clock = MovableClock(DatabaseClock(self.client))
            await self._clock.database.start()
        return self._clock

    def _server(self, **changes: Any) -> SmtpServer:
        server = SmtpServer(host="127.0.0.1", port=self.mailbox.port, tls="none", helo="test.example")
        return replace(server, **changes)
