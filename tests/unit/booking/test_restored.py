"""Whatever booking tells from, a restore knows what to do with."""

from services.booking.main import TELLING
from services.booking.storage.restored import NOT_TOLD_AGAIN, PUBLISHED_ONCE, RAISED


def test_a_restore_deals_with_each_collection_that_tells() -> None:
    """A new one is raised, or what waits in it is dropped: else it would be told as it waited, mails included."""
    assert {"appointments", *RAISED, *PUBLISHED_ONCE, *NOT_TOLD_AGAIN} == set(TELLING)
