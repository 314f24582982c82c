"""What a password may be, and how long to wait after wrong ones."""

import unicodedata
from datetime import timedelta
from typing import Final, Literal

SHORTEST: Final = 12
LONGEST: Final = 200

# A person mistypes a few times; behind one address a whole office may.
FREE_PER_LOGIN: Final = 4
FREE_PER_ADDRESS: Final = 20
_FIRST_PAUSE: Final = timedelta(seconds=15)
# Whoever guesses on purpose keeps the honest one out no longer than this.
_LONGEST_PAUSE: Final = timedelta(minutes=15)
_DOUBLINGS: Final = 6


class WeakPassword(Exception):
    def __init__(self, reason: Literal["too-short", "too-long", "is-login"]) -> None:
        super().__init__(reason)
        self.reason = reason


def normalised(password: str) -> str:
    """The same for every keyboard: composed letters, whatever way they were typed."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, login: str) -> None:
    """Length counts, composition does not (NIST SP 800-63B, 5.1.1.2). Raises WeakPassword."""
    password = normalised(password)
    if len(password) < SHORTEST:
        raise WeakPassword("too-short")
    if len(password) > LONGEST:
        raise WeakPassword("too-long")
    if password.casefold() == login.casefold():
        raise WeakPassword("is-login")


def pause_after(failures: int, *, free: int) -> timedelta:
    """How long nobody may try after so many failures in a row: nothing for the first `free`, then 15 s, doubled
    by each further one up to 15 minutes."""
    if failures <= free:
        return timedelta(0)
    doublings = min(failures - free - 1, _DOUBLINGS)
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


def pauses(free: int) -> list[timedelta]:
    """`pause_after` as a table by number of failures; its last row stands for all further ones."""
    return [pause_after(failures, free=free) for failures in range(free + _DOUBLINGS + 2)]
