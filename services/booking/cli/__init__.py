"""What `amtstermin` can do with booking: accounts, offices, appointments, helpers, and who did what."""

from typing import Any

from services.booking.cli import appointments, helper, office, staff


def register(commands: Any) -> None:
    """Adds `amtstermin staff`, `office`, `appointments` and `helper`."""
    staff.register(commands)
    office.register(commands)
    appointments.register(commands)
    helper.register(commands)
