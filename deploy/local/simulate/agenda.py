"""Virtual time: what is to happen, in the order of its moments."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

Act = Callable[[datetime], object]


class Agenda:
    """Acts of one moment happen in the order in which they were entered."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._acts: list[tuple[datetime, int, Act]] = []
        self._numbers = count()

    def at(self, moment: datetime, act: Act) -> None:
        """At the next whole second, since the wire and the database keep no more; what is late happens now.

        Never before `moment`: who finds a server still away would look again at the same moment, for ever.
        """
        moment = _whole_second(max(moment, self.now))
        heapq.heappush(self._acts, (moment, next(self._numbers), act))

    def play(self, until: datetime) -> None:
        """Everything before `until`; what it enters anew included."""
        while self._acts and self._acts[0][0] < until:
            self.now, _, act = heapq.heappop(self._acts)
            act(self.now)
        self.now = until


def _whole_second(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
