"""Mail and SMS providers: slow, refusing, away, or silent about what they have taken."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from services.notification.channels import PermanentFailure, Taken, TemporaryFailure, Unavailable
from services.notification.channels.email.mime import Mail
from tests.simulation.process import Call, Process
from tests.simulation.world import World


@dataclass(slots=True, eq=False)
class HandOver:
    """One attempt. `taken_at` is None where the provider never took it; `told` whether it said that it did."""

    delivery: str
    to: str
    process: Process
    begun_at: float
    taken_at: float | None = None
    told: bool = False


@dataclass
class Provider:
    """`slowest` is how long a yes takes at most, `trouble` how often something else happens."""

    world: World
    send_timeout: float
    trouble: float
    slowest: float
    refusing: set[str] = field(default_factory=set)
    hand_overs: list[HandOver] = field(default_factory=list)
    on_begin: Callable[[HandOver], None] = lambda _: None
    _away_until: float = 0.0

    def goes_away(self, span: float) -> None:
        self._away_until = self.world.now + span
        if self.world.tracing:
            self.world.note(f"provider  goes away for {span:.1f} s")

    async def hand_over(self, process: Process, label: str, delivery: str, to: str) -> None:
        attempt = HandOver(delivery, to, process, self.world.now)
        self.hand_overs.append(attempt)
        self.on_begin(attempt)
        await process.call(label, partial(self._receive, attempt), travel=self._travel)
        attempt.told = True

    def _travel(self) -> float:
        return 0.001 + 0.01 * self.world.chance.random()

    def _receive(self, attempt: HandOver, call: Call) -> None:
        chance = self.world.chance
        if attempt.to in self.refusing:
            call.fail(PermanentFailure("550"))
        elif self.world.now < self._away_until:
            call.fail(Unavailable("ConnectionRefusedError"))
        elif chance.random() >= self.trouble:
            self._take_later(attempt, 0.002 + self.slowest * chance.random(), call.answer)
        else:
            self._otherwise(attempt, call)

    def _otherwise(self, attempt: HandOver, call: Call) -> None:
        chance = self.world.chance
        match chance.randrange(6):
            case 0:
                self._take_later(attempt, chance.uniform(0.1, self.send_timeout), call.answer)
            case 1:
                call.fail(TemporaryFailure("451"))
            case 2:
                asked = timedelta(seconds=chance.uniform(1, 3)) if chance.random() < 0.3 else None
                call.fail(Unavailable("421", retry_after=asked))
            case 3:
                self._take_later(attempt, 0.05, lambda: None)
            case 4:
                self._take_later(attempt, chance.uniform(0, 1.2 * self.send_timeout), lambda: None)
            case _:
                if self.world.tracing:
                    self.world.note(f"provider  neither takes {attempt.delivery} nor says anything")

    def _take_later(self, attempt: HandOver, pause: float, say: Callable[[], None]) -> None:
        self.world.later(pause, self._take, attempt, say)

    def _take(self, attempt: HandOver, say: Callable[[], None]) -> None:
        attempt.taken_at = self.world.now
        if self.world.tracing:
            self.world.note(f"provider  takes {attempt.delivery} from {attempt.process.name}")
        say()


@dataclass(frozen=True)
class FakeMail:
    """Ends within its timeout, as the SMTP channel does."""

    process: Process
    provider: Provider

    async def send(self, mail: Mail, *, now: datetime) -> None:
        try:
            async with asyncio.timeout(self.provider.send_timeout):
                await self.provider.hand_over(self.process, "mail.send", mail.reference, mail.to)
        except TimeoutError as error:
            raise TemporaryFailure("timeout") from error


@dataclass(frozen=True)
class FakeSms:
    """Leaves the timeout to whoever sends."""

    process: Process
    provider: Provider

    async def send(self, *, to: str, text: str, reference: str, office: str, day: date) -> Taken:
        await self.provider.hand_over(self.process, "sms.send", reference, to)
        return Taken("fake", reference)

    async def close(self) -> None:
        pass
