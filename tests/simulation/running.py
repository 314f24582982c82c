"""Runs seeds: each simulates every kind of world, and the same seed always gives the same trace."""

import gc
import logging
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

import structlog

from tests.simulation.deliveries import DeliverySimulation
from tests.simulation.projections import Projections
from tests.simulation.relays import Relays
from tests.simulation.simulation import Simulation
from tests.simulation.world import Violation, World

KINDS: dict[str, type[Simulation]] = {kind.kind: kind for kind in (Relays, DeliverySimulation, Projections)}
# Small enough for a lively progress, large enough that handing them out costs nothing.
_SEEDS_PER_CHUNK = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """`faults` are those that struck; `trace` is empty unless it was asked for."""

    seed: int
    kind: str
    violation: str | None
    calm: bool
    faults: int
    steps: int
    virtual_s: float
    trace: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What many worlds of one kind came to."""

    worlds: int = 0
    calm: int = 0
    faults: int = 0
    steps: int = 0
    virtual_s: float = 0.0
    violations: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.worlds += 1
        self.calm += outcome.calm
        self.faults += outcome.faults
        self.steps += outcome.steps
        self.virtual_s += outcome.virtual_s
        if outcome.violation:
            self.violations.append(outcome)


def simulate(seed: int, kind: str, *, tracing: bool = False) -> Outcome:
    world = World(seed=seed, tracing=tracing)
    with _chance_of_the_product(seed), _log_lines_into(world):
        simulation = KINDS[kind](world)
        planned = _faults_left(simulation)
        violation = None
        try:
            simulation.run()
        except Violation as broken:
            violation = str(broken)
    return Outcome(
        seed=seed,
        kind=kind,
        violation=violation,
        calm=simulation.calm,
        faults=planned - _faults_left(simulation),
        steps=sum(slot.steps[""] for slot in simulation.slots),
        virtual_s=world.now,
        trace=tuple(world.lines),
    )


def simulate_many(seeds: range, kinds: Sequence[str], *, jobs: int) -> Iterator[list[Outcome]]:
    """Chunk by chunk, in no order, over `jobs` operating system processes."""
    chunks = [seeds[start : start + _SEEDS_PER_CHUNK] for start in range(0, len(seeds), _SEEDS_PER_CHUNK)]
    run = partial(simulate_chunk, kinds=kinds)
    if jobs == 1:
        yield from map(run, chunks)
        return
    with get_context("spawn").Pool(min(jobs, len(chunks))) as pool:
        yield from pool.imap_unordered(run, chunks)


def simulate_chunk(seeds: Sequence[int], *, kinds: Sequence[str]) -> list[Outcome]:
    """Worlds are full of cycles: to look for them while they are in use takes a third of the time."""
    gc.freeze()
    gc.disable()
    try:
        return [simulate(seed, kind) for seed in seeds for kind in kinds]
    finally:
        gc.enable()
        gc.collect()
        gc.unfreeze()


def _faults_left(simulation: Simulation) -> int:
    return sum(len(slot.faults) for slot in simulation.slots)


@contextmanager
def _chance_of_the_product(seed: int) -> Iterator[None]:
    """Jitter and trace ids come from the global source: it is seeded, and put back."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


@contextmanager
def _log_lines_into(world: World) -> Iterator[None]:
    """The product's log lines become part of the trace; where there is none, they go nowhere."""
    before = structlog.get_config()
    level = logging.INFO if world.tracing else logging.CRITICAL
    structlog.configure(
        processors=[partial(_trace_line, world)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _trace_line(world: World, _: object, level: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    fields = {key: value for key, value in line.items() if key not in ("event", "exc_info")}
    world.note(f"log  {level} {line['event']} {fields}")
    raise structlog.DropEvent
