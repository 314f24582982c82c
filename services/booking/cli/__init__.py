"""What `amtstermin` can do with booking: accounts of the staff, data of offices."""

from typing import Any

from services.booking.cli import office, staff


def register(commands: Any) -> None:
    """Adds `amtstermin staff` and `amtstermin office`."""
    staff.register(commands)
    office.register(commands)
