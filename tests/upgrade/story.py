"""Up, back and up again, one service after the other, as docs/operations.md says, while people book."""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from pymongo.database import Database

from tests.prove.crowd import Crowd
from tests.prove.gather import Client, Document, live_figures
from tests.prove.history import Action, Operation, Outcome
from tests.upgrade.world import Version, World
from tests.waiting import eventually

RATE = 50.0
# So many are there at once at most: on a slow machine further ones come later, and the rate is what it is.
_AT_ONCE = 120
# Holds by citizens before the next step, and how long that may take on a busy machine.
_HOLDS_EACH = int(os.environ.get("AMTSTERMIN_UPGRADE_HOLDS", "300"))
_WITHIN_S = 300.0
_ANSWERED = re.compile(r'(?m)^http_request_seconds_count\{.*route="/v1[^"]*",status="\d+"\} ([\d.e+]+)$')
_FIGURES = ("reporting.appointments", "reporting.notifications", "reporting.offices")
# What a client has to expect at any time, besides a connection that ends: it asks again.
_AGAIN = frozenset({502, 503, 504})
# A time that somebody else was quicker to take, or that has run out meanwhile.
_NO = frozenset({404, 409, 410, 422})


@dataclass(frozen=True, slots=True)
class Stage:
    """What was done, how long it took, and what people did meanwhile."""

    name: str
    seconds: float
    bookings: int
    requests: int
    served: dict[str, int]

    def __str__(self) -> str:
        rate = self.bookings / self.seconds if self.seconds else 0.0
        by = ", ".join(f"{number:,} by {name}" for name, number in sorted(self.served.items()))
        return (
            f"{self.name}: {self.seconds:.0f} s, {self.bookings:,} bookings ({rate:.1f}/s), "
            f"{self.requests:,} requests ({by})"
        )


