"""Events shuffled, repeated, a day late and replayed twice give the same figures to the last digit.

Each example is a made-up life of two offices that hypothesis brings into some order, with refreshes in between, on
a real MongoDB; what must come out is a plain recount that shares no code with the service.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pymongo import MongoClient

from services.reporting.domain import Group
from services.reporting.settings import Settings
from services.reporting.storage import Query, Row
from shared.mongo import connect
from tests.integration.reporting.harness import Reporting, told_of
from tests.integration.reporting.stories import Wire, office_life, recount

_SINCE, _UNTIL = date(2026, 1, 1), date(2028, 1, 1)
_LATE = timedelta(days=1)


@dataclass(frozen=True)
class Delivery:
    """`late` events come a day later; whenever as many events came as `refreshes` names, figures are made."""

    seed: int
    appointments: int
    late: frozenset[int]
    order: list[int]
    repeated: list[int]
    refreshes: frozenset[int]
    groups: tuple[Group, ...]

    @cached_property
    def events(self) -> list[Wire]:
        return office_life(self.seed, appointments=self.appointments)

    @property
    def rounds(self) -> list[list[Wire]]:
        """What comes until the next refresh."""
        come = sorted(self.order, key=self._day)
        come = [*come, *self.repeated]
        cuts = sorted({0, len(come), *self.refreshes})
        return [[self.events[n] for n in come[start:end]] for start, end in pairwise(cuts)]

    def _day(self, number: int) -> date:
        """In any order within a day, whatever is late among those of the next."""
        at = datetime.fromisoformat(self.events[number]["time"]) + (_LATE if number in self.late else timedelta())
        return at.astimezone(UTC).date()


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    seed, appointments = draw(st.integers(0, 10_000)), draw(st.integers(1, 12))
    events = office_life(seed, appointments=appointments)
    number = st.integers(0, len(events) - 1)
    return Delivery(
        seed=seed,
        appointments=appointments,
        late=draw(st.frozensets(number, max_size=30)),
        order=draw(st.permutations(range(len(events)))),
        repeated=draw(st.lists(number, max_size=60)),
        refreshes=draw(st.frozensets(st.integers(1, len(events) + 60), max_size=6)),
        groups=tuple(draw(st.sets(st.sampled_from(Group), max_size=4))),
    )


# To make what failed as short as it goes would take minutes.
@trying(
    max_examples=10,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
    deadline=None,
)
@given(delivery=deliveries())
def test_order_repeats_and_delay_change_no_digit(database: Settings, delivery: Delivery) -> None:
    """Seen to fail with a fact that any event replaces, and with days added up before their buckets."""
    asyncio.run(_come_true(database, delivery))


async def _come_true(service: Settings, delivery: Delivery) -> None:
    async with _empty(service) as reporting:
        for events in delivery.rounds:
            await reporting.hear(events)
            await reporting.refresher.refresh()
        await reporting.refresh()
        rows = await _rows(reporting, tuple(Group))
        assert told_of(rows) == recount(delivery.events)
        await _agrees(reporting, delivery.events, delivery.groups)
        await _agrees(reporting, delivery.events, (Group.DAY,))
        await reporting.hear(chain(delivery.events, reversed(delivery.events)))
        await reporting.refresh()
        assert await _rows(reporting, tuple(Group)) == rows


async def _agrees(reporting: Reporting, events: Sequence[Wire], groups: Iterable[Group]) -> None:
    ordered = tuple(group for group in Group if group in set(groups))
    assert told_of(await _rows(reporting, ordered)) == recount(events, ordered)


async def _rows(reporting: Reporting, groups: tuple[Group, ...]) -> list[Row]:
    return await reporting.figures.rows(Query(since=_SINCE, until=_UNTIL, groups=groups))


@asynccontextmanager
async def _empty(service: Settings) -> AsyncIterator[Reporting]:
    """The same collections for each example: to make them and their indexes anew takes longer than the example."""
    client = connect(service)
    reporting = Reporting(client[service.mongodb_database])
    await reporting.facts.ensure_indexes()
    await reporting.figures.ensure_indexes()
    for name in await reporting.database.list_collection_names():
        await reporting.database[name].delete_many({})
    yield reporting
    client.close()


@pytest.fixture
def database(settings: Settings) -> Iterator[Settings]:
    yield settings
    with MongoClient[dict[str, Any]](settings.mongodb_uri.get_secret_value()) as client:
        client.drop_database(settings.mongodb_database)
