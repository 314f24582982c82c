"""How far a long command is: a bar where somebody looks at it, else nothing until the end."""

import sys
import time
from typing import TextIO

_WIDTH = 30
_AT_MOST_EVERY_S = 0.1


class Progress:
    """`what` names what is counted; `total` may be a guess, and may grow."""

    def __init__(self, what: str, *, total: int = 0, to: TextIO | None = None) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self._to = to or sys.stderr
        self._began = self._shown = time.monotonic()

    def add(self, number: int = 1) -> None:
        self.reach(self.done + number)

    def reach(self, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if self._to.isatty() and now - self._shown >= _AT_MOST_EVERY_S:
            self._shown = now
            self._to.write(f"\r{self.line()}\033[K")
            self._to.flush()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def rate(self) -> float:
        """A second, since the beginning."""
        return self.done / self.seconds if self.seconds else 0.0

    def line(self) -> str:
        counted = f"{self.done:,} {self.what}, {self.rate:,.0f}/s"
        if not self.total:
            return counted
        share = min(1.0, self.done / self.total)
        bar = "█" * round(share * _WIDTH)
        return f"{bar:░<{_WIDTH}} {share:4.0%}  {counted}"

    def end(self) -> None:
        """Leaves the last line on the screen."""
        if self._to.isatty():
            self._to.write(f"\r{self.line()}\033[K\n")
            self._to.flush()
