"""Channels that operators pause, seen by every process within two seconds; and what each says of its providers."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

from services.notification import metrics
from services.notification.delivery.gates import CircuitState, Gate
from services.notification.delivery.lanes import Room
from services.notification.delivery.providers import GatedMail, SmsPool
from services.notification.delivery.sending import Clock
from services.notification.domain import Channel
from services.notification.storage import Standing, StandingStore
from shared.mongo import PyMongoError
from shared.observability import get_logger

log = get_logger()

_STATES = (CircuitState.CLOSED, CircuitState.HALF_OPEN, CircuitState.OPEN)


class Pauses:
    """`fixed` are paused by the settings. While the database is away the last known ones hold."""

    def __init__(
        self,
        store: StandingStore,
        *,
        clock: Clock,
        ways: "Ways",
        fixed: Iterable[Channel] = (),
        every: timedelta = timedelta(seconds=1),
    ) -> None:
        self._store = store
        self._clock = clock
        self._ways = ways
        self._fixed = frozenset(fixed)
        self._stored: frozenset[Channel] = frozenset()
        self._every = every.total_seconds()
        self._process = uuid4().hex[:12]
        self._task: asyncio.Task[None] | None = None

    def holds(self, channel: Channel) -> bool:
        return channel in self._fixed or channel in self._stored

    def room(self, channel: Channel) -> Room:
        """What the channel can take, and nothing while it is paused."""
        way = self._ways.room(channel)
        return lambda now: 0 if self.holds(channel) else way(now)

    async def start(self) -> None:
        """Knows what is paused before anything can be sent."""
        if self._task is None:
            await self._look()
            self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        with suppress(PyMongoError):
            await self._store.leave(self._process)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self._look()
            except PyMongoError as error:
                log.warning("pauses_not_read", error=type(error).__name__)

    async def _look(self) -> None:
        paused = frozenset(await self._store.pauses())
        if paused != self._stored:
            log.info("channels_paused", channels=sorted(paused))
        self._stored = paused
        now = self._clock.now()
        standing = self._ways.standing(now, process=self._process)
        await self._store.tell(self._process, standing, now=now)
        for channel in Channel:
            metrics.PAUSED.labels(channel.value).set(self.holds(channel))
        for provider in standing:
            state = _STATES.index(CircuitState(provider.state))
            metrics.CIRCUIT.labels(provider.provider).set(state)


class Ways:
    """The providers of each channel. A channel without any takes everything, and fails it."""

    def __init__(self, *, mail: GatedMail, sms: SmsPool | None) -> None:
        self._mail = mail
        self._sms = sms

    def room(self, channel: Channel) -> Room:
        if channel is Channel.EMAIL:
            return self._mail.room
        return self._sms.room if self._sms else lambda _: 1_000_000

    def standing(self, now: datetime, *, process: str) -> Sequence[Standing]:
        told = [_standing(self._mail.gate, Channel.EMAIL, None, now=now, process=process)]
        for one in self._sms.providers if self._sms else ():
            weight = round(one.weight_at(now), 3)
            told.append(_standing(one.gate, Channel.SMS, weight, now=now, process=process))
        return told


def _standing(gate: Gate, channel: Channel, weight: float | None, *, now: datetime, process: str) -> Standing:
    opens_at = gate.opens_at(now)
    return Standing(
        process=process,
        provider=gate.name,
        channel=channel.value,
        state=gate.circuit.state(now).value,
        failures=gate.circuit.failures,
        opens_at=opens_at if opens_at > now else None,
        weight=weight,
    )
