"""Those who wait for the minute of a release: people in need, and programs that sell what they get."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from deploy.local.simulate.citizens import Citizens, Need
from deploy.local.simulate.residents import Residents
from services.booking.domain.limits import Bucket, Free, Limits, Prove, Refuse, judge
from services.booking.domain.office import Office
from shared.contracts.offices import Service

# A gang of programs works for some weeks, is shut out, and comes again.
_WEEKS_OF_BOTS = ((5, 9), (16, 19))
_PEOPLE, _TRIES = 5, 90
_SOLVES, _SOLVES_WRONG = 0.2, 0.2
_ADDRESSES = 3


@dataclass(slots=True)
class Rush:
    """The scarce times are those for emergencies: few, and released at a minute that nobody knows."""

    citizens: Citizens
    residents: Residents
    first: date
    _limits: Limits = field(default_factory=Limits)
    # Of each address and limit of holds; and of all together.
    _used: dict[tuple[int, int], Bucket] = field(default_factory=dict)
    _load: Bucket = field(default_factory=Bucket)

    def plan(self, day: date) -> None:
        """Enters the releases of a local day."""
        office = self.citizens.books.office
        services = [s for s in office.data.services if s.emergency]
        if not services:
            return
        for ahead in range(1, 10):
            visit = day + timedelta(days=ahead)
            for lane in office.hours.lanes:
                if "emergency" not in office.hours.cells(lane, visit).by_channel:
                    continue
                at = office.releases.at(lane, visit, "emergency")
                if at.astimezone(office.zone).date() == day:
                    self.citizens.agenda.at(at, lambda now: self._begin(services[0], now))

    @property
    def _office(self) -> Office:
        return self.citizens.books.office

    def bots_work(self, day: date) -> bool:
        week = (day - self.first).days // 7
        return any(first <= week < last for first, last in _WEEKS_OF_BOTS)

    def _begin(self, service: Service, now: datetime) -> None:
        random = self.citizens.random
        for _ in range(1 + int(random.expovariate(1 / _PEOPLE))):
            need = self.citizens.need(self.residents.somebody(), service)
            if need:
                at = now + timedelta(seconds=random.expovariate(1 / 600))
                self.citizens.agenda.at(at, lambda later, need=need: self.citizens.look(need, later))  # type: ignore[misc]
        if self.bots_work(now.astimezone(self._office.zone).date()):
            for number in range(_TRIES):
                at = now + timedelta(seconds=random.randrange(50))
                address = number % _ADDRESSES
                self.citizens.agenda.at(at, lambda later, address=address: self._grab(service, address, later))  # type: ignore[misc]

    def _grab(self, service: Service, address: int, now: datetime) -> None:
        """One attempt of a program, judged as booking's door judges it."""
        limits, searches, random = self._limits, self.citizens.searches, self.citizens.random
        uses = [(self._used.get((address, n), Bucket()), limit) for n, limit in enumerate(limits.holds)]
        if self._just_passed(uses[0][0], now):
            searches.count(now, many_holds=1)
        match judge(uses, (self._load, limits.load), now=now):
            case Refuse():
                searches.count(now, refused=1)
                return
            case Prove():
                searches.count(now, proofs_asked=1)
                chance = random.random()
                if chance >= _SOLVES:
                    searches.count(now, proofs_failed=int(chance < _SOLVES + _SOLVES_WRONG))
                    self._use(address, now)
                    return
            case Free():
                pass
        self._use(address, now)
        need = self.citizens.need(self.residents.bot(), service)
        times = self.citizens.times(need, now) if need else []
        searches.count(now, searches=1, searches_without_result=0 if times else 1)
        if need and times:
            starts_at = random.choice(times[:3])
            at = now + timedelta(seconds=1 + random.randrange(3))
            self.citizens.agenda.at(at, partial(self._take, need, starts_at))

    def _take(self, need: Need, starts_at: datetime, now: datetime) -> None:
        self.citizens.take(need, starts_at, now)

    def _use(self, address: int, now: datetime) -> None:
        for n, limit in enumerate(self._limits.holds):
            key = (address, n)
            self._used[key] = self._used.get(key, Bucket()).use(now, limit)
        self._load = self._load.use(now, self._limits.load)

    def _just_passed(self, used: Bucket, now: datetime) -> bool:
        level = used.level_at(now, self._limits.holds[0])
        return self._limits.many_holds <= level < self._limits.many_holds + 1
