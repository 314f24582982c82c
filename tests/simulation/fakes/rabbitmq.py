"""The broker: routes by the real bindings, keeps what it confirmed, brings everything at least once.

Messages come late, out of order and twice; what a lost channel had not acknowledged comes again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from shared.messaging import PublishFailed, Unroutable
from shared.republish import bindings_of, hears
from shared.setup import broker_definitions, deploy_folder
from tests.simulation.fakes.values import NotModelled
from tests.simulation.process import Call
from tests.simulation.world import World

_RUNGS_S = {"5s": 5.0, "30s": 30.0, "5m": 300.0, "30m": 1800.0}


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    exchange: str
    key: str
    body: bytes
    correlation_id: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Session:
    """A publisher's connection."""

    lose: Callable[[], None]
    open: bool = True
    unconfirmed: list[Call] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Channel:
    """One consumer of one queue. `take` gets (message, tag); `lose` breaks the whole connection."""

    queue: str
    take: Callable[[Message, int], None]
    lose: Callable[[], None]
    prefetch: int
    open: bool = True
    unacknowledged: dict[int, Message] = field(default_factory=dict)
    tag: int = 0
    # A channel keeps the order, both ways.
    arrival: float = 0.0
    heard: int = 0
    early: dict[int, tuple[int, bool]] = field(default_factory=dict)

    @property
    def room(self) -> bool:
        return self.open and len(self.unacknowledged) < self.prefetch


@dataclass
class Weather:
    """How often a publish is not confirmed in time, and a message comes twice, or late."""

    unconfirmed: float = 0.0
    twice: float = 0.1
    late: float = 0.1
    longest_delay: float = 10.0


