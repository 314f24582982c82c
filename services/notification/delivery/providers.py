"""The ways out: the mail server behind its gate, and text messages over whichever provider works best."""

import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.notification.channels import SmsProvider, Taken, TemporaryFailure, Unavailable
from services.notification.channels.email.mime import Mail
from services.notification.delivery.gates import Gate

# A failure takes a third of a provider's weight, down to a twentieth of it. Half of what is lost comes back in 5
# minutes, a tenth of it with each message that is taken over.
_KEPT, _LEAST, _HALF_BACK, _STEP = 2 / 3, 0.05, timedelta(minutes=5), 0.1
# Messages that a provider may have taken over without saying so.
_MOST_UNCLEAR = 10_000


class MailChannel(Protocol):
    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Raises TemporaryFailure or PermanentFailure."""


class GatedMail:
    """A mail channel that is given no more than it can take."""

    def __init__(self, mail: MailChannel, *, gate: Gate) -> None:
        self._mail = mail
        self.gate = gate

    def room(self, now: datetime) -> int:
        return self.gate.room(now)

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Raises TemporaryFailure or PermanentFailure."""
        await self.gate.through(lambda: self._mail.send(mail, now=now))


@dataclass(slots=True)
class Weighted:
    """One provider of several; `weight` is its share while all work."""

    provider: SmsProvider
    gate: Gate
    weight: float
    _lost: float = 0.0
    _since: datetime | None = None

    def weight_at(self, now: datetime) -> float:
        """What failures have left of `weight`, and time has given back."""
        if self._since is None:
            return self.weight
        still_lost: float = self._lost * 0.5 ** ((now - self._since) / _HALF_BACK)
        return self.weight - still_lost

    def failed(self, now: datetime) -> None:
        self._set(now, max(self.weight * _LEAST, self.weight_at(now) * _KEPT))

    def worked(self, now: datetime) -> None:
        if self._since is not None:
            here = self.weight_at(now)
            self._set(now, here + (self.weight - here) * _STEP)

    def _set(self, now: datetime, weight: float) -> None:
        self._lost, self._since = self.weight - weight, now


class SmsPool:
    """Several providers as one. Raises what SmsProvider raises.

    A provider that surely took nothing over (Unavailable) leaves the message to the next one at once. One that may
    have taken it is asked again with the next attempt, as long as it can be: by the reference it can drop what it
    has. `chance` is evenly spread over [0, 1).
    """

    def __init__(
        self,
        providers: Sequence[Weighted],
        *,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.providers = tuple(providers)
        self._clock = clock
        self._chance = chance
        self._unclear: OrderedDict[str, Weighted] = OrderedDict()

    @property
    def name(self) -> str:
        return "pool"

    def room(self, now: datetime) -> int:
        return sum(one.gate.room(now) for one in self.providers)

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        away: Unavailable | None = None
        for one in self._in_turn(reference):
            try:
                return await self._send(one, to=to, text=text, reference=reference)
            except Unavailable as failure:
                away = failure
        raise away or self._closed()

    async def close(self) -> None:
        for one in self.providers:
            await one.provider.close()

    async def _send(self, one: Weighted, *, to: str, text: str, reference: str) -> Taken:
        try:
            taken = await one.gate.through(lambda: one.provider.send(to=to, text=text, reference=reference))
        except Unavailable:
            one.failed(self._clock())
            raise
        except TemporaryFailure:
            one.failed(self._clock())
            self._remember(reference, one)
            raise
        except BaseException:
            self._remember(reference, one)
            raise
        self._unclear.pop(reference, None)
        one.worked(self._clock())
        return taken

    def _in_turn(self, reference: str) -> list[Weighted]:
        """Those with room: who may have it already, then by chance and weight."""
        now = self._clock()
        left = [one for one in self.providers if one.gate.room(now) > 0]
        ordered = [one for one in left if one is self._unclear.get(reference)]
        left = [one for one in left if one not in ordered]
        while left:
            ordered.append(self._drawn(left, now))
            left.remove(ordered[-1])
        return ordered

    def _drawn(self, among: list[Weighted], now: datetime) -> Weighted:
        weights = [one.weight_at(now) for one in among]
        point = self._chance() * sum(weights)
        for one, weight in zip(among, weights, strict=True):
            point -= weight
            if point < 0:
                return one
        return among[-1]

    def _remember(self, reference: str, one: Weighted) -> None:
        self._unclear[reference] = one
        if len(self._unclear) > _MOST_UNCLEAR:
            self._unclear.popitem(last=False)

    def _closed(self) -> Unavailable:
        now = self._clock()
        soonest = min((one.gate.opens_at(now) for one in self.providers), default=now)
        return Unavailable("no provider now", retry_after=max(soonest - now, timedelta(milliseconds=1)))
