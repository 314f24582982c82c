"""How much a provider is given: within its limits, nothing while it is away, one message to see if it is back.

Each process keeps its own count. Times are arguments, so nothing here waits or reads a clock.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from services.notification.channels import PermanentFailure, TemporaryFailure, Throttled, Unavailable

T = TypeVar("T")

_UNBOUNDED = 1_000_000
# A message that was to try and never came back frees its place.
_LONGEST_TRY = timedelta(seconds=60)
# A provider that says "too many" is asked again after a minute, then ever more rarely.
_TOO_MANY = (timedelta(minutes=1), timedelta(minutes=15))


class CircuitState(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Messages that one process may begin within any second and any hour; None is as many as there are."""

    per_second: int | None = None
    per_hour: int | None = None

    def windows(self) -> tuple["_Window", ...]:
        given = (self.per_second, timedelta(seconds=1)), (self.per_hour, timedelta(hours=1))
        return tuple(_Window(most, span) for most, span in given if most)


class _Window:
    """At most so many within any span of this length."""

    def __init__(self, most: int, span: timedelta) -> None:
        self._most = most
        self._span = span
        self._begun: deque[datetime] = deque()

    def room(self, now: datetime) -> int:
        while self._begun and self._begun[0] <= now - self._span:
            self._begun.popleft()
        return self._most - len(self._begun)

    def begin(self, now: datetime) -> None:
        self._begun.append(now)

    def opens_at(self, now: datetime) -> datetime:
        return now if self.room(now) > 0 else self._begun[0] + self._span


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The circuit opens after so many failures in a row, for `first`, twice as long each time, up to `most`."""

    failures: int = 5
    first: timedelta = timedelta(seconds=1)
    most: timedelta = timedelta(seconds=30)
    jitter: float = 0.2


class Circuit:
    """Closed: everything may go. Open: nothing. Half-open: one message tries, and decides for the others.

    `chance` is evenly spread over [0, 1): processes that opened together do not try together.
    """

    def __init__(self, patience: Patience, *, chance: Callable[[], float]) -> None:
        self._patience = patience
        self._chance = chance
        self.failures = 0
        self._opened = 0
        self._until: datetime | None = None
        self._trying_until: datetime | None = None

    def state(self, now: datetime) -> CircuitState:
        if self._until is None:
            return CircuitState.CLOSED
        return CircuitState.OPEN if now < self._until else CircuitState.HALF_OPEN

    def room(self, now: datetime) -> int:
        match self.state(now):
            case CircuitState.CLOSED:
                return _UNBOUNDED
            case CircuitState.OPEN:
                return 0
        return 0 if self._trying_until and now < self._trying_until else 1

    def opens_at(self, now: datetime) -> datetime:
        """When something may go again, as far as can be said."""
        return max(now, self._until or now, self._trying_until or now)

    def begin(self, now: datetime) -> None:
        if self.state(now) is CircuitState.HALF_OPEN:
            self._trying_until = now + _LONGEST_TRY

    def answered(self) -> None:
        """The provider works, whatever it says of one message."""
        self.failures = self._opened = 0
        self._until = self._trying_until = None

    def failed(self, now: datetime, *, throttled: bool = False, asked: timedelta | None = None) -> None:
        """`asked` is for how long the provider wants to be left alone."""
        self.failures += 1
        if self.state(now) is CircuitState.OPEN:
            # Those that were under way as it opened say nothing new, but for how long.
            self._until = max(self._until or now, now + asked) if asked else self._until
            return
        tried = self._until is not None
        if throttled or asked or tried or self.failures >= self._patience.failures:
            self._open(now, throttled=throttled, asked=asked)

    def _open(self, now: datetime, *, throttled: bool, asked: timedelta | None) -> None:
        first, most = _TOO_MANY if throttled and not asked else (self._patience.first, self._patience.most)
        pause = min(first * 2 ** min(self._opened, 16), most)
        pause *= 1 + self._patience.jitter * (2 * self._chance() - 1)
        self._until = now + max(pause, asked or pause)
        self._trying_until = None
        self._opened += 1


class Gate:
    """Before one provider. `name` is for operators: it stands in metrics and on the status page."""

    def __init__(self, name: str, *, limits: Limits, circuit: Circuit, clock: Callable[[], datetime]) -> None:
        self.name = name
        self.circuit = circuit
        self._windows = limits.windows()
        self._clock = clock

    def room(self, now: datetime) -> int:
        """How many messages may be begun now."""
        return max(0, min((self.circuit.room(now), *(window.room(now) for window in self._windows))))

    def opens_at(self, now: datetime) -> datetime:
        return max((self.circuit.opens_at(now), *(window.opens_at(now) for window in self._windows)))

    async def through(self, work: Callable[[], Awaitable[T]]) -> T:
        """Does `work`, which hands one message over, and learns from how it ends.

        Raises what `work` raises, and Unavailable where there is no room.
        """
        now = self._clock()
        if self.room(now) < 1:
            raise Unavailable("not now", retry_after=max(self.opens_at(now) - now, timedelta(milliseconds=1)))
        self.circuit.begin(now)
        for window in self._windows:
            window.begin(now)
        try:
            taken = await work()
        except PermanentFailure:
            self.circuit.answered()
            raise
        except TemporaryFailure as failure:
            self._learn(failure)
            raise
        except BaseException:
            # Given up by whoever waited for it, or a fault of ours: as good as no answer.
            self.circuit.failed(self._clock())
            raise
        self.circuit.answered()
        return taken

    def _learn(self, failure: TemporaryFailure) -> None:
        if not isinstance(failure, Unavailable) and failure.error.startswith("SMTP "):
            # A mail server that says "later" of one recipient (greylisting, a full mailbox) works.
            self.circuit.answered()
            return
        asked = failure.retry_after if isinstance(failure, Unavailable) else None
        self.circuit.failed(self._clock(), throttled=isinstance(failure, Throttled), asked=asked)
