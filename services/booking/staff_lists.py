"""Tells in the background what the office's own people get by mail: the day's list, and conflicts."""

from datetime import datetime, time, timedelta

from services.booking.commands import Planning
from services.booking.commands.planning import InConflict
from services.booking.domain import staff_lists as domain
from services.booking.domain.office import Office
from services.booking.storage import StaffLists
from shared.contracts import (
    ConflictingVisit,
    ConflictList,
    DayList,
    OfficeConflictsFound,
    OfficeDayPlanned,
    new_event,
)
from shared.contracts.event import wire_type
from shared.lifecycle import Repeating
from shared.mongo import PyMongoError
from shared.observability import get_logger

log = get_logger()


class ListTelling(Repeating):
    """Runs in every booking process: what is told is guarded by a document, so two only share the work.

    `site` is where staff reach their pages.
    """

    def __init__(self, planning: Planning, lists: StaffLists, *, site: str, every: timedelta) -> None:
        super().__init__(self._tell, every=every)
        self._planning = planning
        self._lists = lists
        self._site = site.rstrip("/")
        # Days that need no look any more, and the versions of offices that were looked through for conflicts.
        self._days: dict[str, str] = {}
        self._looked: dict[str, int] = {}

    async def tell(self) -> None:
        for office in list(self._planning.offices.values()):
            now = self._planning.booking.clock.now()
            if await self._tell_day(office, now=now):
                # Once a day whatever changed: a booking may have raced a closure.
                self._looked.pop(office.id, None)
            if await self._is_new(office, now=now):
                await self._tell_conflicts(office)

    async def _tell(self) -> None:
        try:
            await self.tell()
        except PyMongoError as error:
            log.warning("lists_not_told", error=type(error).__name__)
        except Exception as error:
            log.error("lists_not_told", exc_info=error)

    async def _tell_day(self, office: Office, *, now: datetime) -> bool:
        """True where this process told it."""
        day = domain.day_to_tell(office, now=now)
        subject = f"{office.id}|{day}"
        if day is None or self._days.get(office.id) == subject:
            return False
        told = False
        if not await self._lists.is_told(subject):
            begins, ends = (datetime.combine(day + timedelta(days=after), time(), office.zone) for after in (0, 1))
            found = await self._planning.booking.appointments.between(office.id, begins, ends)
            visits = domain.listed(found)
            if visits or office.is_open(day):
                url = f"{self._site}/staff/today"
                data = DayList(office=office.id, day=day, as_of=now, visits=visits, url=url)
                told = await self._lists.tell_day(_day_planned(data, subject=subject, now=now))
        self._days[office.id] = subject
        return told

    async def _is_new(self, office: Office, *, now: datetime) -> bool:
        if self._looked.get(office.id) == office.version:
            return False
        return domain.has_settled(await self._planning.store.changed_at(office.id), now=now)

    async def _tell_conflicts(self, office: Office) -> None:
        """All of them, where one is among them that was not told before. What fits again may be told anew."""
        subject = f"{office.id}|conflicts"
        version, told = await self._lists.conflicts_told(subject)
        now = self._planning.booking.clock.now()
        # A hold that nobody asked for runs out in minutes.
        found = [one for one in await self._planning.in_conflict(office) if one.visit.status != "held"]
        keys = {f"{one.visit.id}|{one.visit.starts_at:%Y%m%dT%H%MZ}" for one in found}
        event = None
        if new := len(keys - told):
            visits, url = tuple(map(_conflicting, found)), f"{self._site}/staff/conflicts"
            data = ConflictList(office=office.id, as_of=now, new=new, visits=visits, url=url)
            event = _conflicts_found(data, subject=subject, sequence=version + 1, now=now)
        if keys == told or await self._lists.keep_conflicts(subject, keys, before=version, event=event):
            self._looked[office.id] = office.version


def _conflicting(one: InConflict) -> ConflictingVisit:
    visit = one.visit
    return ConflictingVisit(
        starts_at=visit.starts_at,
        code=visit.code,
        service=visit.service,
        team=visit.team,
        lane=visit.lane,
        persons=visit.persons,
        reason=one.conflict.reason,
    )


def _day_planned(data: DayList, *, subject: str, now: datetime) -> OfficeDayPlanned:
    id = domain.event_id(wire_type(OfficeDayPlanned), subject=subject, sequence=1)
    event = new_event(OfficeDayPlanned, subject=subject, sequence=1, data=data, time=now)
    return event.model_copy(update={"id": id})


def _conflicts_found(data: ConflictList, *, subject: str, sequence: int, now: datetime) -> OfficeConflictsFound:
    id = domain.event_id(wire_type(OfficeConflictsFound), subject=subject, sequence=sequence)
    event = new_event(OfficeConflictsFound, subject=subject, sequence=sequence, data=data, time=now)
    return event.model_copy(update={"id": id})
