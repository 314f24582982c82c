"""The simulated world itself: time, crashes and freezes are what they say."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.simulation.faults import Fault, Kind, Slot
from tests.simulation.process import Call, Process
from tests.simulation.world import Violation, World


class Shop:
    """Something far away that notes what reaches it, and answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reached: list[tuple[str, float]] = []
        self.answered: list[tuple[str, float]] = []
        self.cleaned_up: list[str] = []

    async def ask(self, process: Process, what: str) -> None:
        await process.call(what, lambda call: self._reach(call, what), travel=lambda: 0.1)
        self.answered.append((what, round(self.world.now, 3)))

    def _reach(self, call: Call, what: str) -> None:
        self.reached.append((what, round(self.world.now, 3)))
        call.answer()

    async def ask_for_three(self, process: Process) -> None:
        try:
            for what in ("one", "two", "three"):
                await self.ask(process, what)
            await process.stopping.wait()
        finally:
            self.cleaned_up.append(process.name)
            await self.ask(process, "last words")


def run(main: Callable[[Process], Coroutine[Any, Any, None]], world: World, *faults: Fault) -> Slot:
    """Until half a minute of virtual time is over."""
    slot = Slot(world, name="shopper", main=main, faults=faults)
    slot.start()
    world.at(30, lambda: None)
    try:
        world.run(at_rest=lambda: None if world.now >= 30 else "not yet", limit=60)
    finally:
        slot.close()
        world.close()
    return slot


def a_fault(kind: Kind, *, step: int, span: float = 0.0) -> Fault:
    return Fault(kind=kind, step=step, label=None, span=span)


def test_hour_of_sleep_takes_no_time() -> None:
    world, woke = World(seed=1), []

    async def main(process: Process) -> None:
        await asyncio.sleep(20)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        woke.append(world.now)
        await process.stopping.wait()

    began = time.monotonic()
    run(main, world)
    assert woke == [25.0]
    assert time.monotonic() - began < 5


def test_crash_before_a_step_hides_it_from_the_world() -> None:
    shop = Shop(World(seed=1))
    slot = run(shop.ask_for_three, shop.world, a_fault(Kind.CRASH_BEFORE, step=2))
    # The first process asked for one thing; the second, which remembers nothing, for all three.
    assert [what for what, _ in shop.reached] == ["one", "one", "two", "three"]
    assert [process.name for process in slot.ended] == ["shopper.1"]


def test_crash_after_a_step_leaves_it_done_and_unanswered() -> None:
    shop = Shop(World(seed=1))
    run(shop.ask_for_three, shop.world, a_fault(Kind.CRASH_AFTER, step=2))
    assert [what for what, _ in shop.reached] == ["one", "two", "one", "two", "three"]
    assert [what for what, _ in shop.answered] == ["one", "one", "two", "three"]


def test_last_words_of_a_dead_process_reach_nobody() -> None:
    """Its code is unwound, so that nothing is left behind, but no one hears of it."""
    shop = Shop(World(seed=1))
    run(shop.ask_for_three, shop.world, a_fault(Kind.CRASH_BEFORE, step=1))
    assert shop.cleaned_up[0] == "shopper.1"
    assert "last words" not in [what for what, _ in shop.reached]


@pytest.mark.parametrize(("kind", "reached"), [(Kind.FREEZE_BEFORE, 5.3), (Kind.FREEZE_AFTER, 0.3)])
def test_frozen_process_goes_on_where_it_stood(kind: Kind, reached: float) -> None:
    shop = Shop(World(seed=1))
    run(shop.ask_for_three, shop.world, a_fault(kind, step=2, span=5))
    assert shop.reached[1] == ("two", reached)
    assert shop.answered[1][1] == pytest.approx(5.4 if kind is Kind.FREEZE_BEFORE else 5.2, abs=0.02)


def test_time_runs_out_for_whoever_is_frozen() -> None:
    world = World(seed=1)
    shop, late = Shop(world), []

    async def main(process: Process) -> None:
        await shop.ask(process, "one")
        began = world.now
        await asyncio.sleep(1)
        late.append(world.now - began)
        await process.stopping.wait()

    run(main, world, a_fault(Kind.FREEZE_AFTER, step=1, span=4))
    assert late == [pytest.approx(1)]


def test_stopped_process_ends_by_itself_and_is_followed() -> None:
    shop = Shop(World(seed=1))
    slot = run(shop.ask_for_three, shop.world, a_fault(Kind.STOP, step=2))
    assert [what for what, _ in shop.reached][:4] == ["one", "two", "three", "last words"]
    assert len(slot.ended) == 1


def test_error_that_nobody_expected_breaks_the_world() -> None:
    async def main(process: Process) -> None:
        raise ValueError("nobody expected this")

    with pytest.raises(Violation, match="nobody expected this"):
        run(main, World(seed=1))


def test_violation_stands_though_the_product_swallows_it() -> None:
    world = World(seed=1)

    async def main(process: Process) -> None:
        world.fail("seen within the product")
        await process.stopping.wait()

    with pytest.raises(Violation, match="seen within the product"):
        run(main, world)
