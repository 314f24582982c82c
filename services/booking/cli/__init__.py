"""What `amtstermin` can do with booking: accounts, offices, appointments, helpers, and who did what."""

from typing import Any

from services.booking.cli import appointments, helper, office, record, staff


def register(commands: Any) -> None:
    """Adds `amtstermin staff`, `office`, `appointments`, `helper`, `audit` and `deletions`."""
    staff.register(commands)
    office.register(commands)
    appointments.register(commands)
    helper.register(commands)
    record.register(commands)
