"""Reporting's figures on a real MongoDB: right whatever the order, the repeats, the crashes and the rivals."""

import asyncio
import random
from collections.abc import Callable, Iterable
from datetime import date, timedelta

import pytest

from services.reporting.domain import Group, Tally
from services.reporting.storage import Facts, Figures, LeaseLost, Mark, Query
from shared.mongo import Database
from tests.integration.reporting.harness import EVER, Reporting
from tests.integration.reporting.stories import (
    BERLIN,
    START,
    Counts,
    Wire,
    a_message,
    a_minute,
    an_appointment,
    office_life,
    recount,
)
from tests.recount import Place

pytestmark = pytest.mark.anyio


@pytest.fixture
async def reporting(mongodb: Database) -> Reporting:
    service = Reporting(mongodb)
    await service.facts.ensure_indexes()
    await service.figures.ensure_indexes()
    return service


def _in_order(events: list[Wire], _: random.Random) -> list[Wire]:
    return events


def _reversed(events: list[Wire], _: random.Random) -> list[Wire]:
    return events[::-1]


def _five_times(events: list[Wire], chance: random.Random) -> list[Wire]:
    return _shuffled(events * 5, chance)


def _shuffled(events: list[Wire], chance: random.Random) -> list[Wire]:
    return chance.sample(events, len(events))


@pytest.mark.parametrize("arrange", [_in_order, _reversed, _five_times, _shuffled])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_figures_equal_a_plain_recount(
    reporting: Reporting, arrange: Callable[[list[Wire], random.Random], list[Wire]], seed: int
) -> None:
    """Seen to fail without the `sequence` filter, and with only the new buckets marked dirty."""
    events = office_life(seed)
    chance = random.Random(seed)  # noqa: S311
    waiting = arrange(events, chance)
    while waiting:
        n = chance.randrange(1, 150)
        await reporting.hear(waiting[:n])
        waiting = waiting[n:]
        if chance.random() < 0.5:
            await reporting.refresher.refresh()
    await reporting.refresh()
    assert await reporting.told() == recount(events)


async def test_replay_into_refreshed_figures_changes_nothing(reporting: Reporting) -> None:
    events = office_life(4)
    await reporting.hear(events)
    await reporting.refresh()
    before = await reporting.told()
    await reporting.hear(reversed(events))
    assert await reporting.facts.dirty(limit=10) == []
    await reporting.refresh()
    assert await reporting.told() == before


async def test_moves_between_refreshes_leave_nothing_behind(reporting: Reporting) -> None:
    """Seen to fail when a change forgets the marks that an earlier one left."""
    *before, moved, moved_again = an_appointment("a", "held", "confirmed", "rescheduled", "rescheduled")
    await reporting.hear(before)
    await reporting.refresh()
    await reporting.hear([moved])
    await reporting.hear([moved_again])
    await reporting.refresh()
    told = await reporting.told()
    assert {p[0]: c["booked_minutes"] for p, c in told.items() if "booked_minutes" in c} == {"2026-10-28": 25}


async def test_late_event_does_not_undo_a_newer_one(reporting: Reporting) -> None:
    events = an_appointment("a", "held", "confirmed", "cancelled")
    await reporting.hear(events[2:])
    await reporting.hear(events[:2])
    await reporting.refresh()
    ((_, told),) = (await reporting.told()).items()
    assert (told["confirmed"], told["cancelled"]) == (1, 1)
    assert "booked_minutes" not in told


async def test_processes_that_insert_together_keep_the_newest(reporting: Reporting) -> None:
    """Seen to fail when every duplicate key counts as "not newer"."""
    other = Reporting(reporting.database)
    lives = [an_appointment(f"a{n}", "held", "confirmed") for n in range(60)]
    for life in lives:
        await asyncio.gather(reporting.hear(life[:1]), other.hear(life[1:]))
    await reporting.refresh()
    assert await reporting.told() == recount(event for life in lives for event in life)


async def test_fact_that_cannot_be_stored_fails_alone(reporting: Reporting) -> None:
    good, bad = an_appointment("good", "held"), an_appointment("bad", "held", persons=2**70)
    events = [*good, *bad, a_message("m", "sent"), a_minute(START, searches=3)]
    outcomes = await asyncio.gather(*(reporting.hear([e]) for e in events), return_exceptions=True)
    assert [type(o) for o in outcomes] == [type(None), OverflowError, type(None), type(None)]
    await reporting.refresh()
    assert await reporting.told() == recount([*good, *events[2:]])


class Crash(Exception):
    pass


class CrashesBeforeClearing(Facts):
    async def clear(self, marks: Iterable[Mark]) -> None:
        raise Crash


class CrashesBeforeWriting(Figures):
    async def write(self, tallies: object, *, fence: int) -> None:
        raise Crash


@pytest.mark.parametrize("place", ["clearing", "writing"])
async def test_crash_within_a_refresh_loses_no_figure(reporting: Reporting, place: str) -> None:
    facts: Facts = reporting.facts
    figures: Figures = reporting.figures
    if place == "clearing":
        facts = CrashesBeforeClearing(reporting.database, zone=BERLIN, changed=reporting.changed)
    else:
        figures = CrashesBeforeWriting(reporting.database)
    events = office_life(5)
    half = len(events) // 2
    await reporting.hear(events[:half])
    await reporting.refresher.refresh()
    with pytest.raises(Crash):
        await reporting.refresher_of(facts, figures).refresh()
    await reporting.hear(events[half:])
    await reporting.refresh()
    assert await reporting.told() == recount(events)


