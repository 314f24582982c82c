from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from deploy.local.stack import Stack
from services.notification.settings import Settings
from shared.mongo import Client, connect
from tests.integration.notification.harness import Notification, Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.unit.notification.builders import SENDER


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged; its default for a terminal takes seconds for a traceback."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        yield server


@pytest.fixture
def settings(servers: Stack) -> Settings:
    """A database of its own for each test, so nothing needs to be cleaned up before it."""
    return Settings(
        mongodb_uri=SecretStr(servers.secret("admin_mongodb_uri")),
        mongodb_database=f"notification_{uuid4().hex[:8]}",
        amqp_url=SecretStr(servers.secret("notification_amqp_url")),
        smtp_host="127.0.0.1",
        smtp_tls="none",
        sender=SENDER,
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    client = connect(settings)
    yield client
    await client.drop_database(settings.mongodb_database)
    client.close()


@pytest.fixture
async def notifications(client: Client, settings: Settings, mailbox: Mailbox) -> AsyncIterator[Notifications]:
    """Any number of processes of the service on one database, without HTTP and RabbitMQ around them."""
    everywhere = Notifications(client=client, database=client[settings.mongodb_database], mailbox=mailbox)
    yield everywhere
    await everywhere.stop()


@pytest.fixture
async def notification(notifications: Notifications) -> Notification:
    """One process, running, that knows the office."""
    return await notifications.start()
