from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from deploy.local.stack import Stack
from services.reporting.settings import Settings
from shared.mongo import Database, connect
from tests.integration.reporting.asking import Publish, publish_now


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def settings(servers: Stack) -> Settings:
    """A database of its own for each test, so nothing needs to be cleaned up before it."""
    return Settings(
        mongodb_uri=SecretStr(servers.secret("admin_mongodb_uri")),
        mongodb_database=f"reporting_{uuid4().hex[:8]}",
        amqp_url=SecretStr(servers.secret("reporting_amqp_url")),
    )


@pytest.fixture
async def mongodb(settings: Settings) -> AsyncIterator[Database]:
    client = connect(settings)
    yield client[settings.mongodb_database]
    await client.drop_database(settings.mongodb_database)
    client.close()


@pytest.fixture(scope="module")
def http(servers: Stack) -> Iterator[httpx.Client]:
    service = servers.start_service("reporting", name="reporting")
    with httpx.Client(base_url=service.url, headers=servers.reader) as client:
        yield client
    service.stop()


@pytest.fixture
def office() -> str:
    return f"office-{uuid4().hex[:8]}"


@pytest.fixture
def publish(servers: Stack) -> Publish:
    return lambda *events: publish_now(servers.secret("admin_amqp_url"), events)