@dataclass(slots=True)
class Story:
    world: World
    old: Version
    new: Version
    say: Callable[[str], None]
    seed: int = 20261130
    stages: list[Stage] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)
    # Since when a version's reporting has not heard all: the other's came to its queues, or it is not there yet.
    _deaf_since: dict[str, datetime] = field(default_factory=dict)
    _crowd: Crowd | None = None

    def tell(self) -> None:
        """The crowd is there from the first process of the old version to the last step of the new one."""
        self._first_start()
        try:
            with self._stage("before"):
                self._await_bookings("as before")
            self._up(first=True)
            self._back()
            self._up(first=False)
        finally:
            assert self._crowd
            self._crowd.stop()

    def _first_start(self) -> None:
        world = self.world
        for kind in ("notification", "reporting", "booking"):
            world.begin(kind, self.old)
        world.let_in(self.old)
        public, staff = world.doors
        self._crowd = Crowd(
            seed=self.seed,
            rate=RATE,
            history=world.history,
            mail=world.mail,
            processes=lambda: [public],
            staff_token=world.staff_token(self.old),
            staff_processes=lambda: [staff],
            most=_AT_ONCE,
            authority=world.authority,
        )
        self._crowd.start()

    def _up(self, *, first: bool) -> None:
        """Who hears comes before who tells."""
        if first:
            self._deaf_since[self.new.name] = datetime.now(UTC)
            with self._stage("set up, figures made anew beside the old ones"):
                self.world.set_up(self.new)
                self.world.run(self.new, "reporting", "rebuild", "--anyway")
        self._replace(self.old, self.new, ("reporting", "notification", "booking"))
        self._tell_figures_again(self.new)
        if not first:
            self.world.run(self.new, "migrate")

    def _back(self) -> None:
        """The other way round: who tells goes first."""
        self._replace(self.new, self.old, ("booking", "notification", "reporting"))
        self._tell_figures_again(self.old)

    def _replace(self, leaving: Version, coming: Version, kinds: tuple[str, ...]) -> None:
        for kind in kinds:
            with self._stage(f"{kind}: {leaving.name} and {coming.name}"):
                if kind == "reporting":
                    self._deaf_since[leaving.name] = datetime.now(UTC)
                self.world.begin(kind, coming)
                if kind == "booking":
                    self.world.let_in(leaving, coming)
                self._await_bookings(f"{kind} of both versions")
                if kind == "booking":
                    # Beside the version before, which goes on to write documents of its own schema.
                    self.world.run(self.new, "migrate", codes=(0, 1))
                    self.world.let_in(coming)
                    self._await_silence(leaving)
                self.world.end(kind, leaving)

    def _await_silence(self, leaving: Version) -> None:
        """Who leaves gets no further request."""
        eventually(lambda: self._is_silent(f"booking-{leaving.name}"), within=60, what="no more requests")

    def _is_silent(self, name: str) -> bool:
        before = self._served(name)
        self.world.wait(0.5)
        return self._served(name) == before

    def _tell_figures_again(self, version: Version) -> None:
        """What the other version's reporting has heard since it came; whoever has it already ignores it."""
        since = self._deaf_since[version.name]
        with self._stage(f"told again to the figures of {version.name}"):
            for queue in _FIGURES:
                at = (since - timedelta(minutes=1)).isoformat()
                self.world.run(version, "republish", "--to", queue, "--since", at)
            self._await_figures(version)

    def _await_figures(self, version: Version) -> None:
        """They show at least what is stored now."""
        with self.world.auditor() as client:
            now, figures = datetime.now(UTC), self._figures_of(version, client)
            stored = {d["_id"]: d["version"] for d in client["booking"]["appointments"].find({}, {"version": 1})}
            eventually(lambda: not _behind(figures, stored), within=_WITHIN_S, what="every appointment known")
            eventually(lambda: not _uncounted(figures, now), within=_WITHIN_S, what="every fact counted")

    def _figures_of(self, version: Version, client: Client) -> Database[Document]:
        return client["reporting"] if version is self.old else live_figures(client)

    def _await_bookings(self, what: str) -> None:
        assert self._crowd
        crowd, wanted = self._crowd, self._crowd.held + _HOLDS_EACH
        eventually(lambda: crowd.held >= wanted, within=_WITHIN_S, what=f"{_HOLDS_EACH} bookings with {what}")

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began, before = time.time(), self._all_served()
        self._seen = dict(before)
        yield
        self._all_served()
        asked = [o for o in self.world.history.operations if o.invoked_at >= began]
        booked = sum(o.action is Action.HOLD and o.outcome is Outcome.OK for o in asked)
        served = {name: count - before.get(name, 0) for name, count in self._seen.items()}
        served = {name: count for name, count in served.items() if count > 0}
        stage = Stage(name, time.time() - began, booked, len(asked), served)
        self.stages.append(stage)
        self.say(str(stage))
        wrong = unexpected(asked)
        assert not wrong, f"answers that nobody has to expect, while {name}: {dict(wrong)}"

    def _all_served(self) -> dict[str, int]:
        """By those who run now; of one that ends the last reading stays in `_seen`."""
        return {service.name: self._served(service.name) for service in self.world.of_kind("booking")}

    def _served(self, name: str) -> int:
        """Requests to the public API, as the process itself counts them."""
        text = httpx.get(f"{self.world.stack[name].url}/metrics", timeout=10).text
        self._seen[name] = int(sum(float(number) for number in _ANSWERED.findall(text)))
        return self._seen[name]


def _behind(figures: Database[Document], stored: dict[str, int]) -> int:
    """How many appointments reporting does not know, or knows an older version of."""
    known = {d["_id"]: d["sequence"] for d in figures["appointments"].find({}, {"sequence": 1})}
    return sum(known.get(id, 0) < version for id, version in stored.items())


def _uncounted(figures: Database[Document], before: datetime) -> int:
    """How many facts have changed before that, and the figures do not show it."""
    marks = {"dirty_since": {"$lt": before}}
    return sum(figures[kind].count_documents(marks) for kind in ("appointments", "messages", "demand"))


def unexpected(operations: list[Operation]) -> Counter[str]:
    """Answers that no client has to expect, by action and status."""
    found: Counter[str] = Counter()
    for operation in operations:
        status = operation.status
        if status is not None and status >= 400 and status not in _AGAIN | _NO:
            found[f"{operation.action} {status}"] += 1
    return found


def answers(operations: list[Operation]) -> Counter[str]:
    return Counter(str(operation.status or "no answer") for operation in operations)
