"""What hears of messages after they were handed over, as one process of the service has it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import SecretStr

from services.notification.arriving import Arrivals
from services.notification.storage import Reports
from shared.messaging import Publisher
from shared.outbox import Relay
from tests.integration.notification.harness import Notification


@asynccontextmanager
async def hearing(notification: Notification) -> AsyncIterator[Arrivals]:
    deliveries, clock = notification.deliveries, notification.clock
    publisher = Publisher(url=SecretStr("amqp://nobody@127.0.0.1:1/none"), name="none")
    reports = Reports(notification.database)
    await reports.ensure_indexes()
    arrivals = Arrivals(
        reports=reports,
        deliveries=deliveries,
        relay=Relay(publisher=publisher, collections=[deliveries.collection], clock=clock.database),
        clock=clock,
        every=timedelta(milliseconds=50),
    )
    await arrivals.start()
    yield arrivals
    await arrivals.stop()
