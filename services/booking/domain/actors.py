"""Who does something to an appointment."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """`id` names the account of a member of staff; of citizens nothing is told."""

    kind: Literal["citizen", "staff", "system"]
    id: str | None = None


CITIZEN = Actor("citizen")
SYSTEM = Actor("system")


def staff(id: str) -> Actor:
    return Actor("staff", id)
