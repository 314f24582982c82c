"""Times that became free just now: whoever holds them within seconds may have known of it."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from services.booking.domain.hours import Lane

JUST_NOW = timedelta(seconds=10)
# A closure that is lifted frees many at once; then nobody's luck with one of them tells anything.
_MOST = 1000


class Freed:
    def __init__(self) -> None:
        self._freed: deque[tuple[datetime, str, Lane, int]] = deque(maxlen=_MOST)

    def note(self, office: str, *, before: Mapping[Lane, int], after: Mapping[Lane, int], now: datetime) -> None:
        """What an appointment held `before` and does not hold `after`, as bits by lane."""
        for lane, bits in before.items():
            if gone := bits & ~after.get(lane, 0):
                self._freed.append((now, office, lane, gone))

    def recently(self, office: str, held: Mapping[Lane, int], *, now: datetime) -> bool:
        while self._freed and now - self._freed[0][0] > JUST_NOW:
            self._freed.popleft()
        return any(of == office and bits & held.get(lane, 0) for _, of, lane, bits in self._freed)
