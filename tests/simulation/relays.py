"""The relay: every event of a committed change is stored by the broker, and only then leaves the outbox."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from shared.lifecycle import running
from shared.mongo import Database, PyMongoError
from shared.outbox import Entry, Relay, outbox_entry
from tests.simulation.fakes.clock import database_clock
from tests.simulation.fakes.messaging import FakePublisher, as_publisher
from tests.simulation.fakes.rabbitmq import Message
from tests.simulation.outboxes import Outboxes
from tests.simulation.process import Process
from tests.simulation.simulation import Simulation
from tests.simulation.stories import Life
from tests.simulation.world import Violation

_NAMES = ("appointments", "offices")
# In calm worlds writing begins when every relay is connected: one that comes later sweeps at once.
_ALL_CONNECTED_S = 3.0


class Relays(Simulation):
    """Up to three processes write changes into one database, each with a relay of its own."""

    kind: ClassVar[str] = "relay"
    labels: ClassVar[tuple[str, ...]] = (
        "publish",
        "appointments.update_many",
        "appointments.update_one",
        "appointments.insert_one",
        "appointments.find",
        "leases.update_one",
    )

    def feed(self) -> None:
        chance = self.world.chance
        self._outboxes = Outboxes(self.world, self.server, self.broker, _NAMES)
        self._databases: dict[Process, tuple[Database, Relay]] = {}
        moment = _ALL_CONNECTED_S if self.calm else 0.5
        for _ in range(chance.randrange(4, 20)):
            moment += chance.choice((0, 0.01, 0.2, 2)) * chance.random()
            self.world.at(moment, self._change, chance.choice(_NAMES), f"a{chance.randrange(1, 4)}")
        self.fed_until = moment
        if not self.calm and chance.random() < 0.2:
            self.world.at(chance.uniform(0, moment), self._loses_its_bindings)

    def _loses_its_bindings(self) -> None:
        self.broker.unroutable_until = self.world.now + self.world.chance.uniform(1, 8)

    async def main(self, process: Process) -> None:
        database = self.server.database(process)
        publisher = FakePublisher(process, self.broker)
        self.connections[process] = [publisher]
        relay = Relay(
            publisher=as_publisher(publisher),
            collections=[database[name] for name in _NAMES],
            clock=database_clock(process),
            in_flight=self.world.chance.choice((1, 2, 8)),
        )
        async with running(publisher, relay):
            self._databases[process] = database, relay
            await process.stopping.wait()
            del self._databases[process]

    def _change(self, name: str, id: str) -> None:
        """As a request would: it fails where the database is away, and nobody tries again."""
        process = self.a_process()
        if process and process in self._databases:
            process.loop.create_task(self._write(*self._databases[process], name, id))

    async def _write(self, database: Database, relay: Relay, name: str, id: str) -> None:
        collection = database[name]
        try:
            known = await collection.find_one({"_id": id}, {"version": 1})
            entries = self._entries(name, id, known["version"] + 1 if known else 1)
            told = {"outbox": {"$each": entries}, "history": {"$each": entries}}
            if known is None:
                document = {"_id": id, "version": 1, "outbox": entries, "history": entries}
                await collection.insert_one(document)
            else:
                version = known["version"]
                update = {"$set": {"version": version + 1}, "$push": told}
                result = await collection.update_one({"_id": id, "version": version}, update)
                if not result.modified_count:
                    return
        except PyMongoError:
            return
        relay.submit(collection=name, document_id=id, entries=entries)

    def _entries(self, name: str, id: str, version: int) -> list[Entry]:
        """One event, or two of one change; `name` tells apart what two collections know by one id."""
        life = Life(f"{name}.{id}", starts_at=self.world.utc() + timedelta(days=7), email="someone@example.org")
        life.sequence = version - 1
        now = self.world.utc()
        return [outbox_entry(e) for e in (life.requested(now) if version % 3 == 2 else life.held(now))]

    def written(self, collection: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        self._outboxes.written(collection, before, after)

    def published(self, message: Message) -> None:
        self._outboxes.published(message)

    def moving(self) -> str | None:
        waiting = self._outboxes.waiting()
        return f"{waiting} wait in the outbox" if waiting else None

    def verify(self) -> None:
        self._outboxes.verify()
        most = 1 if self.calm else 1 + self._incidents()
        if often := {id: n for id, n in self.broker.stored.items() if n > most}:
            raise Violation(f"published more than {most} times: {often}")

    def _incidents(self) -> int:
        """Each may cost every event one more publish."""
        return sum(len(process.troubles) + 1 for process in self.processes) + self.broker.unhappy
