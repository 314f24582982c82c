"""The plain model of what comes later: what time decides, the waiting list, and the end of a person's data."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.integration.machine.model import CANCELLABLE, Model
from tests.integration.machine.town import (
    ERASED_AFTER,
    HERE,
    HOLD,
    MOST_OFFERS,
    OFFER,
    SHORTEST_OFFER,
    WISH_HORIZON,
    ZONE,
    local_day,
    midnight,
    minutes,
)
from tests.integration.machine.visit import OPEN, OVER, Impossible, Told, Visit


@dataclass
class Later(Model):
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
                # Whoever's visit is over may book anew, whether somebody closed it or not.
                visit.active = False
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
            faults = self.status_fault(visit, *CANCELLABLE)
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
