"""What staff do and what time does: book, call, close, sweep, erase."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.integration.machine import compare, town
from tests.integration.machine.acts import Act, can, group, name, number, service
from tests.integration.machine.citizens import Citizens
from tests.integration.machine.town import HERE, HOURS, LANES, ZONE, Closed, local_day
from tests.integration.machine.visit import Impossible, Visit
from tests.integration.machine.world import STAFF, told_of


class Staff(Citizens):
    @can(
        number=number,
        service=service,
        name=name,
        group=group,
        lane=st.sampled_from([None, None, *sorted(LANES)]),
        address=st.sampled_from([None, "a@example.org", "b@example.org"]),
    )
    def book(
        self, number: int, service: str, name: str, group: tuple[int, int], lane: str | None, address: str | None
    ) -> None:
        self.tick()
        places, kids = self.a_group(number, group)
        lane = lane if lane and LANES[lane] == town.SERVICES[service][0] else None
        cooling = sorted(start for visit in self.model.visits.values() for _, start in visit.cooling)
        start = self.a_start(number, service, name, len(places), kids, staff=True)
        if cooling and number % 3 == 0:
            start = cooling[number % len(cooling)]
        self._book(service, name, start, places, kids, lane=lane, address=address)

    def _book(
        self,
        service: str,
        name: str,
        start: datetime,
        places: tuple[str, ...],
        kids: int,
        *,
        lane: str | None,
        address: str | None,
    ) -> None:
        place = self.new()
        id = self.world.id_of(place, "counter|")
        self.do(
            self.world.book(place, service, name, start, places, kids, lane=lane, address=address),
            lambda model, told: model.book(
                told,
                id=id,
                service=service,
                name=name,
                start=start,
                places=places,
                kids=kids,
                lane=lane,
                address=address,
            ),
        )

    @can(service=service, name=name)
    def ticket(self, service: str, name: str) -> None:
        self.tick()
        place = self.new()
        id = self.world.id_of(place, "ticket|")
        self.do(
            self.world.ticket(place, service, name),
            lambda model, told: model.ticket(told, id=id, service=service, name=name),
        )

    @can(number=number, step=st.integers(0, 6), by=st.sampled_from(STAFF))
    def the_day(self, number: int, step: int, by: Any) -> None:
        """One step of the day with one of those who come today, if there are any."""
        today = local_day(self.model.now)
        found = [visit for visit in self.model.visits.values() if local_day(visit.starts) == today]
        visit = found[number % len(found)] if found and number % 8 else self.pick(number)
        if visit:
            self.tick()
            self._day_step(visit, step, by)

    @can(number=number)
    def take_back(self, number: int) -> None:
        acted = [visit for visit in self.model.visits.values() if visit.past]
        if acted:
            self.tick()
            self._day_step(acted[number % len(acted)], 5, STAFF[0])

    @can(number=number, service=service, steps=st.integers(0, 3), then=st.sampled_from([4, 5, 6, 7, 7, 7]))
    def come(self, number: int, service: str, steps: int, then: int) -> None:
        """With a ticket, or to a time of today; some steps of the day, and something that ends it."""
        if not (visit := self._somebody_of_today(number, service)):
            return
        for step in [6] * steps + ([then] if then < 7 else []):
            compare.compare(self.model, self.documents)
            self.tick()
            self._day_step(visit, step, STAFF[0])
        if then == 7:
            compare.compare(self.model, self.documents)
            self.tick()
            self._office_cancels(visit)
            compare.compare(self.model, self.documents)
            self._day_step(visit, 5, STAFF[0])

    def _somebody_of_today(self, number: int, service: str) -> Visit | None:
        if number % 3 == 0:
            self.ticket(service, "Adam")
            return self.model.visits[self.world.id_of(self.place, "ticket|")]
        self.tick()
        length = timedelta(minutes=town.minutes(service, (HERE,), 0))
        today = local_day(self.model.now)
        free = [s for s in self.model.starts(service, "Adam", length, staff=True) if local_day(s) == today]
        if free:
            self._book(service, "Adam", free[number % len(free)], (HERE,), 0, lane=None, address=None)
        return self.model.visits.get(self.world.id_of(self.place, "counter|"))

    def _day_step(self, visit: Visit, step: int, by: Any) -> None:
        id, day = visit.id, self.world.day
        next_step = {"confirmed": 0, "checked_in": 1, "called": 2, "in_service": 3}
        step = next_step.get(visit.status, step) if step == 6 else step
        pairs: list[tuple[Callable[[], Awaitable[Any]], Act]] = [
            (lambda: day.check_in(id), lambda model, told: model.check_in(told, id=id)),
            (lambda: day.call(id, by=by, lane="counter_1"), lambda model, told: model.call(told, id=id, by=by.id)),
            (lambda: day.start(id, by=by), lambda model, told: model.start(told, id=id, by=by.id)),
            (lambda: day.complete(id, by=by), lambda model, told: model.complete(told, id=id)),
            (lambda: day.no_show(id, by=by), lambda model, told: model.no_show(told, id=id)),
            (lambda: self.world.undo(id), lambda model, told: model.undo(told, id=id)),
        ]
        command, act = pairs[step % 6]
        self.do(command(), act)

    # The office

    @can(hours=st.integers(0, len(HOURS) - 1))
    def change_hours(self, hours: int) -> None:
        self._change_office({"opening_hours": HOURS[hours]}, {"hours": HOURS[hours]})

    @can(number=number, lane=st.sampled_from([None, *sorted(LANES)]), how=st.sampled_from(["", "move", "cancel"]))
    def close(self, number: int, lane: str | None, how: str) -> None:
        span = self._span(number)
        narrow = {"team": LANES[lane], "lane": lane} if lane else {}
        closures = [*self.model.opening.closures, Closed(*span, lane)][-3:]
        stored = [
            *self.world.office.data.model_dump(by_alias=True)["closures"],
            {"from": _local(span[0]), "until": _local(span[1]), "reason": {"de": "zu"}, **narrow},
        ][-3:]
        self._change_office({"closures": stored}, {"closures": closures})
        if how:
            self._replan(how)

    @can(number=number, lane=st.sampled_from(sorted(LANES)), how=st.sampled_from(["", "move", "cancel"]))
    def lane_absent(self, number: int, lane: str, how: str) -> None:
        span = self._span(number)
        absences = [*self.model.opening.absences, Closed(*span, lane)][-3:]
        stored = [
            *self.world.office.data.model_dump(by_alias=True)["absences"],
            {"from": _local(span[0]), "until": _local(span[1]), "team": LANES[lane], "lane": lane},
        ][-3:]
        self._change_office({"absences": stored}, {"absences": absences})
        if how:
            self._replan(how)

    def _span(self, number: int) -> tuple[datetime, datetime]:
        """A day or two, or a part of a morning, from now on."""
        day = town.midnight(local_day(self.model.now) + timedelta(days=number % 5))
        if number % 3 == 0:
            return day, town.midnight(local_day(day) + timedelta(days=1 + number % 2))
        start = day + timedelta(hours=8, minutes=number % 50)
        return start, start + timedelta(minutes=20)

    def _change_office(self, stored: dict[str, Any], known: dict[str, Any]) -> None:
        """The conflict list as it is shown before is the one there is afterwards."""
        self.tick()
        shown = self.run(self.world.preview(**stored))
        expected = self.model.conflicts(self.model.proposed(**known))
        if shown != expected:
            raise Impossible(f"the preview shows {shown}, in conflict are {expected}")
        self.run(self.world.change_office(**stored))
        self.model.change_opening(**known)
        self.look()

    def _replan(self, how: str) -> None:
        compare.compare(self.model, self.documents)
        ids = self.model.conflicts()
        for replanned in self.run(self.world.replan(sorted(ids), how)):
            told = told_of(replanned)
            self.model.replan(told, id=told.id, how=how)
        self.look()

    # Time

    @can(
        ahead=st.sampled_from(
            [
                "1 minute",
                "11 minutes",
                "25 minutes",
                "61 minutes",
                "5 hours",
                "25 hours",
                "next visit",
                "next visit",
            ]
        ),
        sweep=st.booleans(),
        fresh=st.booleans(),
    )
    def wait(self, ahead: str, sweep: bool, fresh: bool) -> None:
        coming = [
            visit.starts for visit in self.model.visits.values() if visit.lane and visit.status == "confirmed"
        ]
        coming = [start for start in coming if start > self.model.now]
        if ahead != "next visit":
            count, unit = ahead.split()
            self.model.now += timedelta(**{unit if unit.endswith("s") else f"{unit}s": int(count)})
        elif coming:
            self.model.now = min(coming) - timedelta(minutes=2)
        self.tick()
        if fresh:
            self.run(self._until_fresh())
        if sweep:
            self.sweep()

    async def _until_fresh(self) -> None:
        """Only then may memory refuse a time."""
        async with asyncio.timeout(10):
            while not self.world.desk.booking.memory.fresh:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.01)

    @can()
    def sweep(self) -> None:
        self.tick()
        self.run(self.world.sweep())
        self.look()
        self.model.swept()

    @can(number=number, cancel=st.booleans())
    def erase(self, number: int, cancel: bool) -> None:
        if visit := self.pick(number, "confirmed", "cancelled", "expired", "requested"):
            self.tick()
            id = visit.id
            command = self.world.desk.erasing.erase(id, cancel=cancel)
            self.do(command, lambda model, told: model.erase(told, id=id, cancel=cancel))

    @can()
    def retention(self) -> None:
        self.tick()
        self.run(self.world.desk.erasing.sweep(now=self.model.now))
        self.look()
        self.model.retention()


def _local(moment: datetime) -> datetime:
    """As the office's file writes it."""
    return moment.astimezone(ZONE).replace(tzinfo=None)
