"""Free times as they are told, by the public API and on the pages."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.booking.commands import Booking
from services.booking.desks import Wanted, access_for
from services.booking.domain.cells import CELL
from services.booking.domain.masks import Ranges
from services.booking.domain.office import Office

# An answer of 56 days has up to 30 KB.
_MOST_ANSWERS = 300


@dataclass(frozen=True, slots=True)
class Search:
    """What an answer follows from, beside the free times themselves. Of a name only its range is kept."""

    office: str
    services: tuple[str, ...]
    persons: int
    children_under_6: int
    ranges: Ranges
    first: date | None
    last: date | None


class Answers:
    """The last answers as they went out: while nobody books, many look for the same times."""

    def __init__(self, booking: Booking) -> None:
        self._booking = booking
        self._kept: dict[Search, tuple[tuple[int, int], bytes, bool]] = {}

    def find(self, office: Office, search: Search) -> bytes:
        """JSON as the public API answers it: `minutes`, `days` with their `times`, `next_bookable_day`."""
        now = self._booking.clock.now()
        team = office.service(search.services[0]).team
        as_of = self._booking.memory.availability(office.id).as_of(team, now)
        kept = self._kept.get(search)
        if kept is None or kept[0] != as_of:
            body, found = self._make(office, search, now)
            if len(self._kept) >= _MOST_ANSWERS:
                self._kept.clear()
            kept = self._kept[search] = as_of, body, found
        self._booking.demand.search(office.id, found=kept[2])
        return kept[1]

    def times_for(
        self, office: Office, wanted: Wanted, *, now: datetime, first: date, last: date
    ) -> dict[date, list[datetime]]:
        """For a visit that has its time already (`own`), as local times by day."""
        availability = self._booking.memory.availability(office.id)
        ranges = office.ranges(wanted.team, wanted.family_name)
        starts = availability.starts(
            wanted.team, length=wanted.length, now=now, access=wanted.access, ranges=ranges, own=wanted.own
        )
        found = availability.days(starts, first=first, last=last)
        return {day: [datetime.fromisoformat(time) for time in json.loads(times)] for day, times in found}

    def _make(self, office: Office, search: Search, now: datetime) -> tuple[bytes, bool]:
        """Put together from ready-made pieces: building it from models would cost ten times more."""
        services = office.services(search.services)
        minutes = office.minutes(*services, persons=search.persons, children_under_6=search.children_under_6)
        availability, access = self._booking.memory.availability(office.id), access_for(services)
        length = timedelta(minutes=minutes) // CELL
        starts = availability.starts(services[0].team, length=length, now=now, access=access, ranges=search.ranges)
        first, last = office.days(access, now=now)
        found = availability.days(starts, first=first, last=last)
        wanted = [
            b'{"date":"%b","times":%b}' % (day.isoformat().encode(), times)
            for day, times in found
            if (search.first or first) <= day <= (search.last or last)
        ]
        next_day = b'"%b"' % found[0][0].isoformat().encode() if found else b"null"
        body = b'{"minutes":%d,"days":[%b],"next_bookable_day":%b}' % (minutes, b",".join(wanted), next_day)
        return body, bool(found)
