"""What one minute of searches adds to the figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.reporting.domain.facts.places import Entry, key_of, local_day

# Counts that are figures of the same name.
_COUNTED = (
    "searches",
    "searches_without_result",
    "slot_taken",
    "proofs_asked",
    "proofs_failed",
    "refused",
    "many_holds",
    "quick_rebookings",
)


@dataclass(frozen=True, slots=True)
class DemandFact:
    """One minute of searches as one booking process saw it. `out_of_area` is (municipality, number).

    What has a default is told by newer processes only.
    """

    office: str
    minute: datetime
    searches: int
    searches_without_result: int
    slot_taken: int
    out_of_area: tuple[tuple[str, int], ...]
    proofs_asked: int = 0
    proofs_failed: int = 0
    refused: int = 0
    many_holds: int = 0
    quick_rebookings: int = 0

    def entries(self, zone: tzinfo) -> Iterator[Entry]:
        day = local_day(self.minute, zone)
        key = key_of(self.office, day)
        for figure in _COUNTED:
            if amount := getattr(self, figure):
                yield Entry(key, figure, amount)
        for municipality, amount in self.out_of_area:
            yield Entry(key_of(self.office, day, municipality=municipality), "out_of_area", amount)
