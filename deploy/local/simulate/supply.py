"""What the office had to offer: the plan of each day, and how far ahead the next free time was."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time

from deploy.local.simulate.books import Books
from services.booking.domain.hours import wall_moment
from services.booking.domain.supply import capacity, free_services, planned_days
from shared.contracts import Capacity, CapacityPlanned, FreeTimes, FreeTimesMeasured, new_event
from shared.mongo import Document
from shared.outbox import Entry, outbox_entry

# Booking looks once in each hour; a few looks a day tell the same and cost less.
_LOOKS = (8, 13, 19)


@dataclass(slots=True)
class Supply:
    """`plans` and `looks` are booking's documents of them, the newest of each."""

    books: Books
    told: list[Entry] = field(default_factory=list)
    looks: list[Document] = field(default_factory=list)
    plans: dict[str, Document] = field(default_factory=dict)

    def begin(self, day: date) -> None:
        """The day's plan is told as it begins, and anew with each change: the last word is what counts."""
        self.tell_plans([day])
        for hour in _LOOKS:
            self.books.agenda.at(wall_moment(day, time(hour), self.books.office.zone), self._look)

    def end(self) -> None:
        """Every day ahead that can be booked."""
        self.tell_plans(planned_days(self.books.office, now=self.books.agenda.now))

    def changed(self) -> None:
        self.tell_plans([self.books.agenda.now.astimezone(self.books.office.zone).date()])

    def tell_plans(self, days: Iterable[date]) -> None:
        for plan in self._news(days):
            subject = f"{plan.office}|{plan.day.isoformat()}"
            version = self.plans[subject]["version"] + 1 if subject in self.plans else 1
            event = new_event(
                CapacityPlanned, subject=subject, sequence=version, data=plan, time=self.books.agenda.now
            )
            entry = outbox_entry(event)
            self.told.append(entry)
            self.plans[subject] = {
                "_id": subject,
                "office": plan.office,
                "plan": plan.model_dump(mode="json"),
                "office_version": 0,
                "version": version,
                "last": entry,
                "outbox": [],
            }

    def _news(self, days: Iterable[date]) -> Iterator[Capacity]:
        for day in days:
            plan = capacity(self.books.office, day)
            known = self.plans.get(f"{plan.office}|{plan.day.isoformat()}")
            if known is None or known["plan"] != plan.model_dump(mode="json"):
                yield plan

    def _look(self, now: datetime) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        services = free_services(self.books.availability, now=now)
        found = FreeTimes(office=self.books.office.id, hour=hour, services=services)
        subject = f"{found.office}|{hour:%Y%m%dT%HZ}"
        entry = outbox_entry(new_event(FreeTimesMeasured, subject=subject, sequence=1, data=found, time=now))
        self.told.append(entry)
        values = {"office": found.office, "hour": hour, "version": 1, "last": entry, "outbox": []}
        self.looks.append({"_id": subject, **values})
