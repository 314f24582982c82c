"""One proof: a crowd books, faults strike one after another, then all is quiet and the ledger must add up."""

import random
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.prove.checks import violations
from tests.prove.checks.evidence import Evidence, Kind, Struck, Violation
from tests.prove.crowd import Crowd
from tests.prove.faults import Fault, Recovery
from tests.prove.gather import gather, wait_for_quiet
from tests.prove.world import Interrupted, World

# Holds, requests and retries run out within it, so that nothing is left that could still move.
_QUIET_WITHIN_S = 300
_BETWEEN_S = 2.0
_LOOK_AGAIN_S = 0.1

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`matrix` has every row. `probes` run first, each time; `timed` follow in this order until the time is up."""

    matrix: Sequence[Fault]
    seed: int
    minutes: float
    rate: float
    probes: Sequence[Fault]
    timed: Sequence[Fault]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """`seconds` under load; `missed` are rows that were planned and had no time left; `exits` names processes
    that ended by themselves and were started again."""

    plan: Plan
    began: datetime
    seconds: float
    evidence: Evidence
    violations: list[Violation]
    missed: list[Fault]
    exits: list[str]


def plan_for(rows: Sequence[Fault], *, seed: int, minutes: float, rate: float, only: Sequence[int]) -> Plan:
    """Draws the order of the timed faults; `only` names rows, none means all."""
    chosen = [fault for fault in rows if not only or fault.row in only]
    timed = [fault for fault in chosen if fault.timed]
    random.Random(seed).shuffle(timed)  # noqa: S311 (must be repeatable)
    probes = [fault for fault in chosen if not fault.timed]
    return Plan(matrix=rows, seed=seed, minutes=minutes, rate=rate, probes=probes, timed=timed)


def prove(plan: Plan, folder: Path, say: Say) -> Outcome:
    """Runs the plan on servers of its own below `folder`. Raises Trouble where they do not start."""
    say("Starting RabbitMQ, three MongoDB members and two processes of each service …")
    began = datetime.now(UTC)
    with World(folder) as world:
        run = _Run(world, plan, say)
        run.under_load()
        say("Quiet …")
        unquiet = wait_for_quiet(world, within=_QUIET_WITHIN_S)
        evidence = gather(
            world, seed=plan.seed, struck=run.struck, since=began - timedelta(seconds=1), unquiet=unquiet
        )
        say("The ledger …")
        found = [*run.violations, *violations(evidence)]
        return Outcome(
            plan=plan,
            began=began,
            seconds=run.seconds,
            evidence=evidence,
            violations=found,
            missed=run.missed,
            exits=world.exits,
        )


@dataclass(slots=True)
class _Run:
    world: World
    plan: Plan
    say: Say
    struck: list[Struck] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    missed: list[Fault] = field(default_factory=list)
    seconds: float = 0.0
    _crowd: Crowd | None = None

    @property
    def crowd(self) -> Crowd:
        assert self._crowd
        return self._crowd

    def under_load(self) -> None:
        world, plan = self.world, self.plan
        self._crowd = Crowd(
            staff_token=world.staff_token(),
            seed=plan.seed,
            rate=plan.rate,
            history=world.history,
            mail=world.mail,
            processes=lambda: world.of_kind("booking"),
        )
        started = time.monotonic()
        self.crowd.start()
        try:
            self._await(Recovery.MAIL, since=0.0, within=60)
            self._strike_all(started + plan.minutes * 60)
        finally:
            self.crowd.stop()
            self.seconds = time.monotonic() - started

    def _strike_all(self, deadline: float) -> None:
        for fault in self.plan.probes:
            self._strike(fault)
        for number, fault in enumerate(self.plan.timed):
            if time.monotonic() >= deadline:
                self.missed = list(self.plan.timed[number:])
                return
            self._strike(fault)
            self.world.wait(_BETWEEN_S)
        self.world.wait(max(0.0, deadline - time.monotonic()))

    def _strike(self, fault: Fault) -> None:
        """One row: what it does, what it takes to recover, and what it says went wrong."""
        chance = random.Random(f"{self.plan.seed}-{fault.row}")  # noqa: S311 (must be repeatable)
        began = time.time()
        note = ""
        try:
            note = fault.strike(self.world, chance)
        except Interrupted:
            raise
        except Exception as error:
            self._blame(fault, f"{type(error).__name__}: {error}", began)
            if not isinstance(error, AssertionError):
                self.say(traceback.format_exc())
        healed = time.time()
        self.world.revive()
        recovered = self._recovered(fault, healed) if fault.timed else healed
        self.struck.append(
            Struck(fault.row, fault.name, began, healed, recovered, note=note, resends=fault.resends)
        )
        self._report(fault, self.struck[-1])

    def _recovered(self, fault: Fault, healed: float) -> float | None:
        recovered = self._await(fault.recovery, since=healed, within=fault.within)
        if recovered is None:
            self._blame(fault, f"after it, not within {fault.within:.0f} s: {fault.recovery}", healed, Kind.STUCK)
        return recovered

    def _await(self, recovery: Recovery, *, since: float, within: float) -> float | None:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if found := self._first(recovery, since):
                return found
            self.world.wait(_LOOK_AGAIN_S)
        return None

    def _first(self, recovery: Recovery, since: float) -> float | None:
        match recovery:
            case Recovery.BOOKING:
                return self.crowd.first_hold_after(since)
            case Recovery.MAIL:
                return self.crowd.first_mail_after(since)
            case Recovery.FIGURES:
                return _counted_after(self.world, since)

    def _blame(self, fault: Fault, what: str, at: float, kind: Kind = Kind.WRONG) -> None:
        self.violations.append(Violation(f"row {fault.row}", kind, f"{fault.name}: {what}", at))

    def _report(self, fault: Fault, struck: Struck) -> None:
        took = f"{struck.healed_at - struck.began_at:.0f} s"
        back = f", back after {struck.recovered_at - struck.healed_at:.1f} s" if struck.recovered_at else ""
        bad = " — WRONG" if any(v.check == f"row {fault.row}" for v in self.violations) else ""
        note = f" ({struck.note})" if struck.note else ""
        self.say(f"{fault.row:>3}  {fault.name}: {took}{back if fault.timed else ''}{note}{bad}")


def _counted_after(world: World, since: float) -> float | None:
    """Now, where the figures count an appointment that was held after `since`."""
    moment = datetime.fromtimestamp(since, UTC)
    with world.auditor() as client:
        held = {"fact.steps.0.1": {"$gte": moment}, "dirty_since": {"$exists": False}}
        return time.time() if client["reporting"]["appointments"].find_one(held, {"_id": 1}) else None
