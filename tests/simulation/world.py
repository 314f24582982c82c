"""One simulated world: virtual time, one source of chance, and everything that waits for its moment.

Nothing here sleeps: when nobody has anything to do the clock jumps to whatever comes next, so an hour of the
world costs as much as what happens in it.
"""

import heapq
import random
import re
from asyncio import AbstractEventLoop, events
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from re import Match
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.process import Process

# A Monday morning in an ordinary week.
EPOCH = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
_EPOCH_S = EPOCH.timestamp()
_MOST_TURNS = 400_000
_CHANCE_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")

Do = Callable[..., None]


class Violation(Exception):
    """Something that must hold did not."""


class World:
    """`chance` decides everything that is left to chance; `lines` is the trace, kept where `tracing` is set."""

    def __init__(self, *, seed: int, tracing: bool = False) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.now = 0.0
        self.tracing = tracing
        self.lines: list[str] = []
        self.runnable: deque[Process] = deque()
        self.turns = 0
        self.loop: AbstractEventLoop | None = None
        self._agenda: list[tuple[float, int, Do, tuple[Any, ...]]] = []
        self._order = count()
        self._aliases: dict[str, str] = {}
        self._broken: Violation | None = None

    def utc(self) -> datetime:
        """As a database says it: whole milliseconds."""
        return datetime.fromtimestamp(int((_EPOCH_S + self.now) * 1000) / 1000, UTC)

    def at(self, when: float, do: Do, *args: Any) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), do, args))

    def later(self, pause: float, do: Do, *args: Any) -> None:
        heapq.heappush(self._agenda, (self.now + pause, next(self._order), do, args))

    def note(self, text: str) -> None:
        """Call only where `tracing` is set: making the text costs more than most steps."""
        self.lines.append(f"{self.now:9.3f}  {_CHANCE_IDS.sub(self._alias, text)}")

    def _alias(self, id: Match[str]) -> str:
        """The product makes ids that no seed decides: in the trace they are numbered as they appear."""
        return self._aliases.setdefault(id.group(), f"#{len(self._aliases) + 1}")

    def fail(self, what: str) -> None:
        """Ends the world with a violation, also from within product code, which might swallow an exception."""
        if self._broken is None:
            self._broken = Violation(f"{what} (at {self.now:.3f} s)")
            if self.tracing:
                self.note(f"VIOLATION  {what}")

    def run(self, *, at_rest: Callable[[], str | None], limit: float) -> None:
        """Until `at_rest` gives None; what it gives else is what still moves. Raises Violation."""
        resting_check = 0.0
        while True:
            self._run_processes()
            if self._broken:
                raise self._broken
            if self.now >= resting_check or not self._agenda:
                resting_check = self.now + 0.5
                moving = at_rest()
                if moving is None:
                    return
                if self.now > limit or not self._agenda:
                    raise Violation(f"no rest after {self.now:.0f} s: {moving}")
            self._next()

    def close(self) -> None:
        """Call when it is over: the thread has no running loop any more."""
        events._set_running_loop(None)

    def _next(self) -> None:
        when, _, do, args = heapq.heappop(self._agenda)
        if when > self.now:
            self.now = when
        do(*args)

    def _run_processes(self) -> None:
        while self.runnable:
            self.turns += self.runnable.popleft().take_turn()
            if self.turns > _MOST_TURNS:
                raise Violation("a process spins")
            if self._broken:
                return
