"""What a slow broker did not confirm is sent again, and nothing else."""

import asyncio
from typing import Any, cast

import pytest

from shared import republish
from shared.messaging import Publisher, PublishFailed
from shared.messaging.publishing import Unroutable

_ENTRIES = [{"id": f"e{number}", "body": "{}"} for number in range(5)]


class Broker:
    """Refuses each message as often as `refusals` says, by its id."""

    def __init__(self, refusals: dict[str, int], error: type[PublishFailed] = PublishFailed) -> None:
        self._refusals = refusals
        self._error = error
        self.taken: list[str] = []
        self.asked: list[str] = []

    async def publish(self, *, message_id: str, **_: Any) -> None:
        self.asked.append(message_id)
        if self._refusals.get(message_id, 0):
            self._refusals[message_id] -= 1
            raise self._error("slow")
        self.taken.append(message_id)


def _sent(broker: Broker) -> int:
    return asyncio.run(republish.send_to("a.queue", _ENTRIES, cast(Publisher, broker)))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(republish, "_PAUSES_S", (0.0, 0.0))


def test_what_was_not_confirmed_is_sent_again_and_nothing_else() -> None:
    broker = Broker({"e1": 2, "e3": 1})

    assert _sent(broker) == 5
    assert sorted(broker.taken) == [entry["id"] for entry in _ENTRIES]
    assert broker.asked.count("e0") == 1
    assert broker.asked.count("e1") == 3


def test_broker_that_takes_nothing_is_told() -> None:
    with pytest.raises(PublishFailed):
        _sent(Broker({"e2": 100}))


def test_event_without_a_queue_is_not_tried_again() -> None:
    broker = Broker({"e2": 100}, Unroutable)

    with pytest.raises(Unroutable):
        _sent(broker)
    assert broker.asked.count("e2") == 1
