from collections.abc import Iterator
from typing import Protocol

import pytest

from deploy.local.stack import Stack
from tests.integration.messaging.containers import ContainerServers, why_not


class Servers(Protocol):
    def secret(self, name: str) -> str: ...


@pytest.fixture(scope="session", params=["local", "containers"])
def real_servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The same tests on local processes and on the images that compose uses."""
    if request.param == "local":
        stack: Stack = request.getfixturevalue("servers")
        yield stack
        return
    if reason := why_not():
        pytest.skip(f"no containers: {reason}")
    containers = ContainerServers(tmp_path_factory.mktemp("containers"))
    try:
        containers.start()
        yield containers
    finally:
        containers.stop()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
