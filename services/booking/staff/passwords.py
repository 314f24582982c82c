"""Argon2id, off the event loop and one at a time."""

import asyncio
import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.booking.domain.passwords import normalised

T = TypeVar("T")

# OWASP's second choice of equals: 19 MiB, two passes, one lane; 25 ms here. Under full load the service has 113 of
# its 150 MiB: there is room for one at a time, which is 40 sign-ins a second.
MEMORY_KIB = 19 * 1024
PASSES = 2
_AT_ONCE = 1
# What waits longer than about a second is refused: a flood of guesses must not become a queue of memory.
_MOST_WAITING = 50


class TooBusy(Exception):
    """More people sign in at this moment than can be looked at."""


class Passwords:
    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        # Costs what a real one costs, and no password fits it.
        self._nobodys = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${_random(16)}${_random(32)}"

    async def hash(self, password: str) -> str:
        """Raises TooBusy."""
        return await self._run(lambda: self._hasher.hash(normalised(password)))

    async def fits(self, password: str, stored: str | None) -> bool:
        """Takes as long where nothing is stored. Raises TooBusy."""
        return await self._run(lambda: self._fits(normalised(password), stored or self._nobodys))

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _fits(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise TooBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _random(size: int) -> str:
    return base64.b64encode(os.urandom(size)).decode().rstrip("=")
