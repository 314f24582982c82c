"""Any order of commands, many at once, with a clock that the machine moves: the plain model tells what may be.

Seen to fail, each within the default 25 runs: without the unique index; restoring what no longer cools; settling a
request before its time; confirming what has run out; a second offer on the same day; two events for one change;
another desk that leaves the old cells; memory that is not told of own writes; staff who take cells that others
own; a conflict list without absences.
"""

import ast
import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from deploy.local.stack import Stack
from services.booking.memory import Memory
from tests.integration.machine import compare, town
from tests.integration.machine.acts import anything
from tests.integration.machine.crowds import Crowds
from tests.integration.machine.town import LANES, ROOMS, local_day
from tests.integration.machine.visit import Cell, Impossible
from tests.integration.machine.world import a_world

# More for long runs.
EXAMPLES = int(os.environ.get("AMTSTERMIN_MACHINE_EXAMPLES", "25"))
STEPS = 40
# What fails may be made shorter, which takes minutes.
PHASES = [Phase.generate, Phase.shrink] if os.environ.get("AMTSTERMIN_MACHINE_SHRINK") else [Phase.generate]

_WITHIN_S = 1.0


class Machine(Crowds):
    @initialize()
    def begin(self) -> None:
        self.run(self.world.begin())
        self.run(self.memory_agrees(within=10))

    @rule(what=anything())
    def do_something(self, what: tuple[str, dict[str, Any]]) -> None:
        name, arguments = what
        getattr(self, name)(**arguments)

    # What always holds

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        documents = self.run(self.world.documents())
        if twice := compare.owned_twice(documents):
            raise Impossible(f"owned by two: {twice}")
        compare.compare(self.model, documents)
        listed, expected = self.run(self.world.conflicts()), self.model.conflicts()
        if listed != expected:
            raise Impossible(f"on the conflict list are {listed}, in conflict are {expected}")
        self.run(self.memory_agrees(within=_WITHIN_S))
        self.sound = True

    async def memory_agrees(self, *, within: float) -> None:
        """What this process has written it knows at once, the other one hears it in time."""
        documents = await self.world.documents()
        taken = {compare.cell(text) for document in documents for text in document.get("cells", [])}
        if faults := list(self._disagreements(self.world.desk.booking.memory, taken)):
            await asyncio.sleep(within)
            faults = list(self._disagreements(self.world.desk.booking.memory, taken))
            if faults:
                raise Impossible(f"memory is wrong about {faults[:5]}")
        try:
            async with asyncio.timeout(within):
                while any(self._disagreements(self.world.elsewhere, taken)):  # noqa: ASYNC110 (it has no event)
                    await asyncio.sleep(0.002)
        except TimeoutError:
            faults = list(self._disagreements(self.world.elsewhere, taken))
            raise Impossible(f"the other process is wrong about {faults[:5]}") from None

    def _disagreements(self, memory: Memory, taken: set[Cell]) -> Iterator[tuple[str, datetime, bool]]:
        model = self.model
        today = local_day(model.now)
        for staff in (False, True):
            for day in range(town.STAFF_HORIZON + 1):
                cells = {
                    (lane, cell)
                    for lane in LANES
                    for cell in model.opening.cells(lane, today + timedelta(days=day))
                    if cell > model.now
                }
                for team in (town.COUNTER, ROOMS):
                    for cell in {cell for lane, cell in cells if LANES[lane] == team}:
                        expected = {
                            lane
                            for lane, of in LANES.items()
                            if of == team
                            and (lane, cell) not in taken
                            and model.opening.may_book(lane, cell, staff=staff, now=model.now)
                        }
                        found = self.world.free_lanes(memory, team, cell, staff=staff)
                        if set(found) != expected:
                            yield team, cell, staff

    def teardown(self) -> None:
        if not self.sound:
            return
        documents = self.run(self.world.documents())
        found: Counter[tuple[str, str, str]] = Counter()
        for day, service, figure, amount in self.world.figures(documents):
            if figure == "lead_days":
                found[day, service, f"lead_days={amount}"] += 1
            elif compare.modelled(figure):
                found[day, service, figure] += amount
        if +found != compare.figures(self.model):
            raise Impossible(f"figures differ: {found} {compare.figures(self.model)}")


def test_every_order_of_commands_keeps_the_promises(servers: Stack) -> None:
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    try:
        Machine.loop = loop
        Machine.world = loop.run_until_complete(stack.enter_async_context(a_world(servers)))
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                derandomize=True,
                deadline=None,
                database=None,
                phases=PHASES,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(stack.aclose())
        loop.close()


@pytest.mark.parametrize("module", ["town", "visit", "model", "later", "day", "compare", "../../recount"])
def test_the_model_shares_no_code_with_the_service(module: str) -> None:
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text())
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    ours = [name for name in imported if name.split(".")[0] in ("services", "shared", "deploy", "tests", "bench")]
    assert all(name.startswith("tests.integration.machine.") or name == "tests.recount" for name in ours)
    assert not any(name.endswith((".world", ".test_machine")) for name in ours)
