"""Who comes, as staff type it: one municipality for all, how many, and how many of them are small."""

from services.booking.domain.office import Member


def members_of(municipality: str, *, persons: int, children: int) -> tuple[Member, ...]:
    """The lead person first; the small ones last. At least one is not a child under six."""
    grown = max(1, persons - children)
    return tuple(Member(municipality, under_6=place >= grown) for place in range(persons))
