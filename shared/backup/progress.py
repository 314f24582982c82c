"""A bar on a terminal; nothing where the output goes to a file."""

import sys
import time

_WIDTH = 30
_EVERY_S = 0.1


class Bar:
    """`total` may be a guess: what comes above it counts as everything."""

    def __init__(self, what: str, *, total: int) -> None:
        self._what = what
        self._total = max(total, 1)
        self._done = 0
        self._shown_at = 0.0
        self._started = time.monotonic()

    def __call__(self, more: int) -> None:
        self._done += more
        if sys.stderr.isatty() and time.monotonic() - self._shown_at > _EVERY_S:
            self._shown_at = time.monotonic()
            self._show()

    def end(self) -> None:
        self._total = max(self._done, 1)
        if sys.stderr.isatty():
            self._show()
            print(file=sys.stderr)

    def _show(self) -> None:
        part = min(self._done / self._total, 1.0)
        filled = "#" * round(part * _WIDTH)
        rate = self._done / max(time.monotonic() - self._started, 0.001)
        line = f"\r{self._what} [{filled:-<{_WIDTH}}] {part:4.0%} {self._done} documents, {rate:.0f}/s"
        print(line, end="", file=sys.stderr, flush=True)
