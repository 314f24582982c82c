"""Waiting with a deadline, never for a fixed time."""

import asyncio
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


async def until(holds: Callable[[], object], *, within: float = 20.0, what: str = "") -> None:
    """Returns once `holds` is true; the loop goes on meanwhile."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.02)
