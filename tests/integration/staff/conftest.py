from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Stack
from tests.integration.staff.harness import Counter, a_counter


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def counter(servers: Stack) -> AsyncIterator[Counter]:
    async with a_counter(servers) as counter:
        yield counter
