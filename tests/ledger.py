"""The stored data, as an auditor reads it: straight from MongoDB, around the services."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import aio_pika
import httpx
from pymongo import MongoClient

from deploy.local.stack import Stack
from shared.contracts.event import CONTENT_TYPE, Event
from shared.setup import VHOST
from tests.waiting import eventually

# A reminder lies days ahead.
_LIES_AHEAD = {"purpose": "reminder", "$expr": {"$gt": ["$next_at", "$$NOW"]}}
_FACTS = ("appointments", "messages", "demand", "capacity", "free_times")
_ON_ITS_WAY = {"status": "due", "$nor": [_LIES_AHEAD]}


class Ledger:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.client: MongoClient[dict[str, Any]] = MongoClient(stack.secret("admin_mongodb_uri"), tz_aware=True)
        self.appointments = self.client["booking"]["appointments"]
        self.deliveries = self.client["notification"]["deliveries"]
        self._facts = [self.client["reporting"][kind] for kind in _FACTS]

    def close(self) -> None:
        self.client.close()

    def deliveries_of(self, appointment: str) -> dict[str, str]:
        """Purpose → status of the e-mails. Reminders, which lie days ahead, are left out."""
        mails = self.deliveries.find(
            {"appointment": appointment, "channel": "email", "purpose": {"$ne": "reminder"}}
        )
        return {d["purpose"]: d["status"] for d in mails}

    def quiet(self, *, within: float = 60) -> None:
        """Waits until every event is published, heard and counted, and every delivery that is due has ended."""
        eventually(
            lambda: self._stored_at_rest() and not self._queued() and self._stored_at_rest() and self._counted(),
            within=within,
            what="everything published, heard, counted and sent",
        )

    def figures(self) -> Counter[str]:
        """The report's sums around today, when nothing is on its way to them any more.

        Only then can two readings be compared: what an earlier test did is in both or in neither.
        """
        self.quiet()
        today = date.today()  # noqa: DTZ011 (a day more on each side)
        span = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=2))}
        url = f"{self._stack['reporting'].url}/v1/reports/figures"
        answer = httpx.get(url, params=span, headers=self._stack.reader, timeout=10)
        (row,) = answer.json()
        return Counter({name: value for name, value in row.items() if isinstance(value, int)})

    def _stored_at_rest(self) -> bool:
        untold = {"outbox.0": {"$exists": True}}
        return not (
            self.appointments.count_documents(untold)
            or self.deliveries.count_documents({"$or": [untold, _ON_ITS_WAY]})
        )

    def _counted(self) -> bool:
        return not any(facts.count_documents({"dirty_since": {"$exists": True}}) for facts in self._facts)

    def _queued(self) -> int:
        """Messages in work and retry queues, taken ones that are not acknowledged included."""
        lines = self._stack.rabbitmq.ctl("list_queues", "-q", "-p", VHOST, "name", "messages").splitlines()
        queues = (line.split() for line in lines if line)
        return sum(int(count) for name, count in queues if count.isdigit() and not name.endswith(".parking"))


def growth(before: Counter[str], now: Counter[str], names: Iterable[str]) -> dict[str, int]:
    return {name: now[name] - before[name] for name in names}


async def put_on_queue(stack: Stack, queue: str, *bodies: bytes | Event) -> None:
    """As the broker would deliver them: in this order, whatever they are."""
    connection = await aio_pika.connect(stack.secret("operator_amqp_url"))
    async with connection:
        channel = await connection.channel(on_return_raises=True)
        exchange = await channel.get_exchange("requeue", ensure=False)
        for body in bodies:
            content = body if isinstance(body, bytes) else body.body()
            message = aio_pika.Message(content, content_type=CONTENT_TYPE, message_id="test", delivery_mode=2)
            await exchange.publish(message, f"test.{queue}")
