"""What the database refuses."""

from pymongo.errors import DuplicateKeyError


class SlotTaken(Exception):
    """Somebody else owns one of the cells."""


class AlreadyHeld(Exception):
    """This very request has made its appointment before."""


class ChangedMeanwhile(Exception):
    """Another write came first; load again and decide anew."""


class NotFound(Exception):
    pass


class AlreadyBooked(Exception):
    """This person has an active appointment for the same service."""

    def __init__(self, active: tuple[str, ...]) -> None:
        super().__init__()
        self.active = active


class InvitationUsed(Exception):
    """This invitation has its appointment already."""


def refused(error: DuplicateKeyError, *, active: tuple[str, ...]) -> Exception:
    """Which promise the index keeps that refused the write."""
    keys = (error.details or {}).get("keyPattern", {})
    if "_id" in keys:
        return AlreadyHeld()
    if "active" in keys:
        return AlreadyBooked(active)
    return InvitationUsed() if "invitation" in keys else SlotTaken()
