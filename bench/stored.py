"""A database as full as that of many offices: 1,200,000 appointments, each horizon 80 % booked, the rest past.

Each is a copy of one that the service's own code has made, at a desk and time of its own.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, product
from random import Random
from uuid import UUID

from bench.lives import lives
from bench.measuring import say
from bench.office import LANES, TEAM, times, write_more_offices
from bench.stage import Stage
from services.booking.domain.cells import cells_of
from shared.mongo import Document

OFFICES, STORED, BOOKED = 60, 1_200_000, 0.8
_AT_ONCE = 1000
_PAST = timedelta(days=90)
_VISIT = timedelta(minutes=15)


def fill(stage: Stage) -> int:
    """Stores them, which takes minutes; how many of them are still to come."""
    offices = write_more_offices(stage.offices, OFFICES)
    model, free = lives(stage, 1)[0].confirmed, times(stage.office)
    per_office, coming, started = STORED // OFFICES, 0, time.monotonic()
    with stage.database() as client:
        appointments = client["booking"]["appointments"]
        for number, office in enumerate(offices, start=1):
            random = Random(number)  # noqa: S311 (the same at each run, and nobody's secret)
            places = _booked(free, random)
            coming += len(places)
            documents = _documents(model, office, places, per_office, random)
            while batch := list(islice(documents, _AT_ONCE)):
                appointments.insert_many(batch, ordered=False)
            say(f"  stored {number * per_office:,} of {STORED:,}, {time.monotonic() - started:.0f} s")
    return coming


def drop(stage: Stage) -> None:
    """To delete so many one by one takes longer than all else; the service makes its indexes anew."""
    with stage.database() as client:
        client["booking"].drop_collection("appointments")
    for office in stage.offices.glob("*_*.toml"):
        office.unlink()


def _booked(free: list[datetime], random: Random) -> list[tuple[datetime, str]]:
    places = list(product(free, LANES))
    return random.sample(places, round(BOOKED * len(places)))


def _documents(
    model: Document, office: str, places: list[tuple[datetime, str]], number: int, random: Random
) -> Iterator[Document]:
    for starts_at, lane in places:
        yield _copy(model, office, starts_at, lane, random)
    for place in range(number - len(places)):
        starts_at, lane = places[place % len(places)]
        yield _past(_copy(model, office, starts_at - _PAST, lane, random))


def _past(visit: Document) -> Document:
    """As it is kept for the figures: nothing is left that retention would do."""
    erased = {"status": "anonymised", "outcome": "completed", "anonymised_as": "kept", "code": ""}
    gone = ("cells", "person", "contact", "request_digest", "key_left")
    return {key: value for key, value in visit.items() if key not in gone} | erased


def _copy(model: Document, office: str, starts_at: datetime, lane: str, random: Random) -> Document:
    ends_at = starts_at + _VISIT
    return {
        **model,
        "_id": str(UUID(int=random.getrandbits(128), version=4)),
        "office": office,
        "code": f"{random.getrandbits(40):08X}",
        "lane": lane,
        "cells": cells_of(team=TEAM, lane=lane, starts_at=starts_at, ends_at=ends_at),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "contact": {**model["contact"], "email_digest": f"{random.getrandbits(256):064x}"},
    }
