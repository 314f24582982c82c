"""What an examination found, in the words and codes of Nagios-like monitors."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """The value is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


# What could not be examined is less than what is known to be wrong.
_GRAVITY = (Level.OK, Level.UNKNOWN, Level.WARNING, Level.CRITICAL)


@dataclass(frozen=True, slots=True)
class Finding:
    """`said` is what is so, or wrong; `do` what to do about it, empty where all is well."""

    check: str
    level: Level
    said: str
    do: str = ""


def well(check: str, said: str) -> Finding:
    return Finding(check, Level.OK, said)


def worst(findings: Sequence[Finding]) -> Level:
    return max((finding.level for finding in findings), key=_GRAVITY.index, default=Level.UNKNOWN)


def limits(value: float, *, warning: float, critical: float) -> Level:
    """By a value that is better the smaller it is."""
    if value >= critical:
        return Level.CRITICAL
    return Level.WARNING if value >= warning else Level.OK
