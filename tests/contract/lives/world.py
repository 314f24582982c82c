"""What the lives share: who calls, the keys of messages, times that nobody else takes, sessions of the staff."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.booking.domain.actors import Role
from services.booking.tokens import Keys
from tests.builders import HECHINGEN
from tests.contract.caller import Caller

OFFICE = "zollernalbkreis"
PASSWORD = "ein Satz aus Wörtern"
# The version that a contact makes of a hold; its message's secret belongs to it.
FIRST_CONTACT = 2

Body = dict[str, Any]


@dataclass
class World:
    call: Caller
    keys: Keys
    zone: ZoneInfo
    # By role; "all" has every one.
    tokens: dict[Role | Literal["all"], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        today = datetime.now(UTC).astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        self.today = today
        self._later = _every(minutes=40, start=today + timedelta(days=2, hours=1), end=today + timedelta(days=11))
        self._soon = _every(minutes=10, start=today + timedelta(hours=11), end=today + timedelta(hours=22))
        self._far = _every(minutes=20, start=today + timedelta(days=15), end=today + timedelta(days=20))
        self._taking = threading.Lock()

    def later(self) -> str:
        """A time of the next days at which every desk is free, so far ahead that a cancelled one cools."""
        return self._next(self._later)

    def soon(self) -> str:
        """The same for the rest of today; for staff."""
        return self._next(self._soon)

    def far(self) -> str:
        """Beyond what citizens book; for staff."""
        return self._next(self._far)

    def day(self, days: int) -> str:
        return (self.today + timedelta(days=days)).date().isoformat()

    def _next(self, times: Iterator[datetime]) -> str:
        with self._taking:
            return next(times).isoformat()


def _every(*, minutes: int, start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        # The last hour of a day is closed.
        if start.hour < 23:
            yield start
        start += timedelta(minutes=minutes)


def new_key() -> str:
    return str(uuid4())


def members(count: int = 1) -> list[Body]:
    return [{"municipality": HECHINGEN}] * count


def wanted(service: str = "eat_pickup", **more: Any) -> Body:
    return {"service": service, "family_name": "Öztürk", "members": members(), **more}
