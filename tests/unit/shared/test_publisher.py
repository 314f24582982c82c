"""What the publisher does where the library raises what nobody expects."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from shared.messaging import Publisher, publishing


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def failures() -> Iterator[BaseException]:
    """As aiormq raises them while it connects: the first where the peer closes before it has said a word."""
    return iter([StopAsyncIteration(), asyncio.CancelledError(), RuntimeError("odd"), OSError("refused")])


@pytest.mark.anyio
async def test_it_keeps_connecting_whatever_the_library_raises(
    monkeypatch: pytest.MonkeyPatch, failures: Iterator[BaseException]
) -> None:
    """Seen to fail with AMQPError, OSError and TimeoutError caught alone: the first failure ended the task that
    connects, and the process never published again."""
    publisher, connected = Publisher(url=SecretStr("amqp://nobody"), name="test"), asyncio.Event()

    async def connect() -> None:
        for failure in failures:
            raise failure
        connected.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(publishing, "_RECONNECT", timedelta(0))
    monkeypatch.setattr(publisher, "_connect_once", connect)
    await publisher.start()
    await asyncio.wait_for(connected.wait(), 10)
    await publisher.stop()
