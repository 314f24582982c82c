"""The database server as the network shows it: slow, away, or with an answer that gets lost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from pymongo.errors import (
    AutoReconnect,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from shared.mongo import Database
from tests.simulation.fakes.collection import FakeDatabase
from tests.simulation.fakes.store import Change, Operation, Store
from tests.simulation.process import Call, Process
from tests.simulation.world import World

# How often a pause of an operation lets others in.
_INTERLEAVED = 0.2
# What the driver raises before anything is sent, and passes on from the server.
_TOLD = (PyMongoError, OverflowError)


@dataclass
class Server:
    """`hiccups` is how often an answer is lost, or an operation refused."""

    world: World
    hiccups: float = 0.0
    store: Store = field(init=False)
    current: Process | None = None
    _away_until: float = 0.0
    _slow_until: float = 0.0
    _slowest: float = 0.0

    def __post_init__(self) -> None:
        self.store = Store(self.world.utc)

    def database(self, process: Process) -> Database:
        """As `process` sees it."""
        return cast(Database, FakeDatabase(partial(self._run, process)))

    def goes_away(self, span: float) -> None:
        self._away_until = max(self._away_until, self.world.now + span)
        if self.world.tracing:
            self.world.note(f"mongodb  goes away for {span:.1f} s")

    def grows_slow(self, span: float, slowest: float) -> None:
        self._slow_until, self._slowest = self.world.now + span, slowest
        if self.world.tracing:
            self.world.note(f"mongodb  answers slowly for {span:.1f} s, up to {slowest:.1f} s late")

    @property
    def away(self) -> bool:
        return self.world.now < self._away_until

    async def _run(self, process: Process, label: str, operation: Callable[[Store], Operation[Any]]) -> Any:
        return await process.call(label, partial(self._receive, operation), travel=self._travel)

    def _travel(self) -> float:
        chance = self.world.chance
        if self.world.now < self._slow_until and chance.random() < 0.5:
            return chance.uniform(0, self._slowest / 2)
        return 0.0002 + 0.002 * chance.random() + (0.05 * chance.random() if chance.random() < 0.04 else 0)

    def _receive(self, operation: Callable[[Store], Operation[Any]], call: Call) -> None:
        chance = self.world.chance
        if self.away:
            self.world.later(chance.uniform(0, 3), call.fail, ServerSelectionTimeoutError("no primary"))
        elif self.hiccups and chance.random() < self.hiccups:
            self._hiccup(operation, call)
        else:
            self._go_on(operation(self.store), call, call.answer)

    def _hiccup(self, operation: Callable[[Store], Operation[Any]], call: Call) -> None:
        chance = self.world.chance
        match chance.randrange(8):
            case 0 | 1 | 2 | 3:
                self._go_on(operation(self.store), call, partial(_lost, call, chance.random() < 0.5))
            case 4:
                # Not among what the product takes for a database that is away: handlers retry by the ladder.
                call.fail(OperationFailure("operation was interrupted", 11601))
            case _:
                call.fail(AutoReconnect("the connection was closed"))

    def _go_on(self, operation: Operation[Any], call: Call, answer: Callable[[Any], None]) -> None:
        chance = self.world.chance.random
        self.current = call.process
        try:
            while True:
                next(operation)
                if chance() < _INTERLEAVED:
                    self.world.later(0.01 * chance(), self._go_on, operation, call, answer)
                    return
        except StopIteration as end:
            self._trace(call, end.value)
            answer(end.value)
        except _TOLD as error:
            if self.world.tracing:
                self.world.note(f"{call.process.name}  {call.label}: {type(error).__name__}")
            call.fail(error)
        finally:
            self.current = None

    def _trace(self, call: Call, result: Any) -> None:
        """Without what was looked for in vain: processes do that all the time."""
        if self.world.tracing and result:
            self.world.note(f"{call.process.name}  {call.label}: {_summary(result)}")


def _lost(call: Call, concern: bool, result: Any) -> None:
    """The work is done, and nobody can say so."""
    if concern and (isinstance(result, Change) or call.label.endswith("bulk_write")):
        call.fail(WriteConcernError("the server is shutting down", 91))
    else:
        call.fail(AutoReconnect("the connection was closed"))


def _summary(result: Any) -> str:
    if isinstance(result, Change):
        new = result.inserted + (result.upserted is not None)
        return f"{result.matched} matched, {result.modified} changed, {new} new"
    if isinstance(result, list):
        return ", ".join(str(d.get("_id", d)) if isinstance(d, dict) else _summary(d) for d in result)
    return str(result.get("_id")) if isinstance(result, dict) else str(result)
