"""What people looked for, counted per minute as a booking process counts it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from shared.contracts import Demand, DemandMeasured, new_event
from shared.outbox import Entry, outbox_entry

_INSTANCE = "simulated"


class Searches:
    def __init__(self, office: str) -> None:
        self._office = office
        self._minutes: dict[datetime, Demand] = {}

    def count(self, now: datetime, *, places: Iterable[str] = (), **counts: int) -> None:
        """`places` are municipalities that another authority serves."""
        minute = now.replace(second=0, microsecond=0)
        known = self._minutes.get(minute) or Demand(office=self._office, minute=minute, instance=_INSTANCE)
        values: dict[str, object] = {name: getattr(known, name) + number for name, number in counts.items()}
        if places:
            asked = {place: known.out_of_area.get(place, 0) + 1 for place in places}
            values["out_of_area"] = {**known.out_of_area, **asked}
        self._minutes[minute] = known.model_copy(update=values)

    def told(self, *, before: datetime) -> Iterator[tuple[Demand, Entry]]:
        """The minutes that are over."""
        for minute in sorted(minute for minute in self._minutes if minute < before):
            demand = self._minutes.pop(minute)
            subject = f"{demand.office}|{minute:%Y%m%dT%H%MZ}|{demand.instance}"
            event = new_event(DemandMeasured, subject=subject, sequence=1, data=demand, time=minute)
            yield demand, outbox_entry(event)
