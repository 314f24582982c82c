"""Waiting with a deadline, never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, within: float = 20.0, what: str = "") -> T:
    """The first true value that `look` gives; fails with `what` where none comes in time."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or look} (last seen: {found!r:.300})")
        time.sleep(0.05)
