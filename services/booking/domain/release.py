"""When cells become bookable online: rolling, at minutes that nobody outside can foretell.

Who wants to book first for others would have to try all day: each lane's day opens at a minute of its own.
"""

import hmac
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from services.booking.domain.hours import Hours, Lane, wall_moment
from services.booking.domain.rules import BookingRules, Channel

# What somebody may book: what is released for all, what is kept for emergencies, everything.
Access = Literal["web", "emergency", "staff"]
_CHANNELS: dict[Access, tuple[Channel, ...]] = {
    "web": ("web", "kept"),
    "emergency": ("emergency",),
    "staff": ("web", "kept", "emergency", "staff"),
}
# Local hours in which something is released: people are awake then.
_FIRST_MINUTE, _MINUTES = 6 * 60, 14 * 60


def channels_for(access: Access) -> tuple[Channel, ...]:
    return _CHANNELS[access]


class Releases:
    """`key` is known to booking's processes only; all of them so agree on each minute."""

    def __init__(self, office: str, *, rules: BookingRules, hours: Hours, zone: ZoneInfo, key: bytes) -> None:
        if rules.release == "random" and not key:
            raise ValueError("a random release needs a key")
        self._office = office
        self._rules = rules
        self._hours = hours
        self._zone = zone
        self._key = key
        self._working: dict[tuple[date, int], date] = {}

    def at(self, lane: Lane, day: date, channel: Channel) -> datetime:
        """When the cells of `channel` on that lane's day become bookable online."""
        minute = self._minute(lane, day, channel) if self._rules.release == "random" else 0
        wall = time(minute // 60, minute % 60)
        return wall_moment(self._release_day(day, channel), wall, self._zone)

    def is_released(self, lane: Lane, day: date, channel: Channel, *, now: datetime) -> bool:
        """Most days are told by their date, without reckoning a minute."""
        release, today = self._release_day(day, channel), now.astimezone(self._zone).date()
        return release < today or (release == today and self.at(lane, day, channel) <= now)

    def working_days_before(self, day: date, count: int) -> date:
        """The `count`-th opening day before; at most a year back, for an office that is closed for good."""
        if (day, count) not in self._working:
            if len(self._working) > 5_000:
                self._working.clear()
            self._working[day, count] = self._look_back(day, count)
        return self._working[day, count]

    def _look_back(self, day: date, count: int) -> date:
        earliest = day - timedelta(days=366)
        while count and day > earliest:
            day -= timedelta(days=1)
            count -= bool(self._hours.office_cells(day))
        return day

    def _release_day(self, day: date, channel: Channel) -> date:
        if channel == "kept":
            return self.working_days_before(day, self._rules.kept_working_days)
        if channel == "emergency":
            return self.working_days_before(day, self._rules.emergency_working_days)
        return day - timedelta(days=self._rules.horizon_days)

    def _minute(self, lane: Lane, day: date, channel: Channel) -> int:
        subject = f"{self._office}|{lane[0]}|{lane[1]}|{day}|{channel}"
        digest = hmac.new(self._key, subject.encode(), "sha256").digest()
        return _FIRST_MINUTE + int.from_bytes(digest[:8]) % _MINUTES
