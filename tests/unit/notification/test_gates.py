"""What a provider is given: within its limits, nothing while it is away, one message to see if it is back."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from services.notification.channels import (
    PermanentFailure,
    Taken,
    TemporaryFailure,
    Throttled,
    Unavailable,
)
from services.notification.delivery.gates import Circuit, CircuitState, Gate, Limits, Patience
from services.notification.delivery.providers import SmsPool, Weighted
from tests.unit.notification.builders import NOW

pytestmark = pytest.mark.anyio

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CALM = Patience(failures=3, first=SECOND, most=8 * SECOND, jitter=0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    def __init__(self) -> None:
        self.time = NOW


class Provider:
    """Answers what it is told to, else takes the message."""

    def __init__(self, name: str = "one") -> None:
        self.name = name
        self.taken: list[str] = []
        self.fails: Callable[[str], Exception | None] = lambda reference: None

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        if failure := self.fails(reference):
            raise failure
        self.taken.append(reference)
        return Taken(self.name)

    async def close(self) -> None: ...


def a_gate(clock: Clock, *, limits: Limits | None = None) -> Gate:
    circuit = Circuit(CALM, chance=lambda: 0.5)
    return Gate("one", limits=limits or Limits(), circuit=circuit, clock=lambda: clock.time)


async def go(gate: Gate, failure: Exception | None = None) -> None:
    async def work() -> None:
        if failure:
            raise failure

    try:
        await gate.through(work)
    except (PermanentFailure, TemporaryFailure) as met:
        assert met is failure, "it was let through"  # noqa: PT017


async def test_failures_in_a_row_open_the_circuit() -> None:
    clock = Clock()
    gate = a_gate(clock)
    for _ in range(2):
        await go(gate, Unavailable("ConnectError"))
    await go(gate)
    for _ in range(2):
        await go(gate, TemporaryFailure("timeout"))
    assert gate.circuit.state(NOW) is CircuitState.CLOSED
    await go(gate, Unavailable("ConnectError"))
    assert gate.circuit.state(NOW) is CircuitState.OPEN
    assert (gate.room(NOW), gate.opens_at(NOW)) == (0, NOW + SECOND)


async def test_what_concerns_one_recipient_opens_nothing() -> None:
    gate = a_gate(Clock())
    for _ in range(9):
        await go(gate, TemporaryFailure("SMTP 451 4.7.1"))
        await go(gate, PermanentFailure("SMTP 550 5.1.1"))
    assert gate.circuit.state(NOW) is CircuitState.CLOSED


async def opened(clock: Clock) -> Gate:
    gate = a_gate(clock)
    for _ in range(3):
        await go(gate, Unavailable("ConnectError"))
    return gate


async def test_one_message_tries_and_closes_the_circuit() -> None:
    clock = Clock()
    gate = await opened(clock)
    clock.time += SECOND
    assert gate.circuit.state(clock.time) is CircuitState.HALF_OPEN
    assert gate.room(clock.time) == 1
    gate.circuit.begin(clock.time)
    assert gate.room(clock.time) == 0
    gate.circuit.answered()
    assert gate.room(clock.time) > 1000


async def test_a_try_that_never_ends_frees_its_place() -> None:
    clock = Clock()
    gate = await opened(clock)
    clock.time += SECOND
    gate.circuit.begin(clock.time)
    clock.time += MINUTE
    assert gate.room(clock.time) == 1


async def test_each_failed_try_doubles_the_pause() -> None:
    clock = Clock()
    gate = await opened(clock)
    pauses = []
    for _ in range(5):
        clock.time = gate.opens_at(clock.time)
        await go(gate, Unavailable("ConnectError"))
        pauses.append(gate.opens_at(clock.time) - clock.time)
    assert pauses == [2 * SECOND, 4 * SECOND, 8 * SECOND, 8 * SECOND, 8 * SECOND]


async def test_a_provider_that_asks_for_a_pause_gets_it_at_once() -> None:
    clock = Clock()
    gate = a_gate(clock)
    await go(gate, Unavailable("HTTP 429", retry_after=MINUTE))
    assert gate.opens_at(NOW) == NOW + MINUTE
    # Another one that was under way says it wants more.
    gate.circuit.failed(NOW, asked=HOUR)
    gate.circuit.failed(NOW, asked=SECOND)
    assert gate.opens_at(NOW) == NOW + HOUR


async def test_too_many_recipients_are_learned_as_a_limit() -> None:
    clock = Clock()
    gate = a_gate(clock)
    pauses = []
    for _ in range(6):
        await go(gate, Throttled("SMTP 452 4.5.3"))
        pauses.append(gate.opens_at(clock.time) - clock.time)
        clock.time = gate.opens_at(clock.time)
    assert pauses == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 15 * MINUTE, 15 * MINUTE]


async def test_no_hour_has_more_messages_than_the_limit() -> None:
    """Any hour, not only those that begin with the clock's."""
    clock = Clock()
    gate = a_gate(clock, limits=Limits(per_second=5, per_hour=20))
    begun = []
    while clock.time < NOW + 3 * HOUR:
        for _ in range(gate.room(clock.time)):
            await go(gate)
            begun.append(clock.time)
        clock.time += timedelta(milliseconds=700)
    assert max(sum(start <= at < start + HOUR for at in begun) for start in begun) == 20
    assert max(sum(start <= at < start + SECOND for at in begun) for start in begun) == 5
    assert len(begun) == 60


