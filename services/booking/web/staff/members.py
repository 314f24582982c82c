"""Who comes, as staff type it: one municipality for all, how many, and how many of them are small."""

from collections.abc import Sequence

from services.booking.domain.office import Member, Office
from shared.contracts.offices import Municipality


def members_of(municipality: str, *, persons: int, children: int) -> tuple[Member, ...]:
    """The lead person first; the small ones last. At least one is not a child under six."""
    return members_at([municipality] * persons, children=children)


def members_at(homes: Sequence[str], *, children: int) -> tuple[Member, ...]:
    """As `members_of`, where each may live elsewhere."""
    grown = max(1, len(homes) - children)
    return tuple(Member(home, under_6=place >= grown) for place, home in enumerate(homes))


def responsible_for(office: Office) -> list[Municipality]:
    """Whose people the office serves, by name."""
    own = (one for one in office.data.municipalities if office.responsibility(one.ags).here)
    return sorted(own, key=lambda one: one.name)
