"""What every kind of simulation has in common: slots with processes, servers, weather, and an end."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from tests.simulation import faults
from tests.simulation.fakes.messaging import FakePublisher, SimulatedConsumers
from tests.simulation.fakes.mongodb import Server
from tests.simulation.fakes.rabbitmq import Broker, Message, Weather
from tests.simulation.faults import Slot
from tests.simulation.process import Process
from tests.simulation.world import World

_LIMIT_S = 600.0


class Simulation(ABC):
    """One world of one kind. `calm` worlds have no faults, only repeats, delays and another order."""

    kind: ClassVar[str]
    queues: ClassVar[Sequence[str]] = ()
    # Steps that deserve to be hit on purpose, and within how many of all a fault strikes.
    labels: ClassVar[Sequence[str]]
    steps: ClassVar[int] = 120
    most_processes: ClassVar[int] = 3

    def __init__(self, world: World, *, calm: bool | None = None) -> None:
        self.world = world
        chance = world.chance
        self.calm = faults.is_calm(world) if calm is None else calm
        self.server = Server(world, hiccups=0.0 if self.calm else chance.choice((0, 0, 0.01, 0.03)))
        weather = Weather(unconfirmed=0.0 if self.calm else chance.choice((0, 0, 0.05, 0.2)))
        self.broker = Broker(world, weather=weather, queues=self.queues)
        self.connections: dict[Process, list[FakePublisher | SimulatedConsumers]] = {}
        self.slots = [self._slot(n) for n in range(1, chance.randrange(1, self.most_processes + 1) + 1)]
        self.fed_until = 0.0

    def _slot(self, number: int) -> Slot:
        drawn = (
            [] if self.calm else faults.draw(self.world, labels=self.labels, steps=self.steps, freezes=(0.2, 20.0))
        )
        return Slot(self.world, name=f"{self.kind}-{number}", main=self.main, faults=drawn)

    def run(self) -> None:
        """Raises Violation."""
        self.server.store.watchers.append(self.written)
        self.broker.on_stored = self.published
        if self.world.tracing:
            self._introduce()
        for slot in self.slots:
            self.world.later(self.world.chance.uniform(0, 0.5), slot.start)
        self.feed()
        if not self.calm:
            self._plan_weather()
        try:
            self.world.run(at_rest=self._moving, limit=_LIMIT_S)
            self.verify()
        finally:
            for slot in self.slots:
                slot.close()
            self.world.close()

    def _introduce(self) -> None:
        for slot in self.slots:
            for fault in slot.faults:
                self.world.note(f"{slot.name}  will go wrong: {fault}")

    def _plan_weather(self) -> None:
        chance, later = self.world.chance, self.world.later
        end = self.fed_until
        if chance.random() < 0.35:
            later(chance.uniform(0, end), self.server.goes_away, 15 * chance.random() ** 2)
        if chance.random() < 0.35:
            later(chance.uniform(0, end), self.server.grows_slow, chance.uniform(1, 15), chance.uniform(0.5, 4))
        if chance.random() < 0.3:
            later(chance.uniform(0, end), self.broker.goes_away, 15 * chance.random() ** 2)
        for _ in range(chance.randrange(3)):
            later(chance.uniform(0, end), self._lose_a_connection)

    def _lose_a_connection(self) -> None:
        live = [each for process, some in self.connections.items() if process.alive for each in some]
        if live:
            broken = self.world.chance.choice(live)
            if isinstance(broken, FakePublisher):
                broken.lose()
            else:
                broken.connection.lose()

    def _moving(self) -> str | None:
        if self.world.now < self.fed_until:
            return "events are still to come"
        if down := [slot.name for slot in self.slots if not slot.up()]:
            return f"{', '.join(down)} not running"
        if not self.broker.at_rest():
            return "messages are on their way"
        return self.moving()

    def a_process(self) -> Process | None:
        """One that is up, whichever."""
        up = [slot.process for slot in self.slots if slot.process and slot.up()]
        return self.world.chance.choice(up) if up else None

    @property
    def processes(self) -> list[Process]:
        """All there ever were."""
        return [p for slot in self.slots for p in (*slot.ended, slot.process) if p]

    @abstractmethod
    async def main(self, process: Process) -> None:
        """The service in `process`, until it is asked to stop."""

    @abstractmethod
    def feed(self) -> None:
        """Plans what happens from outside, and sets `fed_until`."""

    @abstractmethod
    def written(self, collection: str, before: dict[str, object] | None, after: dict[str, object] | None) -> None:
        """Looks at each change in the database."""

    @abstractmethod
    def published(self, message: Message) -> None:
        """Looks at each message that the broker stores."""

    @abstractmethod
    def moving(self) -> str | None:
        """What has not come to rest yet, None where all has."""

    @abstractmethod
    def verify(self) -> None:
        """Says by `world.fail` or raises Violation where the end is not as it must be."""
