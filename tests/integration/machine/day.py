"""The plain model of what staff do: for callers, on the day itself, and when the office changes its hours."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.integration.machine.later import Later
from tests.integration.machine.town import CALLS, HERE, LATE_AFTER, Opening, local_day, minutes
from tests.integration.machine.visit import Before, Impossible, Told, Visit


@dataclass
class Whole(Later):
    def book(
        self,
        told: Told,
        *,
        id: str,
        service: str,
        name: str,
        start: datetime,
        places: tuple[str, ...],
        kids: int,
        lane: str | None,
        address: str | None,
    ) -> None:
        if faults := self._group_faults(places):
            self.judge(told, faults)
            return
        length = timedelta(minutes=minutes(service, places, kids))
        desks = self.desks(service, name, start, length, staff=True, lane=lane)
        faults, perhaps = self._time_faults(desks, start, length, staff=True)
        visit = Visit(id, service, name, places, kids, start, start + length, told.lane, "confirmed", "phone")
        if address:
            visit.address, visit.contact, visit.contacts_given = address, address, 0
            visit.claim, visit.active = self.claim(visit, name), True
            faults |= {"AlreadyBooked"} if self.twin(visit) else set()
        if self.judge(told, faults, perhaps):
            self._check_desk(told, desks, start, length, staff=True)
            self._add(visit, "confirmed")
            self.take(visit.time_cells(), but=id)

    def ticket(self, told: Told, *, id: str, service: str, name: str) -> None:
        self.judge(told, ())
        end = self.now + timedelta(minutes=minutes(service, (HERE,), 0))
        self._add(Visit(id, service, name, (HERE,), 0, self.now, end, "", "checked_in", "counter"), "checked_in")

    def _today(self, visit: Visit) -> set[str]:
        return set() if local_day(visit.starts) == local_day(self.now) else {"NotThisDay"}

    def _act(self, visit: Visit, status: str, event: str = "", **values: object) -> None:
        before = Before(visit.status, len(visit.steps), visit.calls, visit.called_by, visit.active)
        visit.past.append(before)
        visit.status = status
        for name, value in values.items():
            setattr(visit, name, value)
        self.step(visit, status, event)

    def check_in(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if visit.status == "checked_in":
            self.judge(told, ())
        elif self.judge(told, self.status_fault(visit, "confirmed") | self._today(visit)):
            self._act(visit, "checked_in")

    def call(self, told: Told, *, id: str, by: str) -> None:
        visit = self.visits[id]
        faults = self.status_fault(visit, "checked_in", "called") | self._today(visit)
        faults |= {"CalledByAnother"} if visit.status == "called" and visit.called_by != by else set()
        if self.judge(told, faults):
            self._act(visit, "called", calls=visit.calls + 1, called_by=by)

    def start(self, told: Told, *, id: str, by: str) -> None:
        visit = self.visits[id]
        if visit.status == "in_service" and visit.called_by == by:
            self.judge(told, ())
            return
        faults = self.status_fault(visit, "called") | self._today(visit)
        faults |= {"CalledByAnother"} if visit.called_by != by else set()
        if self.judge(told, faults):
            self._act(visit, "in_service", "started")

    def complete(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if visit.status == "completed":
            self.judge(told, ())
        elif self.judge(told, self.status_fault(visit, "in_service") | self._today(visit)):
            self._act(visit, "completed", active=False)

    def no_show(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if visit.status == "no_show":
            self.judge(told, ())
            return
        faults = self.status_fault(visit, "confirmed", "called") | self._today(visit)
        early = visit.status == "confirmed" and self.now < visit.starts + LATE_AFTER
        if early or (visit.status == "called" and visit.calls < CALLS):
            faults.add("CallsMissing")
        if self.judge(told, faults):
            self._act(visit, "no_show", active=False)

    def undo(self, told: Told, *, id: str) -> None:
        """Only an action of the day itself, of today, the last one first."""
        visit = self.visits[id]
        of_the_day = visit.status in ("checked_in", "called", "in_service", "completed", "no_show")
        today = bool(visit.steps) and local_day(visit.steps[-1][1]) == local_day(self.now)
        if not visit.past or not of_the_day or not today:
            self.judge(told, {"NothingToUndo", "WrongStatus"})
            return
        before = visit.past[-1]
        if before.active and not visit.active and self.twin(visit):
            self.judge(told, {"AlreadyBooked"})
            return
        self.judge(told, ())
        visit.past.pop()
        del visit.steps[before.steps :]
        visit.status, visit.calls, visit.called_by = before.status, before.calls, before.called_by
        visit.active = before.active
        visit.told.append("appointment.undone.v1")

    def change_opening(self, **values: object) -> None:
        self.opening.change(**values)

    def replan(self, told: Told, *, id: str, how: str) -> None:
        """One of a list: the same time at another desk before another time before cancelling."""
        visit = self.visits[id]
        if told.outcome == "unchanged":
            if visit.status in ("confirmed", "checked_in") and visit.starts > self.now:
                raise Impossible(f"{id} could have been re-planned")
            return
        desks = self.desks(visit.service, visit.name, visit.starts, visit.length, staff=True)
        others = [d for d in self.vacant(desks, visit.starts, visit.length, firm=False, but=id) if d != visit.lane]
        if told.outcome == "kept":
            if told.lane not in others:
                raise Impossible(f"{told.lane} cannot have the same time")
            self.assign(told, id=id, lane=told.lane)
            return
        if others:
            raise Impossible(f"{others} could have kept the time")
        later = [s for s in self.starts(visit.service, visit.name, visit.length) if s >= visit.starts]
        if told.outcome == "moved" and (how != "move" or not later or told.starts != later[0]):
            raise Impossible(f"moved to {told.starts}, the next free times are {later[:3]}")
        if told.outcome == "cancelled" and how == "move" and later and visit.status == "confirmed":
            raise Impossible(f"{later[0]} would have been free")
        if told.outcome == "moved":
            self.move(told, id=id, start=told.starts, staff=True)
        else:
            self.office_cancel(told, id=id)

    def proposed(self, **values: object) -> Opening:
        opening = Opening(self.opening.hours, list(self.opening.closures), list(self.opening.absences))
        opening.change(**values)
        return opening
