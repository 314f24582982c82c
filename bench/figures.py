"""`figures`: the dashboard's main query over 90 days of one office, with 10,000 and with 1,200,000 facts stored.

The large database has 60 such offices, each with as much again before those days. Both lie on one server and are
asked in turns.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from random import Random
from zoneinfo import ZoneInfo

import uvloop
from motor.motor_asyncio import AsyncIOMotorClient

from bench.measuring import Figure, Run, in_turns, median_rate, percentile_ms, say
from bench.stage import Stage
from services.reporting.domain import AppointmentFact, Group, Step, Tally
from services.reporting.storage import Facts, Figures, Query
from services.reporting.storage.facts import document_of
from shared.mongo import Database, Document

FEW, MANY, OFFICES = 10_000, 1_200_000, 60
_MOST_TIMES_SLOWER = 1.2
_ZONE = ZoneInfo("Europe/Berlin")
_UNTIL = date(2026, 11, 30)
_DAYS = timedelta(days=90)
_FIRST = "office_0"
_ANSWERS = 200
_AT_ONCE = 2000
_BUCKETS_AT_ONCE = 1000
# Of 23 municipalities, and as often as each is chosen.
_MUNICIPALITIES = tuple(f"084170{n:02d}" for n in range(2, 25))
_SERVICES = ("eat_pickup", "eat_pin", "commitment", "residence_permit", "fiction", "cond_change")
_CHANNELS = ("web",) * 7 + ("phone",) * 2 + ("counter",)
_LANGUAGES = ("de",) * 5 + ("tr", "uk", "ar", "ro", "en")
_KEPT = ["checked_in", "called", "in_service", "completed"]

Tallies = Mapping[str, Tally]


def measure(stage: Stage) -> Figure:
    few, many = "bench_figures_few", "bench_figures_many"
    started = time.monotonic()
    buckets = uvloop.run(_fill(stage, few, offices=1, periods=1))
    everywhere = uvloop.run(_fill(stage, many, offices=OFFICES, periods=2))
    say(f"  {MANY:,} facts in {everywhere:,} buckets stored, {time.monotonic() - started:.0f} s")
    small: list[Run] = []

    def of_few(_: int) -> float:
        small.append(uvloop.run(_asked(stage, few)))
        return small[-1].rate

    limit, runs = in_turns(limit=of_few, program=lambda: uvloop.run(_asked(stage, many)), widths=[1])
    with stage.database() as client:
        for name in (few, many):
            client.drop_database(name)
    slower = percentile_ms(runs, 0.99) / percentile_ms(small, 0.99)
    note = f"figures: p99 with {FEW:,} facts in {buckets:,} buckets {percentile_ms(small, 0.99):.1f} ms"
    return Figure(
        name="figures",
        unit="answers/s",
        value=median_rate(runs),
        limit=limit,
        target=round(1 / _MOST_TIMES_SLOWER, 2),
        p50_ms=percentile_ms(runs, 0.5),
        p99_ms=percentile_ms(runs, 0.99),
        times_slower=(slower, _MOST_TIMES_SLOWER),
        notes=(note,),
    )


async def _asked(stage: Stage, name: str) -> Run:
    """One answer after the other: the whole of the days, and each of them, as the dashboard asks."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(stage.mongodb_uri, tz_aware=True)
    figures, seconds = Figures(client[name]), []
    whole = Query(since=_UNTIL - _DAYS, until=_UNTIL, office=_FIRST)
    for _ in range(_ANSWERS):
        started = time.perf_counter()
        (total,) = await figures.rows(whole)
        rows = await figures.rows(replace(whole, groups=(Group.DAY,)))
        seconds.append(time.perf_counter() - started)
        assert total.values["held"] == sum(row.values["held"] or 0 for row in rows) == FEW
    client.close()
    return Run(len(seconds) / sum(seconds), tuple(seconds))


