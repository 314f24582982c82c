"""The plain model: what each command may answer and what it changes. Its rules come from the documents alone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.integration.machine.town import (
    CONFIRM,
    ELSEWHERE,
    ERASED_AFTER,
    HERE,
    HOLD,
    KEEP,
    MOST_CONTACTS,
    MOST_OFFERS,
    MOST_PERSONS,
    OFFER,
    SHORTEST_OFFER,
    WISH_HORIZON,
    ZONE,
    local_day,
    midnight,
    minutes,
)
from tests.integration.machine.visit import OPEN, OVER, Impossible, Ledger, Told, Visit, cells


@dataclass
class Model(Ledger):
    def hold(
        self, told: Told, *, id: str, service: str, name: str, start: datetime, places: tuple[str, ...], kids: int
    ) -> None:
        if id in self.visits:
            self.judge(told, ())
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
        faults = self.status_fault(leaving, "held", "requested", "waiting", "confirmed") | self.ahead_fault(leaving)
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

    def move(
        self, told: Told, *, id: str, start: datetime, staff: bool = False, lane: str | None = None
    ) -> None:
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
        faults = self.status_fault(visit, "held", "requested", "waiting", "confirmed") | self.ahead_fault(visit)
        if self.judge(told, faults):
            self.end(visit, "cancelled", freed=set() if staff else visit.own())

    def office_cancel(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if visit.status == "office_cancelled":
            self.judge(told, ())
            return
        faults = self.status_fault(visit, "held", "requested", "waiting", "confirmed", "checked_in")
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
        if longer and visit.lane and not self.vacant([visit.lane], visit.starts, end - visit.starts, firm=True, but=id):
            faults.add("SlotTaken")
        elif longer and visit.lane:
            both = self.vacant([visit.lane], visit.starts, end - visit.starts, firm=False, but=id)
            perhaps = set() if both else {"SlotTaken"}
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

    # What time alone decides

    def expire(self, visit: Visit) -> None:
        assert visit.expires
        self.end(visit, "expired", freed=visit.own(), since=visit.expires)

    def end_offer(self, visit: Visit) -> None:
        visit.offer = None
        self.step(visit, "offer_ended")

    def is_due(self, visit: Visit) -> bool:
        return visit.has_run_out(self.now) or bool(visit.offer and visit.offer[3] <= self.now)

    def swept(self) -> None:
        """Nothing that ran out is left."""
        for visit in self.visits.values():
            if self.is_due(visit):
                raise Impossible(f"{visit.id} ran out and was not settled")
            late = {cell for cell, (_, last) in visit.cooling.items() if last <= self.now}
            if visit.ends <= self.now:
                late = set(visit.cooling)
            visit.cooling = {cell: span for cell, span in visit.cooling.items() if cell not in late}

    # The waiting list

    def enter(self, told: Told, *, id: str, service: str, name: str, wish: tuple[date, date, str]) -> None:
        if self.judge(told, self._wish_faults(wish)):
            until = midnight(wish[1] + timedelta(days=1))
            self._add(Visit(id, service, name, (HERE,), 0, until, until), "held")
            self.visits[id].wish, self.visits[id].expires = wish, self.now + HOLD

    def _wish_faults(self, wish: tuple[date, date, str]) -> set[str]:
        first, last, _ = wish
        too_far = last > local_day(self.now) + timedelta(days=WISH_HORIZON)
        if first > last or too_far or self._last_offer(last) <= self.now + SHORTEST_OFFER:
            return {"WishNotPossible"}
        return set()

    def _last_offer(self, day: date) -> datetime:
        """Offers of the day end with the last opening day before it."""
        return midnight(self.opening.opening_days_before(day, 1) + timedelta(days=1))

    def join(self, told: Told, *, id: str, wish: tuple[date, date, str]) -> None:
        visit = self.visits[id]
        faults = self._wish_faults(wish)
        if visit.wish == wish:
            self.judge(told, faults)
            return
        faults |= self.status_fault(visit, "confirmed") | self.ahead_fault(visit)
        if self.judge(told, faults):
            visit.since = visit.since if visit.wish else self.now
            visit.wish = wish
            self.step(visit, "joined_waiting_list")

    def leave(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if visit.status == "confirmed" and visit.wish is None:
            self.judge(told, ())
        elif self.judge(told, self.status_fault(visit, "confirmed")):
            visit.wish, visit.offer = None, None
            self.step(visit, "left_waiting_list")

    def accept(self, told: Told, *, id: str, start: datetime) -> None:
        visit = self.visits[id]
        if visit.status == "confirmed" and visit.starts == start:
            self.judge(told, ())
            return
        good = visit.offer is not None and visit.offer[1] == start and visit.offer[3] > self.now
        faults = set() if good else {"NoOffer"}
        faults |= {"Expired", "WrongStatus"} if visit.status not in ("waiting", "confirmed") else set()
        if not self.judge(told, faults) or visit.offer is None:
            return
        had_time = bool(visit.lane)
        lane, start, end, _ = visit.offer
        visit.wish, visit.offer = None, None
        if had_time:
            self._moved(visit, lane, start, end, cool=True)
            visit.reschedules += 1
            self.step(visit, "rescheduled")
        else:
            self._moved(visit, lane, start, end, cool=False)
            visit.status, visit.expires = "confirmed", None
            self.step(visit, "confirmed")

    def decline(self, told: Told, *, id: str) -> None:
        visit = self.visits[id]
        if self.judge(told, set() if visit.offer else {"NoOffer"}):
            self.end_offer(visit)

    def eligible(self) -> list[Visit]:
        """Who may get an offer now, the longest waiting first."""
        today = local_day(self.now)
        found = [
            v
            for v in self.visits.values()
            if v.wish and not v.offer and v.status in ("waiting", "confirmed") and len(v.offered) < MOST_OFFERS
            if all(local_day(at) != today for at in v.offered)
        ]
        return sorted(found, key=lambda v: v.since or self.now)

    def offers(self, made: dict[str, tuple[str, datetime, datetime, datetime]]) -> None:
        """One round, as the database shows it afterwards."""
        line = self.eligible()
        if strangers := made.keys() - {visit.id for visit in line}:
            raise Impossible(f"{strangers} could not get an offer now")
        for visit in line:
            length = timedelta(minutes=minutes(visit.service, visit.places, visit.kids))
            free = [start for start in self.starts(visit.service, visit.name, length) if self._suits(visit, start)]
            if free and (visit.id not in made or made[visit.id][1] > free[0]):
                raise Impossible(f"{free[0]} was free and was not offered to {visit.id}, who was next")
            if visit.id in made:
                self._offered(visit, made[visit.id])

    def _offered(self, visit: Visit, offer: tuple[str, datetime, datetime, datetime]) -> None:
        lane, start, end, expires = offer
        length = timedelta(minutes=minutes(visit.service, visit.places, visit.kids))
        if not self._suits(visit, start) or end - start != length or expires != self._offer_ends(start):
            raise Impossible(f"the offer {offer} does not suit {visit.id}")
        desks = self.desks(visit.service, visit.name, start, length, staff=False)
        faults, _ = self._time_faults(desks, start, length, staff=False)
        own = set(visit.cooling)
        taken = self.taken(firm=True, cooling=False)
        wanted = {(lane, start + i * timedelta(minutes=5)) for i in range(length // timedelta(minutes=5))}
        if faults - {"SlotTaken"} or lane not in desks or (wanted - own) & taken:
            raise Impossible(f"the offered {lane} at {start} cannot be had: {faults}")
        visit.offer = offer
        visit.offered.append(self.now)
        self.take(wanted, but=visit.id)
        self.step(visit, "offered")

    def _suits(self, visit: Visit, start: datetime) -> bool:
        assert visit.wish
        first, last, part = visit.wish
        local = start.astimezone(ZONE)
        if visit.lane and start >= visit.starts:
            return False
        fits = part == "any" or (local.hour < 12) == (part == "morning")
        return first <= local.date() <= last and fits and self._offer_ends(start) - self.now >= SHORTEST_OFFER

    def _offer_ends(self, start: datetime) -> datetime:
        return min(self.now + OFFER, self._last_offer(local_day(start)))

    # The person's data

    def erase(self, told: Told, *, id: str, cancel: bool) -> None:
        visit = self.visits[id]
        coming = visit.status in OPEN and visit.starts > self.now
        if coming and not cancel:
            self.judge(told, {"ErasureCancels"})
            return
        if coming:
            faults = self.status_fault(visit, "held", "requested", "waiting", "confirmed")
        else:
            faults = set() if visit.status in OVER or visit.ends <= self.now else {"AlreadyOver"}
        if self.judge(told, faults):
            if coming:
                self.end(visit, "cancelled", freed=visit.own())
            self._forget(visit)

    def _forget(self, visit: Visit) -> None:
        if visit.status == "anonymised":
            return
        visit.outcome, visit.status = visit.status, "anonymised"
        visit.active, visit.claim, visit.wish, visit.past = False, None, None, []
        visit.expires, visit.ended = None, None
        self.step(visit, "anonymised")

    def retention(self) -> None:
        for visit in self.visits.values():
            if (at := self._erased_at(visit)) and at <= self.now:
                self._forget(visit)

    def _erased_at(self, visit: Visit) -> datetime | None:
        if visit.status in ("held", "requested", "anonymised"):
            return None
        if visit.status in OVER:
            assert visit.ended
            unproven = "unconfirmed" if visit.contacts_given else "hold"
            return visit.ended + ERASED_AFTER[unproven if visit.status == "expired" else "cancelled"]
        return visit.ends + ERASED_AFTER["visit"]

