"""A simulated process: its event loop, its calls to the outside, and what may befall it.

A crash stops everything of it at once, in the middle of whatever it does: no `finally`, no `except` of product
code has any effect on the world after that. A frozen process stands still while time goes on; what was on its
way to it waits at its door.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from tests.simulation.loop import ProcessLoop
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.faults import Slot

_DEAD = 1e18
_ROUNDS_TO_UNWIND = 20

Travel = Callable[[], float]
Work = Callable[["Call"], None]


class Call:
    """One step: a request on its way to a database, a broker or a provider, and the answer on its way back."""

    __slots__ = ("_answered", "crash_after", "future", "label", "process", "sent_at", "travel")

    def __init__(self, process: "Process", label: str, travel: Travel) -> None:
        self.process = process
        self.label = label
        self.future = process.loop.create_future()
        self.sent_at = process.world.now
        self.crash_after = False
        self.travel = travel
        self._answered = False

    @property
    def answered(self) -> bool:
        return self._answered

    def answer(self, value: Any = None) -> None:
        self._back(value, None)

    def fail(self, error: Exception) -> None:
        self._back(None, error)

    def _back(self, value: Any, error: Exception | None) -> None:
        if self._answered or not self.process.alive:
            return
        self._answered = True
        if self.crash_after:
            self.process.crash(f"after {self.label}")
            return
        self.process.world.later(self.travel(), self._deliver, value, error)

    def _deliver(self, value: Any, error: Exception | None) -> None:
        process = self.process
        world = process.world
        if not process.alive:
            return
        if world.now < process.frozen_until:
            process.at_the_door.append(lambda: self._deliver(value, error))
            return
        process.heard(self, error)
        if self.future.done():
            return
        if error is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(error)


class Process:
    """`troubles` are (from, until, kind): what excuses that something took long or happened twice."""

    def __init__(self, world: World, *, name: str, slot: "Slot") -> None:
        self.world = world
        self.name = name
        self.slot = slot
        self.alive = True
        self.frozen_until = 0.0
        self.loop = ProcessLoop(self)  # type: ignore[abstract]
        self.stopping = asyncio.Event()
        self.troubles: list[tuple[float, float, str]] = []
        self.at_death: list[Callable[[], None]] = []
        self.at_freeze: list[Callable[[float], None]] = []
        self.at_the_door: list[Callable[[], None]] = []
        # How far its idea of the database's clock is off: half a round trip, at most.
        self.clock_error = world.chance.uniform(-0.01, 0.01)
        self._queued = False
        self._in_turn = False
        self._unwinding = False

    async def call(self, label: str, work: Work, *, travel: Travel) -> Any:
        """Has `work` done at the far end, where it answers or fails the call.

        The process may crash before the request leaves it or after the work is done, and freeze in between.
        """
        call = Call(self, label, travel)
        self._depart(call, work)
        return await call.future

    async def post(self, label: str, work: Work, *, travel: Travel) -> None:
        """As `call`, but without waiting for an answer: it ends when the request is on its way."""
        call = Call(self, label, travel)
        if not self._depart(call, work):
            await call.future
        await asyncio.sleep(0)

    def _depart(self, call: Call, work: Work) -> bool:
        departs = self.slot.befall(call) if self.alive else None
        if departs is None:
            return False
        self.world.at(departs + call.travel(), self._arrive, call, work)
        return True

    def _arrive(self, call: Call, work: Work) -> None:
        # What a dead process had sent may have left its machine or not.
        if self.alive or self.world.chance.random() < 0.5:
            work(call)

    def heard(self, call: Call, error: Exception | None) -> None:
        """An answer came in: keeps what was unusual about it."""
        now = self.world.now
        if error is not None and not call.label.startswith(("mail", "sms")):
            self.troubles.append((call.sent_at, now, "error"))
            if self.world.tracing:
                self.world.note(f"{self.name}  {call.label} failed: {type(error).__name__}")
        elif now - call.sent_at > 0.25:
            self.troubles.append((call.sent_at, now, "slow"))

    def had_trouble(self, since: float, until: float, *kinds: str) -> bool:
        return any(start <= until and end >= since and kind in kinds for start, end, kind in self.troubles)

    def becomes_ready(self, handle: asyncio.Handle) -> None:
        if self.alive or self._unwinding:
            self.loop.ready.append(handle)
            if not self._queued:
                self._queued = True
                self.world.runnable.append(self)

    def take_turn(self) -> int:
        """Runs what is ready, first come first served; gives how much that was."""
        self._queued = False
        if self.world.now < self.frozen_until:
            return 0
        ran = 0
        self.loop.is_current()
        self._in_turn = True
        ready = self.loop.ready
        while ready and self.alive and self.world.now >= self.frozen_until:
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
                ran += 1
        self._in_turn = False
        if not self.alive:
            self.bury()
        return ran

    def start(self, main: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.loop.create_task(main)

    def freeze(self, span: float) -> None:
        self.frozen_until = self.world.now + span
        self.troubles.append((self.world.now, self.frozen_until, "freeze"))
        if self.world.tracing:
            self.world.note(f"{self.name}  FREEZES for {span:.1f} s")
        self.world.at(self.frozen_until, self._thaw)
        for tell in self.at_freeze:
            tell(span)

    def _thaw(self) -> None:
        if not self.alive or self.world.now < self.frozen_until:
            return
        if self.world.tracing:
            self.world.note(f"{self.name}  thaws")
        ran_out = list(self.loop.ready)
        self.loop.ready.clear()
        waiting, self.at_the_door = self.at_the_door, []
        # Whether the answers that waited or the timers that ran out come first is nobody's promise.
        answers_first = self.world.chance.random() < 0.5
        for deliver in waiting:
            if answers_first:
                deliver()
            else:
                self.world.later(self.world.chance.uniform(0, 0.01), deliver)
        self.loop.ready.extend(ran_out)
        if not self._queued:
            self._queued = True
            self.world.runnable.append(self)

    def crash(self, where: str) -> None:
        """From now on nothing of it happens; who is on its stack is unwound when the turn ends."""
        if not self.alive:
            return
        self.alive = False
        self.troubles.append((self.world.now, _DEAD, "crash"))
        if self.world.tracing:
            self.world.note(f"{self.name}  CRASHES {where}")
        if not self._in_turn:
            self.bury()

    def stops(self) -> None:
        """By itself, within a turn of its own: nothing is heard of it any more."""
        self.alive = False

    def bury(self) -> None:
        """Ends its tasks where nobody can see it, so that nothing of it is left to the garbage collector."""
        for tell in self.at_death:
            tell()
        self.at_death = []
        self._unwinding = True
        self.loop.is_current()
        self._unwind()
        self._unwinding = False

    def _unwind(self) -> None:
        self._queued = True  # out of the world's sight
        for _ in range(_ROUNDS_TO_UNWIND):
            left = [task for task in self.loop.tasks if not task.done()]
            if not left:
                return
            for task in left:
                task.cancel()
            while self.loop.ready:
                handle = self.loop.ready.popleft()
                if not handle.cancelled():
                    handle._run()
