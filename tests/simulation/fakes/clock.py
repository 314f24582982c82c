"""The database's clock as one process knows it."""

from datetime import UTC, datetime
from typing import cast

from shared.mongo import DatabaseClock
from tests.simulation.process import Process
from tests.simulation.world import EPOCH

_EPOCH_S = EPOCH.timestamp()


class FakeClock:
    """Off by a few milliseconds, as an answer that was under way is."""

    def __init__(self, process: Process) -> None:
        self._world = process.world
        self._epoch_at_zero = _EPOCH_S + process.clock_error

    def now(self) -> datetime:
        return datetime.fromtimestamp(int((self._epoch_at_zero + self._world.now) * 1000) / 1000, UTC)


def database_clock(process: Process) -> DatabaseClock:
    return cast(DatabaseClock, FakeClock(process))
