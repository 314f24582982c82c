"""Which of the driver's errors mean that the database is away, and how its clock is read."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from pymongo import errors

from shared import mongo
from shared.mongo import Client, DatabaseClock, is_away


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (errors.AutoReconnect("gone"), True),
        (errors.ServerSelectionTimeoutError("no primary"), True),
        (errors.WriteConcernError("interrupted", 11602), True),
        # A member that has just started and is asked about a time that the others signed.
        (errors.OperationFailure("No keys found for HMAC that is valid for time", 211), True),
        (errors.OperationFailure("not authorized", 13), False),
        (errors.DuplicateKeyError("E11000", 11000), False),
        (ValueError("ours"), False),
    ],
)
def test_an_error_of_the_driver_says_whether_to_wait(error: Exception, away: bool) -> None:
    """Seen to fail without the code 211: booking answered 500 after the database had restarted."""
    assert is_away(error) is away


class Server:
    """Tells the time that stands in `times`, each after so many seconds."""

    def __init__(self, *answers: tuple[float, datetime]) -> None:
        self._answers = iter(answers)

    @property
    def admin(self) -> "Server":
        return self

    async def command(self, _: str) -> dict[str, datetime]:
        seconds, at = next(self._answers)
        await asyncio.sleep(seconds)
        return {"localTime": at}


def a_clock(monkeypatch: pytest.MonkeyPatch, *answers: tuple[float, datetime]) -> DatabaseClock:
    monkeypatch.setattr(mongo, "_LONGEST_READING_S", 0.02)
    return DatabaseClock(cast(Client, Server(*answers)))


RIGHT, WRONG = datetime(2030, 1, 1, 8, tzinfo=UTC), datetime(2030, 1, 1, 9, tzinfo=UTC)


def test_the_clock_is_read_again_where_its_first_reading_took_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail with the first reading taken as it came: two notifiers disagreed on when a lease ended."""

    async def start() -> datetime:
        clock = a_clock(monkeypatch, (0.05, WRONG), (0.0, RIGHT))
        await clock.start()
        try:
            return clock.now()
        finally:
            await clock.stop()

    assert abs(asyncio.run(start()) - RIGHT) < timedelta(minutes=1)


def test_a_reading_that_took_long_does_not_move_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail with every reading taken: the clock jumped by half of the time that it took, and back."""

    async def read_twice() -> datetime:
        clock = a_clock(monkeypatch, (0.0, RIGHT), (0.05, WRONG))
        await clock.start()
        await clock._read()
        await clock.stop()
        return clock.now()

    assert abs(asyncio.run(read_twice()) - RIGHT) < timedelta(minutes=1)


def test_of_slow_readings_the_quickest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start() -> datetime:
        slow = [(0.3, WRONG), (0.05, RIGHT), (0.4, WRONG), (0.4, WRONG), (0.4, WRONG)]
        clock = a_clock(monkeypatch, *slow)
        await clock.start()
        await clock.stop()
        return clock.now()

    assert abs(asyncio.run(start()) - RIGHT) < timedelta(minutes=1)
