"""What a device does that is asked for a proof of work."""

import time
from dataclasses import dataclass
from typing import Any

import altcha


@dataclass(frozen=True)
class Solved:
    """`header` is what goes into `Proof`; `number` what was searched, in `seconds`."""

    header: str
    number: int
    seconds: float


def solve(challenge: dict[str, Any]) -> Solved:
    parsed = altcha.Challenge.from_dict(challenge)
    started = time.perf_counter()
    solution = altcha.solve_challenge(parsed)
    assert solution
    seconds = time.perf_counter() - started
    return Solved(altcha.Payload(parsed, solution).to_base64(), solution.counter, seconds)
