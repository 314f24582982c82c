"""The plain model: what each command may answer and what it changes. Its rules come from the documents alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.integration.machine.town import (
    CONFIRM,
    ELSEWHERE,
    HOLD,
    KEEP,
    LANES,
    MOST_CONTACTS,
    MOST_PERSONS,
    SERVICES,
    minutes,
)
from tests.integration.machine.visit import Impossible, Ledger, Told, Visit, cells

CANCELLABLE = ("held", "requested", "waiting", "confirmed")


@dataclass
class Model(Ledger):
    def hold(
        self, told: Told, *, id: str, service: str, name: str, start: datetime, places: tuple[str, ...], kids: int
    ) -> None:
        if id in self.visits:
            # Nothing is known any more of what was asked for.
            self.judge(
                told, {"KeyReused"} if self.visits[id].status == "anonymised" else self._group_faults(places)
            )
            return
        if faults := self._group_faults(places):
            self.judge(told, faults)
            return
        length = timedelta(minutes=minutes(service, places, kids))
        desks = self.desks(service, name, start, length, staff=False)
        faults, perhaps = self._time_faults(desks, start, length, staff=False)
        if not self.judge(told, faults, perhaps):
            return
        if told.lane not in self.vacant(desks, start, length, firm=True):
            raise Impossible(f"{told.lane} is not free for a hold")
        self._add(Visit(id, service, name, places, kids, start, start + length, told.lane), "held")
        self.visits[id].expires = self.now + HOLD

    def extend(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        faults = self.status_fault(visit, "held") | self._gone(visit)
        faults |= {"Expired"} if visit.has_run_out(self.now) else set()
        if self.judge(told, faults) and not visit.extended:
            visit.extended, visit.expires = True, min(self.now + HOLD, visit.starts)

    def _group_faults(self, places: tuple[str, ...]) -> set[str]:
        elsewhere = {"OutsideJurisdiction"} if ELSEWHERE in places else set()
        return elsewhere | ({"TooManyPersons"} if len(places) > MOST_PERSONS else set())

    def _time_faults(
        self, desks: list[str], start: datetime, length: timedelta, *, staff: bool, but: str = ""
    ) -> tuple[set[str], set[str]]:
        """What must be the answer, and what may be because somebody has not been settled yet."""
        faults = self.start_faults(start, staff=staff)
        if not desks:
            # Staff who name a closed desk hear that it cannot be had.
            faults |= {"UnbookableStart", "SlotTaken"} if staff else {"UnbookableStart"}
        elif not self.vacant(desks, start, length, firm=True, but=but, cooling=not staff):
            faults.add("SlotTaken")
        elif not self.vacant(desks, start, length, firm=False, but=but, cooling=not staff):
            return faults, {"SlotTaken"}
        return faults, set()

    def _add(self, visit: Visit, step: str) -> None:
        self.visits[visit.id] = visit
        self.step(visit, step)

    def contact(self, told: Told, *, id: str, contact: object, address: str) -> None:
        visit = self.visits[id]
        if visit.status == "requested" and visit.contact == contact:
            self.judge(told, ())
            return
        faults = self.status_fault(visit, "held", "requested")
        faults |= {"Expired"} if visit.has_run_out(self.now) else set()
        faults |= {"TooManyContacts"} if visit.contacts_given >= MOST_CONTACTS else set()
        if not self.judge(told, faults | self._gone(visit)):
            return
        visit.status, visit.contact, visit.address = "requested", contact, address
        visit.contacts_given += 1
        visit.expires = min(self.now + KEEP, visit.starts)
        visit.claim = self.claim(visit, visit.name)
        self.step(visit, "requested")

    def _gone(self, visit: Visit) -> set[str]:
        return {"Erased"} if visit.status == "anonymised" else set()

    def claim(self, visit: Visit, name: str) -> tuple[str, ...] | None:
        if visit.address is None:
            return None
        own = visit.claim[3:] if visit.claim else ()
        return (visit.service, " ".join(sorted(name.lower().split())), visit.address, *own)

    def message_sent(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        self.judge(told, ())
        if visit.status == "requested" and visit.steps[-1][0] == "requested":
            visit.expires = min(self.now + CONFIRM, visit.starts)
            self.step(visit, "confirmation_sent")

    def confirm(self, told: Told, *, id: str, right: bool = True, instead: str | None = None) -> None:
        visit = self.visits[id]
        if not right or visit.contact is None:
            self.judge(told, {"WrongSecret"})
            return
        if visit.status in ("confirmed", "waiting"):
            self.judge(told, ())
            return
        faults = self.status_fault(visit, "requested")
        faults |= {"Expired"} if visit.has_run_out(self.now) else set()
        if not faults and instead == "another_person":
            assert visit.claim
            visit_claim = (*visit.claim[:3], id)
        else:
            visit_claim = visit.claim or ()
        twin = None if faults else self.twin(visit, visit_claim)
        if twin and instead in ("keep", "move"):
            self._settle_double(told, visit, twin, instead)
            return
        if self.judge(told, faults | ({"BookedAlready"} if twin else set())):
            visit.claim = visit_claim
            self._prove(visit)

    def _settle_double(self, told: Told, visit: Visit, twin: Visit, instead: str) -> None:
        leaving = visit if instead == "keep" else twin
        faults = self.status_fault(leaving, *CANCELLABLE) | self.ahead_fault(leaving)
        if self.judge(told, faults):
            self.end(leaving, "cancelled", freed=leaving.own())
            if instead == "move":
                self._prove(visit)
            if told.id != (twin if instead == "keep" else visit).id:
                raise Impossible("the wrong one of two appointments was told")

    def _prove(self, visit: Visit) -> None:
        visit.active, visit.expires = True, None
        if visit.lane:
            visit.status = "confirmed"
            self.step(visit, "confirmed")
        else:
            visit.status, visit.since, visit.expires = "waiting", self.now, visit.ends
            self.step(visit, "joined_waiting_list")

    def move(self, told: Told, *, id: str, start: datetime, staff: bool = False, lane: str | None = None) -> None:
        visit, length = self.visits[id], self.visits[id].length
        if not staff and start == visit.starts and visit.status == "confirmed":
            self.judge(told, ())
            return
        desks = self.desks(visit.service, visit.name, start, length, staff=staff, lane=lane)
        faults, perhaps = self._time_faults(desks, start, length, staff=staff, but=id)
        same = staff and start == visit.starts and visit.lane in desks
        if not same:
            faults |= self.status_fault(visit, "confirmed") | self.ahead_fault(visit)
        if not self.judge(told, faults, perhaps) or same:
            return
        self._check_desk(told, desks, start, length, staff=staff, first=visit.lane, but=id)
        self._moved(visit, told.lane, start, start + length, cool=not staff)
        visit.reschedules += 1
        self.step(visit, "rescheduled")

    def _moved(self, visit: Visit, lane: str, start: datetime, end: datetime, *, cool: bool) -> None:
        before, old_start = visit.own(), visit.starts
        visit.lane, visit.starts, visit.ends = lane, start, end
        visit.cooling = {cell: span for cell, span in visit.cooling.items() if cell not in visit.time_cells()}
        if cool:
            visit.starts = old_start
            self.free(visit, before - cells(lane, start, end))
            visit.starts = start
        self.take(visit.time_cells(), but=visit.id)

    def _check_desk(
        self,
        told: Told,
        desks: list[str],
        start: datetime,
        length: timedelta,
        *,
        staff: bool,
        first: str = "",
        but: str = "",
    ) -> None:
        """Free desks before those that still cool, and the own one before the others."""
        best = self.vacant(desks, start, length, firm=False, but=but)
        possible = best or self.vacant(desks, start, length, firm=True, but=but, cooling=not staff)
        perhaps = self.vacant(desks, start, length, firm=True, but=but)
        allowed = {first} if first in best else {*possible, *perhaps}
        if told.lane not in allowed:
            raise Impossible(f"{told.lane} was taken, allowed is one of {allowed}")

    def assign(self, told: Told, *, id: str, lane: str) -> None:
        visit = self.visits[id]
        if LANES[lane] != SERVICES[visit.service][0]:
            self.judge(told, {"UnknownLane"})
            return
        desks = [
            desk
            for desk in self.desks(visit.service, visit.name, visit.starts, visit.length, staff=True, lane=lane)
            if visit.length
        ]
        if lane == visit.lane and desks:
            self.judge(told, ())
            return
        faults = set() if desks else {"UnbookableStart"}
        faults |= self.status_fault(visit, "confirmed", "checked_in")
        perhaps: set[str] = set()
        if desks:
            clash, perhaps = self._time_faults(desks, visit.starts, visit.length, staff=True, but=id)
            faults |= clash - {"UnbookableStart"}
        if self.judge(told, faults, perhaps):
            self._moved(visit, lane, visit.starts, visit.ends, cool=False)
            self.step(visit, "reassigned")

    def cancel(self, told: Told, *, id: str, staff: bool = False) -> None:
        visit = self.visits[id]
        if visit.status == "cancelled":
            self.judge(told, ())
            return
        faults = self.status_fault(visit, *CANCELLABLE) | self.ahead_fault(visit)
        if self.judge(told, faults):
            self.end(visit, "cancelled", freed=set() if staff else visit.own())

    def office_cancel(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if visit.status == "office_cancelled":
            self.judge(told, ())
            return
        faults = self.status_fault(visit, *CANCELLABLE, "checked_in")
        if self.judge(told, faults):
            self.end(visit, "office_cancelled", freed=set())

    def restore(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if visit.status == "confirmed":
            self.judge(told, ())
            return
        own, cooling = visit.time_cells(), visit.cooling
        was_booked = any(step in ("confirmed", "restored") for step, _ in visit.steps)
        faults = self.status_fault(visit, "cancelled") | self.ahead_fault(visit)
        if not was_booked or not own or not own <= set(cooling):
            faults.add("NothingToRestore")
        if not faults and self.twin(visit):
            faults.add("BookedAlready")
        unsure = any(cooling[cell][0] <= self.now for cell in own if cell in cooling)
        if self.judge(told, faults, {"NothingToRestore"} if unsure else ()):
            visit.cooling = {cell: span for cell, span in cooling.items() if cell not in own}
            visit.status, visit.active, visit.ended = "confirmed", visit.claim is not None, None
            self.step(visit, "restored")

    def resize(self, told: Told, *, id: str, places: tuple[str, ...], kids: int) -> None:
        visit = self.visits[id]
        if faults := self._group_faults(places):
            self.judge(told, faults)
            return
        end = visit.starts + timedelta(minutes=minutes(visit.service, places, kids))
        longer = end > visit.ends
        open_there = self.desks(
            visit.service, visit.name, visit.starts, end - visit.starts, staff=True, lane=visit.lane
        )
        faults = set()
        perhaps: set[str] = set()
        if longer and (not open_there or self.start_faults(visit.starts, staff=True)):
            faults.add("UnbookableStart")
        if (places, kids, end) != (visit.places, visit.kids, visit.ends):
            faults |= self.status_fault(visit, "confirmed") | self.ahead_fault(visit)
        else:
            self.judge(told, faults)
            return
        if longer and visit.lane:
            span = ([visit.lane], visit.starts, end - visit.starts)
            perhaps = set() if self.vacant(*span, firm=False, but=id) else {"SlotTaken"}
            faults |= set() if self.vacant(*span, firm=True, but=id) else {"SlotTaken"}
        if self.judge(told, faults, perhaps):
            before = visit.own()
            visit.ends, visit.places, visit.kids = end, places, kids
            visit.cooling = {cell: span for cell, span in visit.cooling.items() if cell not in visit.own()}
            self.free(visit, before - visit.own())
            self.step(visit, "resized")

    def correct(self, told: Told, *, id: str, name: str, small: bool, staff: bool) -> None:
        visit = self.visits[id]
        faults = self.status_fault(visit, "waiting", "confirmed", "checked_in") | self._gone(visit)
        if not staff and not small:
            faults.add("NameChanged")
        if name == visit.name and (visit.first_name is not None) == (not staff):
            faults -= {"WrongStatus", "Expired"}
            self.judge(told, faults)
            return
        claim = self.claim(visit, name)
        if visit.active and self.twin(visit, claim):
            faults.add("AlreadyBooked")
        if self.judge(told, faults):
            first = visit.first_name or visit.name
            visit.first_name = None if staff else first
            visit.name, visit.claim = name, claim
            self.step(visit, "corrected")

    def want(self, told: Told, *, id: str, sms: bool, wanted: bool) -> None:
        visit = self.visits[id]
        wish = "sms" if sms else "reminders"
        faults = self._gone(visit)
        if visit.address is None:
            faults = {"WrongStatus"}
        elif getattr(visit, wish) != wanted:
            faults |= self.status_fault(visit, "waiting", "confirmed", "checked_in")
        if self.judge(told, faults) and getattr(visit, wish) != wanted:
            setattr(visit, wish, wanted)
            self.step(visit, f"{wish}_{'wanted' if wanted else 'unwanted'}", "corrected")