class Frozen(Figures):
    """Stops between reading the facts and writing the figures, until it is thawed."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reached, self.thawed = asyncio.Event(), asyncio.Event()

    async def write(self, tallies: dict[str, Tally], *, fence: int) -> None:  # type: ignore[override]
        self.reached.set()
        await self.thawed.wait()
        await super().write(tallies, fence=fence)


async def test_refresher_frozen_beyond_its_lease_cannot_overwrite(mongodb: Database) -> None:
    """Seen to fail without the fence in the figures' write."""
    slow = Reporting(mongodb, lease_length=timedelta(milliseconds=1))
    fast = Reporting(mongodb)
    figures = Frozen(mongodb)
    frozen = slow.refresher_of(slow.facts, figures)
    first, second = an_appointment("a", "held", "confirmed")
    await slow.hear([first])
    await frozen.refresh()
    pass_of_frozen = asyncio.create_task(frozen.refresh())
    await asyncio.wait_for(figures.reached.wait(), 5)
    await slow.hear([second])
    await fast.refresh()
    figures.thawed.set()
    with pytest.raises(LeaseLost):
        await pass_of_frozen
    await fast.refresh()
    assert await fast.told() == recount([first, second])


async def test_change_during_a_refresh_keeps_its_mark(reporting: Reporting) -> None:
    figures = Frozen(reporting.database)
    refresher = reporting.refresher_of(reporting.facts, figures)
    first, second = an_appointment("a", "held", "confirmed")
    await reporting.hear([first])
    await refresher.refresh()
    running = asyncio.create_task(refresher.refresh())
    await asyncio.wait_for(figures.reached.wait(), 5)
    await reporting.hear([second])
    figures.thawed.set()
    await running
    assert [mark.sequence for mark in await reporting.facts.dirty(limit=10)] == [2]
    await reporting.refresh()
    assert await reporting.told() == recount([first, second])


async def until_told(service: Reporting, wanted: dict[Place, Counts]) -> None:
    async with asyncio.timeout(10):
        while await service.told() != wanted:  # noqa: ASYNC110 (another process's work)
            await asyncio.sleep(0.05)


async def test_two_refreshers_share_the_work_of_a_flood(mongodb: Database) -> None:
    one, two = Reporting(mongodb), Reporting(mongodb)
    events = office_life(6)
    for service in (one, two):
        await service.refresher.start()
    await asyncio.gather(one.hear(events[::2]), two.hear(events[1::2]))
    await until_told(one, recount(events))
    await one.refresher.stop()
    late = an_appointment("late", "held", "confirmed")
    await two.hear(late)
    await until_told(two, recount([*events, *late]))
    await two.refresher.stop()


async def test_stopped_refresher_leaves_lease_to_the_next(mongodb: Database) -> None:
    one, two = Reporting(mongodb), Reporting(mongodb)
    assert await one.lease.acquire() is None  # makes the lease
    first = await one.lease.acquire()
    assert first is not None
    assert await two.lease.acquire() is None
    assert await one.lease.acquire() == first
    await one.lease.release()
    second = await two.lease.acquire()
    assert second is not None
    assert second > first


async def test_figures_are_read_without_touching_facts(reporting: Reporting) -> None:
    events = office_life(7)
    await reporting.hear(events)
    await reporting.refresh()
    for kind in ("appointments", "messages", "demand", "capacity", "free_times"):
        await reporting.database[kind].drop()
    assert await reporting.told() == recount(events)


async def test_query_of_an_office_reads_only_its_days(reporting: Reporting) -> None:
    await reporting.hear(office_life(8))
    await reporting.refresh()
    match = {"office": "zollernalbkreis-elsewhere", "day": {"$gte": "2026-10-20", "$lt": "2026-10-22"}}
    plan = await reporting.database.command(
        {"explain": {"find": "figures", "filter": match}, "verbosity": "executionStats"}
    )
    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["indexName"] == "office_1_day_1"
    assert plan["executionStats"]["totalDocsExamined"] == plan["executionStats"]["nReturned"] > 0


async def test_totals_add_up_over_any_grouping(reporting: Reporting) -> None:
    await reporting.hear(office_life(9))
    await reporting.refresh()
    (whole,) = await reporting.figures.rows(Query(since=EVER.since, until=EVER.until))
    for group in Group:
        rows = await reporting.figures.rows(Query(since=EVER.since, until=EVER.until, groups=(group,)))
        for name in ("held", "confirmed", "booked_minutes", "messages_sent", "searches", "out_of_area"):
            assert sum(row.values[name] or 0 for row in rows) == whole.values[name]


async def test_range_includes_first_day_and_not_the_last(reporting: Reporting) -> None:
    await reporting.hear(an_appointment("a", "held"))
    await reporting.refresh()
    day = START.astimezone(BERLIN).date()

    async def held(since: date, until: date) -> float | None:
        (row,) = await reporting.figures.rows(Query(since=since, until=until))
        return row.values["held"]

    assert await held(day, day + timedelta(days=1)) == 1
    assert await held(day - timedelta(days=1), day) == 0
