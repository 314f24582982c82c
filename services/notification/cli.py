"""What `amtstermin` can do with notification."""

from typing import Any

from services.notification import preview


def register(commands: Any) -> None:
    """Adds `amtstermin notification`."""
    preview.register(commands)
