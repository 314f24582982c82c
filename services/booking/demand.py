"""What people look for and do not get: counted per minute, told as events without any person."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

from services.booking.storage import Publications
from shared.contracts import Demand, DemandMeasured, new_event
from shared.mongo import DatabaseClock, PyMongoError
from shared.observability import get_logger

log = get_logger()

_TELL_EVERY_S = 1.0


class DemandCounter:
    """Counts in memory and tells the running minute's whole state every second.

    A killed process loses up to one second of counts: they are estimates of demand, not of bookings.
    """

    def __init__(self, publications: Publications, *, clock: DatabaseClock) -> None:
        self._publications = publications
        self._clock = clock
        self._instance = uuid4().hex[:12]
        self._counts: dict[tuple[str, datetime], Demand] = {}
        self._versions: dict[tuple[str, datetime], int] = {}
        self._changed: set[tuple[str, datetime]] = set()
        self._minute = datetime.min.replace(tzinfo=UTC)
        self._task: asyncio.Task[None] | None = None

    def search(self, office: str, *, found: bool) -> None:
        self._add(office, searches=1, searches_without_result=0 if found else 1)

    def slot_taken(self, office: str) -> None:
        self._add(office, slot_taken=1)

    def out_of_area(self, office: str, municipalities: Iterable[str]) -> None:
        """One attempt: each municipality of it counts once."""
        self._add(office, places=set(municipalities))

    def proof_asked(self, office: str) -> None:
        self._add(office, proofs_asked=1)

    def proof_failed(self, office: str) -> None:
        self._add(office, proofs_failed=1)

    def refused(self, office: str) -> None:
        self._add(office, refused=1)

    def many_holds(self, office: str) -> None:
        """Once for each address and minute."""
        self._add(office, many_holds=1)

    def quick_rebooking(self, office: str) -> None:
        self._add(office, quick_rebookings=1)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._keep_telling())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(PyMongoError):
            await self._tell()

    def _add(self, office: str, *, places: Iterable[str] = (), **counts: int) -> None:
        # A clock that is put back must not begin a minute again that was told and forgotten.
        self._minute = max(self._minute, self._clock.now().replace(second=0, microsecond=0))
        minute = self._minute
        key = (office, minute)
        known = self._counts.get(key) or Demand(office=office, minute=minute, instance=self._instance)
        values = {name: getattr(known, name) + count for name, count in counts.items()}
        if places:
            values["out_of_area"] = {
                **known.out_of_area,
                **{place: known.out_of_area.get(place, 0) + 1 for place in places},
            }
        self._counts[key] = known.model_copy(update=values)
        self._changed.add(key)

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            try:
                await self._tell()
            except Exception as error:
                log.warning("demand_not_told", error=type(error).__name__)

    async def _tell(self) -> None:
        for key in list(self._changed):
            demand = self._counts[key]
            self._changed.discard(key)
            version = self._versions[key] = self._versions.get(key, 0) + 1
            event = new_event(
                DemandMeasured,
                subject=f"{demand.office}|{demand.minute:%Y%m%dT%H%MZ}|{demand.instance}",
                sequence=version,
                data=demand,
                time=self._clock.now(),
            )
            try:
                await self._publications.tell_demand(event, minute=demand.minute, office=demand.office)
            except PyMongoError:
                self._changed.add(key)
                raise
        self._forget_past_minutes()

    def _forget_past_minutes(self) -> None:
        for key in [k for k in self._counts if k[1] < self._minute and k not in self._changed]:
            del self._counts[key], self._versions[key]