class Broker:
    """Of `queues` only; what leads elsewhere is stored and heard by nobody.

    `stored` counts how often each message was; `on_stored` hears of it before the publisher does.
    """

    def __init__(self, world: World, *, weather: Weather, queues: Sequence[str] = ()) -> None:
        self.world = world
        self.weather = weather
        self.stored: dict[str, int] = {}
        self.log: list[Message] = []
        self.on_stored: Callable[[Message], None] = lambda _: None
        self.unroutable_until = 0.0
        # Publishes without a confirm, and connections made: what excuses another publish.
        self.unhappy = 0
        self._away_until = 0.0
        self._ready: dict[str, list[Message]] = {queue: [] for queue in queues}
        self._coming = 0
        self._channels: list[Channel] = []
        self._sessions: list[Session] = []

    @property
    def away(self) -> bool:
        return self.world.now < self._away_until

    def goes_away(self, span: float) -> None:
        self._away_until = max(self._away_until, self.world.now + span)
        if self.world.tracing:
            self.world.note(f"rabbitmq  goes away for {span:.1f} s")
        for session in list(self._sessions):
            self.cut(session)
        for channel in list(self._channels):
            channel.lose()

    def travel(self) -> float:
        chance = self.world.chance
        return 0.0003 + 0.001 * chance.random() + (0.1 * chance.random() if chance.random() < 0.03 else 0)

    # Publishing

    def connects(self, session: Session) -> None:
        self._sessions.append(session)
        self.unhappy += 1

    def cut(self, session: Session) -> None:
        """What was under way is stored or not, and nobody says so."""
        if not session.open:
            return
        session.open = False
        self._sessions.remove(session)
        for call in session.unconfirmed:
            if not call.answered:
                self.unhappy += 1
                call.fail(PublishFailed("the connection died"))
        session.lose()

    def publish(self, session: Session, message: Message, call: Call) -> None:
        """A request that arrives; its confirm may come late, or never."""
        chance = self.world.chance
        lost = not session.open or (self.weather.unconfirmed and chance.random() < self.weather.unconfirmed)
        self.unhappy += bool(lost)
        if lost and chance.random() < 0.5:
            return
        if not self._store(message):
            call.fail(Unroutable(f"no queue is bound for {message.key!r}"))
            return
        if self.world.tracing:
            self.world.note(f"rabbitmq  stores {message.key} {message.id} from {call.process.name}")
        if not lost:
            self.world.later(chance.uniform(0, 4) if chance.random() < 0.02 else 0.0005, call.answer)

    def put(self, message: Message) -> None:
        """From a publisher that is not part of this world."""
        self._store(message)

    def _store(self, message: Message) -> bool:
        if message.exchange == "retry":
            rung, _, queue = message.key.partition(".")
            self._arrives(queue, message, _RUNGS_S[rung])
            return True
        if message.exchange == "parking":
            self.world.fail(f"parked by {message.key}: {message.headers.get('x-parked-error')}")
            return True
        queues = () if self.world.now < self.unroutable_until else bound(message.exchange, message.key)
        if not queues:
            return False
        self.stored[message.id] = self.stored.get(message.id, 0) + 1
        self.log.append(message)
        self.on_stored(message)
        for queue in (q for q in queues if q in self._ready):
            self._arrives(queue, message, self._delay())
            if self.world.chance.random() < self.weather.twice:
                self._arrives(queue, message, self._delay())
        return True

    def _delay(self) -> float:
        chance = self.world.chance
        if chance.random() < self.weather.late:
            return self.weather.longest_delay * chance.random() ** 2
        return 0.005 * chance.random()

    # Consuming

    def at_rest(self) -> bool:
        return (
            not self._coming
            and not any(self._ready.values())
            and not any(channel.unacknowledged for channel in self._channels)
        )

    def consumes(self, channel: Channel) -> None:
        if channel.queue not in self._ready:
            raise NotModelled(channel.queue)
        self._channels.append(channel)
        self._deliver(channel.queue)

    def close(self, channel: Channel) -> None:
        """What it had not acknowledged comes again, to whoever consumes."""
        if not channel.open:
            return
        channel.open = False
        self._channels.remove(channel)
        for message in channel.unacknowledged.values():
            self._arrives(channel.queue, message, 0.05 * self.world.chance.random())
        channel.unacknowledged.clear()

    def acknowledge(self, channel: Channel, number: int, tag: int, multiple: bool, call: Call) -> None:
        """`number` counts what came over this channel, from 1."""
        channel.early[number] = tag, multiple
        while channel.open and channel.heard + 1 in channel.early:
            channel.heard += 1
            self._acknowledged(channel, *channel.early.pop(channel.heard))
        call.answer()

    def _acknowledged(self, channel: Channel, tag: int, multiple: bool) -> None:
        if tag not in channel.unacknowledged:
            self.world.fail(f"an unknown delivery was acknowledged on {channel.queue}")
        for known in [t for t in channel.unacknowledged if t == tag or (multiple and t < tag)]:
            del channel.unacknowledged[known]
        self._deliver(channel.queue)

    def _arrives(self, queue: str, message: Message, delay: float) -> None:
        self._coming += 1
        self.world.later(delay, self._is_there, queue, message)

    def _is_there(self, queue: str, message: Message) -> None:
        self._coming -= 1
        self._ready[queue].append(message)
        self._deliver(queue)

    def _deliver(self, queue: str) -> None:
        chance, ready = self.world.chance, self._ready[queue]
        while ready and not self.away:
            channels = [c for c in self._channels if c.queue == queue and c.room]
            if not channels:
                return
            channel = channels[0] if len(channels) == 1 else chance.choice(channels)
            message = ready.pop(chance.randrange(len(ready)) if chance.random() < 0.3 else 0)
            channel.tag += 1
            channel.unacknowledged[channel.tag] = message
            channel.arrival = max(channel.arrival, self.world.now + self.travel())
            self.world.at(channel.arrival, channel.take, message, channel.tag)


@cache
def bound(exchange: str, key: str) -> tuple[str, ...]:
    """The queues that hear it, by the broker's own definitions."""
    definitions = broker_definitions(deploy_folder())
    return tuple(
        queue
        for queue in _queues()
        if any(source == exchange and hears(pattern, key) for source, pattern in bindings_of(queue, definitions))
    )


@cache
def _queues() -> tuple[str, ...]:
    definitions = broker_definitions(deploy_folder())
    return tuple(q["name"] for q in definitions["queues"] if bindings_of(q["name"], definitions))
