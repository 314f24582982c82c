"""Counts of what people look for: a later event of a minute replaces the earlier one, so it must know more."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from services.booking.demand import DemandCounter
from services.booking.storage import Publications
from shared.contracts import DemandMeasured
from shared.mongo import DatabaseClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Told:
    def __init__(self) -> None:
        self.events: list[DemandMeasured] = []

    async def tell_demand(self, event: DemandMeasured, **_: Any) -> None:
        self.events.append(event)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 30, 8, 0, 59, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


async def test_a_clock_put_back_begins_no_minute_again() -> None:
    """Seen to fail with the minute taken from the clock alone: version 1 came again, with a smaller count."""
    told, clock = Told(), Hands()
    counter = DemandCounter(cast(Publications, told), clock=cast(DatabaseClock, clock))
    for seconds in (0, 0, 2, -3):
        clock.at += timedelta(seconds=seconds)
        counter.search("office", found=True)
        await counter._tell()

    versions: dict[str, list[int]] = {}
    for event in told.events:
        versions.setdefault(event.subject, []).append(event.sequence)
    assert sorted(versions.values()) == [[1, 2], [1, 2]]
    assert sum(max(e.data.searches for e in told.events if e.subject == s) for s in versions) == 4