async def _fill(stage: Stage, name: str, *, offices: int, periods: int) -> int:
    """Facts and figures of one office as the service stores them, the same in others; the number of buckets."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(stage.mongodb_uri, tz_aware=True)
    database: Database = client[name]
    figures = Figures(database)
    await Facts(database, zone=_ZONE, changed=asyncio.Event()).ensure_indexes()
    await figures.ensure_indexes()
    facts = [fact for period in range(periods) for fact in _facts(_UNTIL - period * _DAYS)]
    documents = (document_of(f, id=f"{_FIRST}-{n:08d}", sequence=3, zone=_ZONE) for n, f in enumerate(facts))
    await database["appointments"].insert_many(list(documents), ordered=False)
    tallies = _tallies(facts)
    await _show(figures, tallies)
    for collection in ("appointments", "figures", "days"):
        await _copy(database, collection, offices)
    client.close()
    return len(tallies) * offices


async def _copy(database: Database, name: str, offices: int) -> None:
    """The same life in other offices."""
    models = await database[name].find().to_list(None)
    for number in range(1, offices):
        for start in range(0, len(models), _AT_ONCE):
            part = (_elsewhere(model, f"office_{number}") for model in models[start : start + _AT_ONCE])
            await database[name].insert_many(list(part), ordered=False)


def _elsewhere(model: Document, office: str) -> Document:
    """An office's name begins each id and key; a fact has it in its fields too."""
    copied = {**model, "_id": model["_id"].replace(_FIRST, office, 1), "office": office}
    if "fact" in model:
        copied |= {"fact": {**model["fact"], "office": office}}
        copied |= {"buckets": [key.replace(_FIRST, office, 1) for key in model["buckets"]]}
    return copied


def _facts(until: date) -> list[AppointmentFact]:
    """Held on each of 90 days, most of them booked, of those most kept; some cancelled."""
    random = Random(until.toordinal())  # noqa: S311 (the same at each run, and nobody's secret)
    return [_fact(until - timedelta(days=1 + n % _DAYS.days), random) for n in range(FEW)]


def _fact(day: date, random: Random) -> AppointmentFact:
    held = datetime.combine(day, clock(6 + random.randrange(12), random.randrange(60)), UTC)
    visit = held.replace(minute=0) + timedelta(days=random.randrange(2, 40))
    names = ["held"] if random.random() < 0.3 else ["held", "requested", "confirmed"]
    steps = [Step(name, held + timedelta(minutes=n)) for n, name in enumerate(names)]
    if len(steps) > 1:
        came = random.random()
        names = ["cancelled"] if came < 0.15 else ["no_show"] if came < 0.25 else _KEPT
        at = held + timedelta(hours=3) if names == ["cancelled"] else visit
        steps += [Step(name, at + timedelta(minutes=5 * n), "staff") for n, name in enumerate(names)]
    return AppointmentFact(
        office=_FIRST,
        service=random.choice(_SERVICES),
        team="service_point",
        municipality=random.choice(_MUNICIPALITIES),
        channel=random.choice(_CHANNELS),
        persons=random.choice((1, 1, 1, 2, 4)),
        children_under_6=0,
        starts_at=visit,
        ends_at=visit + timedelta(minutes=20),
        steps=tuple(steps),
        language=random.choice(_LANGUAGES) if len(steps) > 1 else "",
        waiting_minutes=random.randrange(30),
        handling_minutes=random.randrange(5, 40),
    )


def _tallies(facts: Sequence[AppointmentFact]) -> Tallies:
    found: dict[str, Tally] = {}
    for fact in facts:
        for entry in fact.entries(_ZONE):
            found.setdefault(entry.key, Tally()).add(entry)
    return found


async def _show(figures: Figures, tallies: Tallies) -> None:
    keys = list(tallies)
    for start in range(0, len(keys), _BUCKETS_AT_ONCE):
        part = keys[start : start + _BUCKETS_AT_ONCE]
        await figures.write({key: tallies[key] for key in part}, fence=1)
    await figures.add_up(keys, fence=1)
