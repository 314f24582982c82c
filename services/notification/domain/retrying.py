"""When to try again, and when nothing is left to try."""

from dataclasses import dataclass
from datetime import timedelta

from services.notification.domain.deliveries import Status


@dataclass(frozen=True, slots=True)
class Retry:
    """After the n-th failed attempt wait `delays[n-1]` (the last one from then on), give up after `attempts`.

    `jitter` is the share by which a delay may be shorter or longer, so that a server that comes back is not
    met by everything at once. While a provider cannot be reached at all, nothing is wrong with any one message:
    the pause grows from `unreachable[0]` to `unreachable[1]`, costs no attempt and never gives up.
    """

    delays: tuple[timedelta, ...]
    attempts: int
    jitter: float
    unreachable: tuple[timedelta, timedelta] = (timedelta(seconds=1), timedelta(seconds=30))

    def delay(self, *, failed: int, chance: float, asked: timedelta | None = None) -> timedelta | None:
        """The pause after `failed` attempts, None to give up; `chance` is evenly spread over [0, 1).

        Never shorter than `asked`, which is what the provider wants.
        """
        if failed >= self.attempts:
            return None
        pause = self._spread(self.delays[min(failed, len(self.delays)) - 1], chance)
        return max(pause, self._later(asked, chance)) if asked else pause

    def delay_unreachable(self, *, looks: int, chance: float, asked: timedelta | None = None) -> timedelta:
        """The pause after a provider could not be reached, with `looks` in vain before, or what it `asked` for."""
        if asked:
            return self._later(asked, chance)
        first, most = self.unreachable
        return self._spread(_doubled(first, looks, most), chance)

    def _spread(self, pause: timedelta, chance: float) -> timedelta:
        return pause * (1 + self.jitter * (2 * chance - 1))

    def _later(self, asked: timedelta, chance: float) -> timedelta:
        return asked * (1 + self.jitter * chance)


def _doubled(first: timedelta, times: int, most: timedelta) -> timedelta:
    factor: int = 2 ** min(times, 16)
    return min(first * factor, most)


# More than a day altogether: greylisting is over in minutes, a full mailbox or a sick server by the next morning.
SENDING = Retry(
    delays=tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200)), attempts=20, jitter=0.2
)

_FIRST_WAIT = timedelta(milliseconds=50)
# What is waited for wakes its deliveries when it comes; this is for an arrival that just missed the look.
_LONGEST_WAIT = timedelta(seconds=60)


def wait_before_looking_again(waits: int) -> timedelta:
    """The pause before a delivery asks again for a fact that had not come on `waits` earlier looks."""
    return _doubled(_FIRST_WAIT, waits, _LONGEST_WAIT)


def is_undeliverable(statuses: set[Status]) -> bool:
    """Whether, of all that was planned for one purpose, something failed and nothing else is or was sent."""
    return Status.FAILED in statuses and statuses <= {Status.FAILED, Status.NOT_WANTED}
