"""The dispatcher: each message that should go out does, once, and none that is wrong, late or unwanted."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar

from services.notification.delivery import Dispatcher, Pace, Recorder, Sender
from services.notification.domain import Retry
from services.notification.handlers import handlers
from services.notification.opening import Opener
from services.notification.rendering import Renderer
from services.notification.storage import Deliveries, Known
from shared.contracts import Event, Office, OfficePublished
from shared.lifecycle import running
from shared.mongo import Database
from shared.outbox import Relay
from tests.sealed import PRIVATE
from tests.simulation.fakes.clock import database_clock
from tests.simulation.fakes.messaging import FakePublisher, SimulatedConsumers, as_publisher
from tests.simulation.fakes.provider import FakeMail, FakeSms, Provider
from tests.simulation.fakes.rabbitmq import Message
from tests.simulation.ledger import Ledger
from tests.simulation.outboxes import Outboxes
from tests.simulation.process import Process
from tests.simulation.simulation import Simulation
from tests.simulation.stories import OFFICE, SERVICE, Life, as_message, event
from tests.simulation.world import World
from tests.unit.notification.builders import SENDER, an_office

SEND_TIMEOUT = timedelta(seconds=2)
_SLOW_S = 1.7
_RETRY = Retry(
    delays=(timedelta(seconds=0.5), timedelta(seconds=2)),
    attempts=6,
    jitter=0.2,
    unreachable=(timedelta(seconds=0.5), timedelta(seconds=4)),
)


class DeliverySimulation(Simulation):
    """Up to three processes of notification, a few appointments, and what becomes of their messages."""

    kind: ClassVar[str] = "dispatcher"
    queues: ClassVar[tuple[str, ...]] = (
        "notification.appointments",
        "notification.contacts",
        "notification.offices",
    )
    labels: ClassVar[tuple[str, ...]] = (
        "mail.send",
        "sms.send",
        "deliveries.bulk_write",
        "deliveries.update_many",
        "deliveries.update_one",
        "appointments.bulk_write",
        "contacts.bulk_write",
        "contacts.update_one",
        "keys.bulk_write",
        "keys.update_one",
        "publish",
        "ack",
    )

    def __init__(self, world: World, *, calm: bool | None = None) -> None:
        super().__init__(world, calm=calm)
        chance = world.chance
        self.provider = Provider(
            world,
            send_timeout=SEND_TIMEOUT.total_seconds(),
            trouble=0.0 if self.calm else chance.choice((0, 0.1, 0.3)),
            slowest=chance.choice((0.05, 0.5, _SLOW_S)),
        )
        # A queue before a slow provider: there facts grow old, and leases end.
        self._crowded = self.provider.slowest == _SLOW_S
        self.ledger = Ledger(self)
        self._outboxes = Outboxes(world, self.server, self.broker, ("deliveries",))
        self.provider.on_begin = self.ledger.begins
        self._pace = Pace(
            in_flight=1 if self._crowded else chance.choice((1, 2, 4)),
            send_timeout=SEND_TIMEOUT,
            look_after_every=timedelta(seconds=3),
        )

    async def main(self, process: Process) -> None:
        database, clock = self.server.database(process), database_clock(process)
        publisher = FakePublisher(process, self.broker)
        known, deliveries = self.storage(database)
        relay = Relay(publisher=as_publisher(publisher), collections=[deliveries.collection], clock=clock)
        sender = Sender(
            known=known,
            opener=Opener(PRIVATE),
            renderer=_renderer(),
            mail=FakeMail(process, self.provider),
            sms=FakeSms(process, self.provider),
            clock=clock,
            send_timeout=SEND_TIMEOUT,
            retry=_RETRY,
            # A night of the simulated world would last as long as all else.
            quiet_hours=False,
        )
        dispatcher = Dispatcher(
            deliveries=deliveries,
            sender=sender,
            recorder=Recorder(deliveries=deliveries, relay=relay),
            clock=clock,
            pace=self._pace,
        )
        consumers = SimulatedConsumers(
            process=process,
            broker=self.broker,
            publisher=as_publisher(publisher),
            handlers=handlers(known=known, deliveries=deliveries, dispatcher=dispatcher, clock=clock),
            prefetch=self.world.chance.choice((1, 5, 200)),
        )
        self.connections[process] = [publisher, consumers]
        async with running(publisher, relay, dispatcher, consumers):
            await process.stopping.wait()

    def storage(self, database: Database) -> tuple[Known, Deliveries]:
        return Known(database, keys=database), Deliveries(database)

    def feed(self) -> None:
        chance = self.world.chance
        self.tell(0.0, [an_office_event(self.world)])
        for number in range(1, chance.randrange(1, 7 if self._crowded else 5) + 1):
            self._live(number)
        if not self.calm and chance.random() < 0.3:
            self.world.at(chance.uniform(0, self.fed_until), self.provider.goes_away, 8 * chance.random())

    def _live(self, number: int) -> None:
        """Requested, perhaps corrected; confirmed or run out; perhaps moved, cancelled, erased."""
        chance, life = self.world.chance, self._new_life(number)
        moment = 1.0 + 3 * chance.random()

        def then(step: str, **how: Any) -> None:
            nonlocal moment
            now = self.world.utc() + timedelta(milliseconds=int(moment * 1000))
            self.tell(moment, getattr(life, step)(now, **how))
            moment += chance.choice((0.01, 0.3, 3)) * chance.random()

        life.sequence = 1
        then("requested")
        if life.email and chance.random() < 0.25:
            then("requested", email=f"corrected-{life.email}")
        if chance.random() < 0.15:
            then("expired")
        else:
            then("confirmed")
            if chance.random() < 0.15:
                then("erased")
            for _ in range(chance.choice((0, 0, 1, 2))):
                then("rescheduled", by=timedelta(days=1))
            if chance.random() < 0.25:
                then("link_requested")
            if chance.random() < 0.3:
                then("cancelled")
        self.ledger.lives[life.id] = life

    def _new_life(self, number: int) -> Life:
        chance = self.world.chance
        soon = chance.random() < 0.2
        ahead = timedelta(seconds=chance.randrange(3, 25)) if soon else timedelta(days=3)
        phone = f"+4915112345{number:03d}" if chance.random() < 0.4 else None
        # Whom staff booked for may have a telephone only.
        email = f"citizen-{number}@example.org" if not phone or chance.random() < 0.8 else None
        self.provider.refusing |= {to for to in (email, phone) if to and chance.random() < 0.15}
        return Life(f"a{number}", starts_at=self.world.utc() + ahead, email=email, phone=phone)

    def tell(self, moment: float, events: list[Event]) -> None:
        for told in events:
            self.ledger.told.append(told)
            self.world.at(moment, self.broker.put, as_message(told))
        self.fed_until = max(self.fed_until, moment)

    def written(self, collection: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        self.ledger.written(collection, before, after)
        self._outboxes.written(collection, before, after)

    def published(self, message: Message) -> None:
        if message.exchange == "notifications":
            self.ledger.published(message)
            self._outboxes.published(message)

    def moving(self) -> str | None:
        documents = self.server.store.documents("deliveries").values()
        # A reminder lies days ahead.
        now = self.world.utc()
        waits = {d["_id"] for d in documents if d["purpose"] == "reminder" and d["next_at"] > now}
        claimed = {d["_id"] for d in documents if "token" in d}
        due = sorted(d["_id"] for d in documents if d["status"] == "due" and d["_id"] not in waits - claimed)
        untold = self._outboxes.waiting()
        unsettled = sorted(d["_id"] for d in documents if d.get("settle"))
        return f"{due=} {untold=} {unsettled=}" if due or untold or unsettled else None

    def verify(self) -> None:
        self.ledger.verify()
        self._outboxes.verify()


@cache
def _renderer() -> Renderer:
    """It remembers nothing but templates, and reading them anew for each process takes a second of real time."""
    return Renderer(sender=SENDER)


@cache
def _office() -> Office:
    """With what messages say; all its municipalities would only cost time."""
    office = an_office()
    wanted = tuple(service for service in office.services if service.id == SERVICE)
    return office.model_copy(update={"municipalities": (), "authorities": (), "services": wanted})


def an_office_event(world: World) -> Event:
    told: Event = event(OfficePublished, subject=OFFICE, sequence=1, time=world.utc(), data=_office())
    return told
