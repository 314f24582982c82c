"""The play: day after day of an office and its district, the same for the same seed."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from deploy.local.simulate.agenda import Agenda
from deploy.local.simulate.books import Books
from deploy.local.simulate.citizens import Citizens, Need
from deploy.local.simulate.closing import Closing
from deploy.local.simulate.counter import Counter
from deploy.local.simulate.demand import Searches
from deploy.local.simulate.messages import Messages
from deploy.local.simulate.minds import Minds
from deploy.local.simulate.residents import Residents
from deploy.local.simulate.rush import Rush
from deploy.local.simulate.supply import Supply
from services.booking.domain.hours import wall_moment
from services.booking.domain.office import Office
from services.booking.domain.rules import OfficeData
from shared.contracts import Demand
from shared.mongo import Document
from shared.outbox import Entry

# What residents need, by the ids of an office's services; of one that is not named here so much.
_SERVICES: Mapping[str, float] = {
    "eat_pickup": 24, "eat_pin": 4, "commitment": 5, "transfer_passport": 10, "fiction": 10, "cond_change": 8,
    "doc_loss": 3, "emergency": 4, "residence_permit_biometrics": 20, "settlement": 4, "ukraine": 6,
    "asylum_tolerated": 2,
}  # fmt: skip
_OTHER_SERVICE = 3
# Of one resident in a year: Berlin counted 0.53 visits, 0.8 is thought much; not every need becomes a visit.
_NEEDS_PER_YEAR = 0.95
# Before the holidays and when schools and universities begin, more; around Christmas hardly anybody.
_MONTHS = (1.15, 1.05, 1.0, 0.95, 0.95, 1.0, 1.05, 0.9, 1.2, 1.15, 1.05, 0.75)
_WEEKDAYS = (1.3, 1.2, 1.05, 1.1, 0.95, 0.65, 0.75)
_HOURS = (1, 0, 0, 0, 0, 1, 3, 6, 9, 10, 9, 8, 8, 7, 7, 6, 6, 7, 8, 10, 11, 9, 5, 2)
_PHONES, _WALKS_IN = 0.15, 0.06


@dataclass(frozen=True, slots=True)
class Part:
    """What one day brought: events in their order, the minutes of searches, and appointments that are over."""

    now: datetime
    appointments: list[Entry]
    messages: list[Entry]
    demand: list[tuple[Demand, Entry]]
    finished: list[Document]
    supply: list[Entry]


@dataclass(slots=True)
class Play:
    """`data` is the office at the beginning; `office` becomes the one at the end."""

    data: OfficeData
    residents: int
    first: date
    until: datetime
    seed: int
    agenda: Agenda = field(init=False)
    books: Books = field(init=False)
    closing: Closing = field(init=False)
    _random: Random = field(init=False)
    _searches: Searches = field(init=False)
    _citizens: Citizens = field(init=False)
    _people: Residents = field(init=False)
    _counter: Counter = field(init=False)
    _minds: Minds = field(init=False)
    _rush: Rush = field(init=False)
    _messages: Messages = field(init=False)
    supply: Supply = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 (the same at each run, and nobody's secret)
        key = hashlib.sha256(f"simulate|{self.seed}".encode()).digest()
        office = Office(self.data, key=key)
        self.agenda = Agenda(wall_moment(self.first, time(0), office.zone))
        self.books = Books(office, self.agenda, self._random)
        self._cast(key)

    def parts(self) -> Iterator[Part]:
        """One for each day, and the last up to `until`."""
        day = self.first
        self.closing.plan(day, self.until.astimezone(self.books.office.zone).date())
        while self.agenda.now < self.until:
            self._begin(day)
            day += timedelta(days=1)
            self.agenda.play(min(wall_moment(day, time(0), self.books.office.zone), self.until))
            if self.agenda.now >= self.until:
                self.supply.end()
            yield self._part()

    def _cast(self, key: bytes) -> None:
        self._searches = Searches(self.data.id)
        self._citizens = Citizens(self.books, self.agenda, self._random, self._searches)
        self._people = Residents(self.books.office, number=self.residents, random=self._random)
        self.supply = Supply(self.books)
        self._counter, self._minds = Counter(self._citizens), Minds(self._citizens)
        self._rush = Rush(self._citizens, self._people, self.first)
        self.closing = Closing(self._citizens, self.data, key, self.supply.changed)
        settled = self._citizens.message_settled
        self._messages = Messages(self.books, self.agenda, self._random, self.data, settled)
        self.books.listeners += [self._messages.hear, self._minds.hear, self._counter.hear]

    def _begin(self, day: date) -> None:
        for _ in range(self._needs_on(day)):
            self.agenda.at(self._sometime(day), self._need)
        self._rush.plan(day)
        self.supply.begin(day)
        for hour in range(7, 21):
            self.agenda.at(wall_moment(day, time(hour), self.books.office.zone), self._minds.offer_all)

    def _needs_on(self, day: date) -> int:
        mean = self.residents * _NEEDS_PER_YEAR / 365 * _MONTHS[day.month - 1] * _WEEKDAYS[day.weekday()]
        return max(0, round(self._random.gauss(mean, mean**0.5)))

    def _sometime(self, day: date) -> datetime:
        hour = self._random.choices(range(24), _HOURS)[0]
        begin = wall_moment(day, time(hour), self.books.office.zone)
        return begin + timedelta(seconds=self._random.randrange(3600))

    def _need(self, now: datetime) -> None:
        services = self.books.office.data.services
        weights = [_SERVICES.get(service.id, _OTHER_SERVICE) for service in services]
        need = self._citizens.need(self._people.somebody(), self._random.choices(services, weights)[0])
        if need is None:
            return
        chance = self._random.random()
        if chance < _PHONES and self._is_open(now):
            self._citizens.by_phone(need, now)
        elif chance < _PHONES + _WALKS_IN and self._is_open(now) and self._comes_unasked(need):
            self._counter.walk_in(need, now)
        else:
            self._citizens.look(need, now)

    def _is_open(self, now: datetime) -> bool:
        local = now.astimezone(self.books.office.zone)
        return any(start <= local < end for start, end in self.books.office.open_spans(local.date()))

    def _comes_unasked(self, need: Need) -> bool:
        office = self.books.office
        here = all(office.responsibility(m.municipality).here for m in need.resident.members)
        return here and not office.by_surname(need.team)

    def _part(self) -> Part:
        books, messages = self.books, self._messages
        demand = list(self._searches.told(before=self.agenda.now))
        supply = self.supply
        part = Part(self.agenda.now, books.told, messages.told, demand, books.finished, supply.told)
        books.told, messages.told, books.finished, supply.told = [], [], [], []
        for document in part.finished:
            self._citizens.forget(document["_id"])
            messages.forget(document["_id"])
        return part
