"""Steps that are told as they are taken, and what each expects."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx

_PATIENCE = 20.0
_OFFICE_TIME = ZoneInfo("Europe/Berlin")
T = TypeVar("T")


class DemoFailed(Exception):
    """What was expected and what came instead."""


class Told:
    """Prints the steps as a person wants to read them, each with the time it took."""

    def __init__(self) -> None:
        self.number = 0
        self.title = ""

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        self.number += 1
        self.title = title
        notes: list[str] = []
        started = time.monotonic()
        yield notes.append
        print(f"{self.number:>3}  {title:<88}{time.monotonic() - started:6.2f} s")
        for note in notes:
            print(f"       {note}")
        sys.stdout.flush()


def body_of(answer: httpx.Response, status: int) -> Any:
    if answer.status_code != status:
        call = f"{answer.request.method} {answer.request.url.path}"
        raise DemoFailed(f"{call} answered {answer.status_code}, not {status}: {answer.text}")
    return answer.json()


def eventually(look: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {_PATIENCE:.0f} s for {what}")
        time.sleep(0.02)


def expect(holds: bool, what: str, instead: object) -> None:
    if not holds:
        fail(what, instead)


def fail(what: str, instead: object) -> Any:
    raise DemoFailed(f"expected {what}, got {instead!s:.500}")


def same_time(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


def spoken(moment: str) -> str:
    """In the office's time, whatever zone the answer was in."""
    return f"{datetime.fromisoformat(moment).astimezone(_OFFICE_TIME):%A %d %B %Y, %H:%M}"


def day_from(today: date, days: int) -> str:
    return str(today + timedelta(days=days))
