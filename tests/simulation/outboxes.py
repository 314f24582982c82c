"""What must hold of every outbox: nothing leaves it unpublished, nothing is published that was not in one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.fakes.mongodb import Server
from tests.simulation.fakes.rabbitmq import Broker, Message
from tests.simulation.world import Violation, World


@dataclass
class Outboxes:
    """The outboxes of `collections`. `committed` are the ids of all events that were ever stored with a change."""

    world: World
    server: Server
    broker: Broker
    collections: tuple[str, ...]
    committed: set[str] = field(default_factory=set)

    def written(self, collection: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        if collection not in self.collections:
            return
        had, has = _ids(before), _ids(after)
        self.committed |= has - had
        if lost := sorted(id for id in had - has if id not in self.broker.stored):
            self.world.fail(f"{lost} left the outbox, and the broker has never stored them")

    def published(self, message: Message) -> None:
        if message.id not in self.committed:
            self.world.fail(f"{message.id} was published, and no change was ever committed with it")

    def waiting(self) -> list[str]:
        store = self.server.store
        return sorted({id for name in self.collections for d in store.documents(name).values() for id in _ids(d)})

    def verify(self) -> None:
        """Raises Violation."""
        if lost := sorted(self.committed - self.broker.stored.keys()):
            raise Violation(f"never stored by the broker: {lost}")


def _ids(document: Mapping[str, Any] | None) -> set[str]:
    return {entry["id"] for entry in document["outbox"]} if document else set()
