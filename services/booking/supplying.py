"""Tells what the offices have to offer: the plan of each day ahead, and once an hour the next free times."""

from datetime import date, datetime, timedelta

from services.booking.domain.office import Office
from services.booking.domain.supply import capacity, free_services, planned_days
from services.booking.memory import Memory
from services.booking.offices import Offices
from services.booking.storage import Publications
from shared.contracts import FreeTimes
from shared.lifecycle import Repeating
from shared.mongo import DatabaseClock, PyMongoError
from shared.observability import get_logger

log = get_logger()


class Supplying(Repeating):
    """Runs in every booking process: each day and each hour is one document, so the first to tell it does."""

    def __init__(
        self,
        publications: Publications,
        *,
        offices: Offices,
        memory: Memory,
        clock: DatabaseClock,
        every: timedelta,
    ) -> None:
        super().__init__(self._tell, every=every)
        self._publications = publications
        self._offices = offices
        self._memory = memory
        self._clock = clock
        # What is told already: of each office the rules and the day, and the hour.
        self._planned: dict[str, tuple[int, date]] = {}
        self._looked: dict[str, datetime] = {}

    async def _tell(self) -> None:
        try:
            await self.tell()
        except PyMongoError as error:
            log.warning("supply_not_told", error=type(error).__name__)
        except Exception as error:
            log.error("supply_not_told", exc_info=error)

    async def tell(self) -> None:
        for office in list(self._offices.values()):
            await self._tell_plan(office)
            if self._memory.fresh:
                await self._tell_free_times(office)

    async def _tell_plan(self, office: Office) -> None:
        now = self._clock.now()
        known = (office.version, now.astimezone(office.zone).date())
        if self._planned.get(office.id) == known:
            return
        plans = [capacity(office, day) for day in planned_days(office, now=now)]
        await self._publications.tell_capacity(plans, office_version=office.version, now=now)
        self._planned[office.id] = known

    async def _tell_free_times(self, office: Office) -> None:
        now = self._clock.now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._looked.get(office.id) == hour:
            return
        services = free_services(self._memory.availability(office.id), now=now)
        await self._publications.tell_free_times(
            FreeTimes(office=office.id, hour=hour, services=services), now=now
        )
        self._looked[office.id] = hour