async def test_beyond_its_limit_a_gate_says_when() -> None:
    clock = Clock()
    gate = a_gate(clock, limits=Limits(per_hour=1))
    await go(gate)
    clock.time += MINUTE

    async def never() -> None:
        raise AssertionError

    with pytest.raises(Unavailable) as refused:
        await gate.through(never)
    assert refused.value.retry_after == HOUR - MINUTE


def a_pool(clock: Clock, *weights: float) -> tuple[SmsPool, list[Provider]]:
    """The n-th draw falls on the n-th tenth, over and over."""
    providers = [Provider(f"p{n}") for n in range(len(weights))]
    ways = [Weighted(p, a_gate(clock), w) for p, w in zip(providers, weights, strict=True)]
    draws = (n / 10 for _ in range(10_000) for n in range(10))
    return SmsPool(ways, clock=lambda: clock.time, chance=lambda: next(draws)), providers


async def send(pool: SmsPool, reference: str = "r") -> str:
    return (await pool.send(to="+4915112345678", text="Hallo", reference=reference)).provider


def always(failure: Exception) -> Callable[[str], Exception]:
    return lambda reference: failure


async def test_providers_share_by_their_weights() -> None:
    pool, _ = a_pool(Clock(), 70, 30)
    # The second draw of a message is for the rest, of which there is one only.
    shares = Counter([await send(pool, str(n)) for n in range(50)])
    assert 30 <= shares["p0"] <= 40


async def test_what_one_provider_surely_did_not_take_the_next_one_gets() -> None:
    pool, (first, second) = a_pool(Clock(), 100, 1)
    first.fails = always(Unavailable("HTTP 503"))
    assert [await send(pool, str(n)) for n in range(20)] == ["p1"] * 20
    assert first.taken == []
    assert len(second.taken) == 20


async def test_what_a_provider_may_have_taken_no_other_one_gets() -> None:
    """Seen to fail without the memory of it: half of the second attempts went to the other one."""
    pool, providers = a_pool(Clock(), 50, 50)
    asked: dict[str, list[str]] = {str(n): [] for n in range(20)}
    for one in providers:
        one.fails = _silent_once(one.name, asked)
    for reference in asked:
        with pytest.raises(TemporaryFailure, match="timeout"):
            await send(pool, reference)
        await send(pool, reference)
    assert all(first == second for first, second in asked.values())
    assert len({first for first, _ in asked.values()}) == 2


def _silent_once(name: str, asked: dict[str, list[str]]) -> Callable[[str], Exception | None]:
    def fails(reference: str) -> Exception | None:
        asked[reference].append(name)
        return TemporaryFailure("timeout") if len(asked[reference]) == 1 else None

    return fails


async def test_a_refused_number_is_refused_by_all() -> None:
    pool, (first, second) = a_pool(Clock(), 100, 1)
    first.fails = always(PermanentFailure("HTTP 400"))
    with pytest.raises(PermanentFailure):
        await send(pool)
    assert second.taken == []


async def test_weights_fall_with_failures_and_come_back() -> None:
    clock = Clock()
    pool, (first, _) = a_pool(clock, 60, 60)
    way = pool.providers[0]
    first.fails = always(Unavailable("HTTP 500"))
    while way.gate.room(clock.time):
        await send(pool)
    fallen = way.weight_at(clock.time)
    assert fallen < 20
    clock.time += 5 * MINUTE
    half = way.weight_at(clock.time)
    assert half == pytest.approx((60 + fallen) / 2)
    way.worked(clock.time)
    assert half < way.weight_at(clock.time) < 60
    clock.time += 5 * HOUR
    assert way.weight_at(clock.time) == pytest.approx(60)


async def test_a_weight_never_falls_to_nothing() -> None:
    pool, _ = a_pool(Clock(), 60)
    way = pool.providers[0]
    for _ in range(100):
        way.failed(NOW)
    assert way.weight_at(NOW) == pytest.approx(3)


async def test_a_pool_without_any_room_says_when_to_come_back() -> None:
    clock = Clock()
    pool, providers = a_pool(clock, 50, 50)
    for one, pause in zip(providers, (HOUR, MINUTE), strict=True):
        one.fails = always(Unavailable("HTTP 429", retry_after=pause))
    with pytest.raises(Unavailable):
        await send(pool)
    assert pool.room(clock.time) == 0
    with pytest.raises(Unavailable) as refused:
        await send(pool)
    assert refused.value.retry_after == MINUTE
