"""One appointment as the plain model knows it, and the clock, the desks and the ledger of cells around it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tests.integration.machine.town import (
    BACK_BEFORE_START,
    CELL,
    COOLING,
    DEPUTIES,
    GRID,
    HORIZON,
    LANES,
    ROOMS,
    SERVICES,
    STAFF_HORIZON,
    START,
    ZONE,
    Opening,
    local_day,
)

Cell = tuple[str, datetime]
UNPROVEN = ("held", "requested", "waiting")
OPEN = (*UNPROVEN, "confirmed", "checked_in", "called", "in_service")
OWNING = (*OPEN, "completed", "no_show")
OVER = ("cancelled", "office_cancelled", "expired", "anonymised")


class Impossible(AssertionError):
    """The service answered or stored what by the rules cannot be."""


@dataclass(frozen=True)
class Told:
    """What the service answered: the error's name, or "" and whose appointment it told, at which desk and when."""

    refused: str = ""
    id: str = ""
    lane: str = ""
    starts: datetime = START
    outcome: str = ""


@dataclass
class Before:
    """What an action of the day can be taken back to."""

    status: str
    steps: int
    calls: int
    called_by: str | None
    active: bool


@dataclass
class Visit:
    id: str
    service: str
    name: str
    places: tuple[str, ...]
    kids: int
    starts: datetime
    ends: datetime
    lane: str = ""
    status: str = "held"
    channel: str = "web"
    steps: list[tuple[str, datetime]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    expires: datetime | None = None
    extended: bool = False
    address: str | None = None
    contact: object = None
    contacts_given: int = 0
    sms: bool = False
    reminders: bool = True
    reschedules: int = 0
    claim: tuple[str, ...] | None = None
    active: bool = False
    wish: tuple[date, date, str] | None = None
    since: datetime | None = None
    offer: tuple[str, datetime, datetime, datetime] | None = None
    offered: list[datetime] = field(default_factory=list)
    # Freed cells, and the span in which each comes back.
    cooling: dict[Cell, tuple[datetime, datetime]] = field(default_factory=dict)
    past: list[Before] = field(default_factory=list)
    calls: int = 0
    called_by: str | None = None
    ended: datetime | None = None
    outcome: str | None = None
    first_name: str | None = None

    @property
    def version(self) -> int:
        return len(self.told)

    @property
    def team(self) -> str:
        return SERVICES[self.service][0]

    @property
    def length(self) -> timedelta:
        return self.ends - self.starts

    def time_cells(self) -> set[Cell]:
        """Of its present time and desk, owned or not."""
        return cells(self.lane, self.starts, self.ends) if self.lane else set()

    def own(self) -> set[Cell]:
        return self.time_cells() if self.status in OWNING else set()

    def offered_cells(self) -> set[Cell]:
        return cells(*self.offer[:3]) if self.offer else set()

    def every(self) -> set[Cell]:
        """All that the database may still show as its own: a past visit's cells stay until they are swept."""
        past = self.time_cells() if self.outcome in OWNING else set()
        return self.own() | past | self.offered_cells() | set(self.cooling)

    def firm(self, now: datetime) -> set[Cell]:
        """What certainly is its own: time alone has decided nothing about it that somebody still has to write."""
        if self.ends <= now:
            return set()
        own = set() if self.has_run_out(now) else self.own()
        offered = set() if self.offer and self.offer[3] <= now else self.offered_cells()
        return own | offered | {cell for cell, (first, _) in self.cooling.items() if first > now}

    def has_run_out(self, now: datetime) -> bool:
        return self.status in UNPROVEN and self.expires is not None and self.expires <= now


def cells(lane: str, start: datetime, end: datetime) -> set[Cell]:
    first = start - timedelta(seconds=start.timestamp() % 300)
    last = end - timedelta(seconds=end.timestamp() % 300)
    return {(lane, first + i * CELL) for i in range((last - first) // CELL)}


@dataclass
class Ledger:
    """The appointments, the clock, what is open, and who owns which cell of a desk."""

    now: datetime = START
    opening: Opening = field(default_factory=Opening)
    visits: dict[str, Visit] = field(default_factory=dict)

    def judge(self, told: Told, must: Iterable[str], may: Iterable[str] = ()) -> bool:
        """Whether it was done; where a rule forbids it, one of `must` has to be the answer."""
        must, may = set(must), set(may)
        if told.refused:
            if told.refused not in must | may:
                raise Impossible(f"{told.refused} was answered, allowed is {must | may or 'success'}")
            return False
        if must:
            raise Impossible(f"it was done, but the rules say {must}")
        return True

    def step(self, visit: Visit, step: str, event: str = "") -> None:
        visit.steps.append((step, self.now))
        visit.told.append(f"appointment.{event or step}.v1")

    def status_fault(self, visit: Visit, *allowed: str) -> set[str]:
        if visit.status == "expired":
            return {"Expired"}
        return set() if visit.status in allowed else {"WrongStatus"}

    def ahead_fault(self, visit: Visit) -> set[str]:
        return {"AlreadyOver"} if visit.starts <= self.now else set()

    def twin(self, visit: Visit, claim: tuple[str, ...] | None = None) -> Visit | None:
        """Who has the same person's active booking."""
        claim = claim or visit.claim
        others = (v for v in self.visits.values() if v.active and v.id != visit.id)
        return next((v for v in others if claim and v.claim == claim), None)

    def free(self, visit: Visit, freed: set[Cell], *, since: datetime | None = None) -> None:
        """A citizen's cells cool, at the latest until a day before they begin."""
        since = since or self.now
        first, last = (min(since + span, visit.starts - BACK_BEFORE_START) for span in COOLING)
        if last > self.now:
            visit.cooling |= dict.fromkeys(freed, (first, last))

    def end(self, visit: Visit, status: str, *, freed: set[Cell], since: datetime | None = None) -> None:
        self.free(visit, freed, since=since)
        visit.status, visit.ended, visit.expires = status, since or self.now, None
        visit.active, visit.wish, visit.offer = False, None, None
        self.step(visit, status)

    def taken(self, *, firm: bool, but: str = "", cooling: bool = True) -> set[Cell]:
        """Cells with an owner; with `firm` only those that nobody could free by settling what ran out."""
        found: set[Cell] = set()
        for visit in self.visits.values():
            if visit.id != but:
                held = visit.firm(self.now) if firm else visit.every()
                found |= held if cooling else held - set(visit.cooling)
        return found

    def take(self, taken: set[Cell], *, but: str) -> None:
        """Cooling cells of others go over to who may take them at once."""
        for visit in self.visits.values():
            if visit.id != but:
                visit.cooling = {cell: span for cell, span in visit.cooling.items() if cell not in taken}

    def start_faults(self, start: datetime, *, staff: bool) -> set[str]:
        day, today, local = local_day(start), local_day(self.now), start.astimezone(ZONE)
        first = today if staff else self.opening.first_day(self.now)
        last = today + timedelta(days=STAFF_HORIZON if staff else HORIZON)
        off_grid = local.second or local.microsecond or local.minute % (5 if staff else GRID)
        return {"UnbookableStart"} if start <= self.now or not first <= day <= last or off_grid else set()

    def desks(
        self, service: str, name: str, start: datetime, length: timedelta, *, staff: bool, lane: str | None = None
    ) -> list[str]:
        """Those that may serve the name and are open for the whole visit, taken or not."""
        team = SERVICES[service][0]
        found = []
        for desk in (d for d, of in LANES.items() if of == team):
            wanted = [cell for _, cell in cells(desk, start, start + length)]
            serves = lane is not None or team != ROOMS or all(self.serves(desk, name, cell) for cell in wanted)
            allowed = all(self.opening.may_book(desk, cell, staff=staff, now=self.now) for cell in wanted)
            if serves and allowed and lane in (None, desk):
                found.append(desk)
        return found

    def serves(self, desk: str, name: str, cell: datetime) -> bool:
        own = "room_1" if name[0].upper() <= "K" else "room_2"
        return desk == own or (DEPUTIES[own] == desk and self.opening.away(own, cell))

    def vacant(
        self,
        desks: list[str],
        start: datetime,
        length: timedelta,
        *,
        firm: bool,
        but: str = "",
        cooling: bool = True,
    ) -> list[str]:
        taken = self.taken(firm=firm, but=but, cooling=cooling)
        return [desk for desk in desks if not cells(desk, start, start + length) & taken]

    def starts(self, service: str, name: str, length: timedelta, *, staff: bool = False) -> list[datetime]:
        """Free starts, the earliest first."""
        step = timedelta(minutes=5 if staff else GRID)
        moments = [
            midday + i * step
            for day in range(STAFF_HORIZON + 1)
            for midday in [
                datetime.combine(local_day(self.now) + timedelta(days=day), START.time(), START.tzinfo)
                - timedelta(hours=1)
            ]
            for i in range(timedelta(hours=5) // step)
        ]
        return [
            start
            for start in moments
            if not self.start_faults(start, staff=staff)
            and self.vacant(self.desks(service, name, start, length, staff=staff), start, length, firm=False)
        ]

    def conflicts(self, opening: Opening | None = None) -> set[str]:
        """Who is still expected at a desk that is not open then."""
        opening = opening or self.opening
        awaited = ("held", "requested", "confirmed", "checked_in", "called")
        return {
            visit.id
            for visit in self.visits.values()
            if visit.status in awaited and visit.ends > self.now and visit.lane
            if any(cell not in opening.cells(lane, local_day(cell)) for lane, cell in visit.time_cells())
        }
