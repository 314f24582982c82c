"""What `amtstermin` can do with booking: accounts of the staff, data of offices, secrets of helpers."""

from typing import Any

from services.booking.cli import helper, office, staff


def register(commands: Any) -> None:
    """Adds `amtstermin staff`, `amtstermin office` and `amtstermin helper`."""
    staff.register(commands)
    office.register(commands)
    helper.register(commands)
