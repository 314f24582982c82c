"""Keeps free times in memory: own writes at once, everybody's by a change stream, all anew where it breaks."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Counter, Gauge

from services.booking.changes import Changes, News
from services.booking.domain.appointment import Appointment
from services.booking.domain.availability import Availability, base_cell
from services.booking.domain.freed import Freed
from services.booking.domain.office import Office
from services.booking.storage import taken_cells
from shared.mongo import Database, DatabaseClock, Document
from shared.observability import get_logger

log = get_logger()

RELOADED = Counter("availability_reloaded_total", "Times that all taken cells were read anew")
FRESH = Gauge("availability_fresh", "1 while memory is known to be under a second old")

# Memory may refuse a time only while it is known to be this young; acceptance is always the index's.
_FRESH_FOR = timedelta(seconds=1)
# A process whose stream stays away longer should get no requests.
_STALE_AFTER = timedelta(seconds=15)
_CHANGES: list[Mapping[str, Any]] = [
    {
        "$match": {
            "$or": [
                {"operationType": {"$in": ["insert", "replace", "delete"]}},
                {"updateDescription.updatedFields.cells": {"$exists": True}},
                {"updateDescription.removedFields": "cells"},
            ]
        }
    },
    {
        "$project": {
            "operationType": 1,
            "documentKey": 1,
            "wallTime": 1,
            "fullDocument": {"office": 1, "version": 1, "cells": 1},
            "updateDescription": {"updatedFields": {"cells": 1, "version": 1}},
        }
    },
]


class NotLoaded(Exception):
    """Free times are not known yet."""


class Memory:
    """The availability of every office, and whether it is fresh enough to refuse a time."""

    def __init__(self, database: Database, *, offices: Mapping[str, Office], clock: DatabaseClock) -> None:
        self._database = database
        self._offices = offices
        self._clock = clock
        self._of_office: dict[str, Availability] = {}
        self._freed = Freed()
        self._seen_until: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def availability(self, office: str) -> Availability:
        """Raises NotLoaded in the first moments of a process."""
        if not self.loaded or office not in self._of_office:
            raise NotLoaded
        return self._of_office[office]

    def follow(self, office: Office) -> None:
        """A new version of an office's rules; a new office is loaded with all the others."""
        if office.id in self._of_office:
            self._of_office[office.id].follow(office)
        elif self._task:
            self._task.cancel()
            self._task = asyncio.create_task(self._keep_following())

    @property
    def fresh(self) -> bool:
        return self._seen_until is not None and self._clock.now() - self._seen_until < _FRESH_FOR

    @property
    def loaded(self) -> bool:
        return self._seen_until is not None

    def put(self, appointment: Appointment) -> None:
        """What this process has just written."""
        self._put(appointment.office, appointment.id, appointment.version, list(appointment.cells))

    def freed_just_now(self, appointment: Appointment) -> bool:
        """Whether this process knows that any of its time became free within the last seconds."""
        held = self._of_office[appointment.office].held(appointment.id)
        return self._freed.recently(appointment.office, held, now=self._clock.now())

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_following())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def check(self) -> str | None:
        if not self.loaded:
            return "free times are not loaded yet"
        if self._seen_until is None or self._clock.now() - self._seen_until > _STALE_AFTER:
            return "free times are out of date: the change stream is lost"
        return None

    async def _keep_following(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:
                log.warning("change_stream_lost", error=type(error).__name__)
            FRESH.set(0)
            await asyncio.sleep(0.5)

    async def _follow(self) -> None:
        """The stream opens before the load, so nothing falls between the two."""
        async with Changes(self._database["appointments"], _CHANGES, now=self._clock.now) as changes:
            await self._load()
            while True:
                for news in await changes.burst():
                    self._hear(news)

    def _hear(self, news: News) -> None:
        if news.change is None:
            self._seen_until = news.asked_at
            FRESH.set(1)
        else:
            self._apply(news.change)
            self._seen_until = max(self._seen_until or news.change["wallTime"], news.change["wallTime"])

    async def _load(self) -> None:
        now = self._clock.now()
        RELOADED.inc()
        loaded = {id: Availability(office, base=base_cell(now)) for id, office in self._offices.items()}
        number = 0
        async for document in taken_cells(self._database, now=now):
            if availability := loaded.get(document["office"]):
                availability.put(document["_id"], version=document["version"], cells=document.get("cells", []))
                number += 1
        for id, availability in loaded.items():
            if availability.office is not self._offices[id]:
                availability.follow(self._offices[id])
        # At once, so that nobody sees a half-filled memory; what was written meanwhile comes by the stream.
        self._of_office, self._seen_until = loaded, now
        log.info("availability_loaded", appointments=number)

    def _apply(self, change: Mapping[str, Any]) -> None:
        id = change["documentKey"]["_id"]
        office = next((office for office, known in self._of_office.items() if known.knows(id)), None)
        if change["operationType"] == "delete":
            if office:
                self._of_office[office].forget(id)
            return
        full: Document | None = change.get("fullDocument")
        if full and "office" in full:
            self._put(full["office"], id, full["version"], full.get("cells", []))
            return
        updated = change["updateDescription"].get("updatedFields", {})
        if office:
            self._put(office, id, updated.get("version"), updated.get("cells", []))

    def _put(self, office: str, id: str, version: int | None, cells: list[str]) -> None:
        availability = self._of_office.get(office)
        if availability is None:
            return
        before = availability.held(id)
        availability.put(id, version=version, cells=cells)
        if before:
            self._freed.note(office, before=before, after=availability.held(id), now=self._clock.now())
