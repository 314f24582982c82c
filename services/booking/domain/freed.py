"""Times that became free just now: whoever holds them within seconds may have known of it."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from services.booking.domain.availability import Occupied
from services.booking.domain.hours import Lane

JUST_NOW = timedelta(seconds=10)
# A closure that is lifted frees many at once; then nobody's luck with one of them tells anything.
_MOST = 1000


class Freed:
    def __init__(self) -> None:
        self._freed: deque[tuple[datetime, str, Lane, int]] = deque(maxlen=_MOST)

    def note(self, office: str, *, before: Sequence[Occupied], after: Sequence[Occupied], now: datetime) -> None:
        """What an appointment held `before` and does not hold `after`."""
        for old in before:
            if old.lane is None:
                continue
            kept = next((held.bits for held in after if held.lane == old.lane), 0)
            if gone := old.bits & ~kept:
                self._freed.append((now, office, old.lane, gone))

    def recently(self, office: str, held: Sequence[Occupied], *, now: datetime) -> bool:
        while self._freed and now - self._freed[0][0] > JUST_NOW:
            self._freed.popleft()
        lanes = {one.lane: one.bits for one in held}
        return any(of == office and bits & lanes.get(lane, 0) for _, of, lane, bits in self._freed)
