"""What must hold of every outbox: nothing leaves it unpublished, nothing is published that was not in one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.fakes.mongodb import Server
from tests.simulation.fakes.rabbitmq import Broker, Message
from tests.simulation.world import Violation, World


@dataclass
class Outboxes:
    """The outboxes of `collections`. `committed` names, by id, all events that were ever stored with a change."""

    world: World
    server: Server
    broker: Broker
    collections: tuple[str, ...]
    committed: dict[str, str] = field(default_factory=dict)

    def written(self, collection: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        if collection not in self.collections:
            return
        had, has = _named(before), _named(after)
        self.committed |= has
        if lost := sorted(had[id] for id in had.keys() - has.keys() if id not in self.broker.stored):
            self.world.fail(f"{lost} left the outbox, and the broker has never stored them")

    def published(self, message: Message) -> None:
        if message.id not in self.committed:
            self.world.fail(f"{message.key} was published, and no change was ever committed with it")

    def waiting(self) -> list[str]:
        store = self.server.store
        documents = (d for name in self.collections for d in store.documents(name).values())
        return sorted(name for document in documents for name in _named(document).values())

    def verify(self) -> None:
        """Raises Violation."""
        if lost := sorted(name for id, name in self.committed.items() if id not in self.broker.stored):
            raise Violation(f"never stored by the broker: {lost}")


def _named(document: Mapping[str, Any] | None) -> dict[str, str]:
    """What each tells, by id: the ids that notification makes are other ones in each run."""
    if not document:
        return {}
    return {
        entry["id"]: f"{entry['type']} {entry['sequence']} of {document['_id']}" for entry in document["outbox"]
    }
