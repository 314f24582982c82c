"""What goes wrong in a world, drawn before it begins: which process stops at which of its steps, and how."""

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.simulation.process import Call, Process
from tests.simulation.world import World

Main = Callable[[Process], Coroutine[Any, Any, None]]

# One world in five has no faults at all: there everything must happen exactly once.
_CALM = 0.2
_MOST_FAULTS = 3


class Kind(StrEnum):
    CRASH_BEFORE = "crashes before the request leaves"
    CRASH_AFTER = "crashes when the work is done, without an answer"
    FREEZE_BEFORE = "freezes before the request leaves"
    FREEZE_AFTER = "freezes while the request is under way"
    STOP = "is stopped"


@dataclass(slots=True, kw_only=True)
class Fault:
    """Strikes at the `step`th step of its slot, counting only those named `label` where that is given."""

    kind: Kind
    step: int
    label: str | None
    span: float

    def __str__(self) -> str:
        where = f"{self.label} no. {self.step}" if self.label else f"step {self.step}"
        return f"{self.kind} at {where}"


def is_calm(world: World) -> bool:
    return world.chance.random() < _CALM


def draw(world: World, *, labels: Sequence[str], steps: int, freezes: tuple[float, float]) -> list[Fault]:
    """Up to three faults for one slot; `labels` are the steps that deserve to be hit on purpose."""
    chance = world.chance
    faults = []
    for _ in range(chance.randrange(_MOST_FAULTS + 1)):
        label = chance.choice(labels) if chance.random() < 0.6 else None
        faults.append(
            Fault(
                kind=chance.choice(tuple(Kind)),
                step=chance.randrange(1, 9 if label else steps),
                label=label,
                span=chance.uniform(*freezes),
            )
        )
    return faults


class Slot:
    """A place for one process of a service: when it ends, a fresh one starts, which remembers nothing."""

    def __init__(self, world: World, *, name: str, main: Main, faults: Sequence[Fault]) -> None:
        self.world = world
        self.name = name
        self.process: Process | None = None
        self.ended: list[Process] = []
        self.faults = list(faults)
        self.steps: Counter[str] = Counter()
        self._main = main

    def start(self) -> None:
        process = Process(self.world, name=f"{self.name}.{len(self.ended) + 1}", slot=self)
        process.at_death.append(self._restart)
        self.process = process
        if self.world.tracing:
            self.world.note(f"{process.name}  starts")
        task = process.start(self._main(process))
        task.add_done_callback(lambda task: self._stopped(process, task))

    def close(self) -> None:
        """The world is over: what still runs is ended where nobody sees it."""
        if self.process:
            self.process.alive = False
            self.process.at_death.clear()
            self.process.bury()

    def _stopped(self, process: Process, task: Any) -> None:
        if not process.alive:
            return
        if task.cancelled() or task.exception():
            error = None if task.cancelled() else task.exception()
            self.world.fail(f"{process.name} ended by itself: {error!r}")
        if self.world.tracing:
            self.world.note(f"{process.name}  has stopped")
        process.stops()

    def _restart(self) -> None:
        if self.process:
            self.ended.append(self.process)
        self.process = None
        self.world.later(self.world.chance.uniform(0.05, 3.0), self.start)

    def up(self) -> bool:
        process = self.process
        return process is not None and self.world.now >= process.frozen_until and not process.stopping.is_set()

    def befall(self, call: Call) -> float | None:
        """Counts the step; gives when its request leaves the process, None where it never does."""
        self.steps[""] += 1
        self.steps[call.label] += 1
        for fault in self.faults:
            if self.steps[fault.label or ""] == fault.step and fault.label in (None, call.label):
                self.faults.remove(fault)
                return self._strike(fault, call)
        return max(self.world.now, call.process.frozen_until)

    def _strike(self, fault: Fault, call: Call) -> float | None:
        process, now = call.process, self.world.now
        match fault.kind:
            case Kind.CRASH_BEFORE:
                process.crash(f"before {call.label}")
                return None
            case Kind.CRASH_AFTER:
                call.crash_after = True
            case Kind.FREEZE_BEFORE:
                process.freeze(fault.span)
                return process.frozen_until
            case Kind.FREEZE_AFTER:
                process.freeze(fault.span)
            case Kind.STOP:
                if self.world.tracing:
                    self.world.note(f"{process.name}  is asked to stop at {call.label}")
                process.stopping.set()
        return now
