"""Which of the driver's errors mean that the database is away, so that callers wait instead of failing."""

import pytest
from pymongo import errors

from shared.mongo import is_away


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
