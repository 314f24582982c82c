"""The notification service without HTTP and RabbitMQ: events in by hand, real MongoDB, real SMTP."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from services.notification.channels import SmsProvider
from services.notification.channels.email import EmailChannel, SmtpServer
from services.notification.channels.sms import Caps, SmsChannel
from services.notification.delivery import Dispatcher, Pace, Recorder, Sender
from services.notification.domain import Retry, Sandbox
from services.notification.handlers import handlers
from services.notification.opening import Opener
from services.notification.rendering import Renderer
from services.notification.storage import Deliveries, Known, SpentSegments
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
QUICK = Pace(
    in_flight=8,
    send_timeout=timedelta(seconds=2),
    poll_every=timedelta(milliseconds=200),
    look_after_every=timedelta(milliseconds=200),
)


@dataclass
class Notification:
    """One process of the service."""

    database: Database
    clock: DatabaseClock
    dispatcher: Dispatcher
    deliveries: Deliveries
    known: Known
    mail: EmailChannel
    sms: SmsChannel | None

    def __post_init__(self) -> None:
        self._on = handlers(
            known=self.known,
            deliveries=self.deliveries,
            dispatcher=self.dispatcher,
            clock=self.clock,
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

    async def stop(self) -> None:
        await self.dispatcher.stop()
        await self.mail.close()
        if self.sms:
            await self.sms.close()


@dataclass
class Notifications:
    client: Client
    database: Database
    keys: Database
    mailbox: Mailbox
    _clock: DatabaseClock | None = None
    _started: list[Notification] = field(default_factory=list)

    async def start(
        self,
        *,
        pace: Pace = QUICK,
        retry: Retry = SOON,
        office: bool = True,
        sms: SmsProvider | None = None,
        caps: Caps | None = None,
        renderer: Renderer | None = None,
        running: bool = True,
        private_keys: PrivateKeys = PRIVATE,
        quiet_hours: bool = False,
        sandbox: Sandbox | None = None,
        **smtp: Any,
    ) -> Notification:
        clock = await self._shared_clock()
        known, deliveries = Known(self.database, keys=self.keys), Deliveries(self.database)
        await deliveries.ensure_indexes()
        mail = EmailChannel(self._server(**smtp), sender=SENDER, timeout=pace.send_timeout)
        texts = SmsChannel(sms, spent=SpentSegments(self.database), caps=caps) if sms else None
        sender = Sender(
            known=known,
            opener=Opener(private_keys),
            renderer=renderer or Renderer(sender=SENDER),
            mail=mail,
            sms=texts,
            clock=clock,
            send_timeout=pace.send_timeout,
            retry=retry,
            quiet_hours=quiet_hours,
            sandbox=sandbox,
        )
        # Never started: events stay in the outbox, where a test can look at them.
        publisher = Publisher(url=SecretStr("amqp://nobody@127.0.0.1:1/none"), name="none")
        relay = Relay(publisher=publisher, collections=[deliveries.collection], clock=clock)
        dispatcher = Dispatcher(
            deliveries=deliveries,
            sender=sender,
            recorder=Recorder(deliveries=deliveries, relay=relay),
            clock=clock,
            pace=pace,
        )
        one = Notification(self.database, clock, dispatcher, deliveries, known, mail, texts)
        if office:
            await one.hear(an_office_event())
        if running:
            await dispatcher.start()
            self._started.append(one)
        return one

    async def stop(self) -> None:
        await asyncio.gather(*(one.stop() for one in self._started))
        if self._clock:
            await self._clock.stop()

    async def _shared_clock(self) -> DatabaseClock:
        if self._clock is None:
            self._clock = DatabaseClock(self.client)
            await self._clock.start()
        return self._clock

    def _server(self, **changes: Any) -> SmtpServer:
        server = SmtpServer(host="127.0.0.1", port=self.mailbox.port, tls="none", helo="test.example")
        return replace(server, **changes)
