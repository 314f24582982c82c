"""Real servers for every test that needs one: started once, as local processes on free ports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """MongoDB, RabbitMQ and a mail catcher, without services."""
    with Stack(folder=_folder(tmp_path_factory, "servers"), services=()) as stack:
        yield stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole of Amtstermin, started as `make up` starts it. Whatever a test breaks must mend by itself."""
    # Short send timeout: the lease of a killed process ends after three times as long.
    # All tests come from one address.
    # Which of them is reminded just now depends on the hour: reminders have tests whose clock stands still.
    environment = {
        "NOTIFICATION_SEND_TIMEOUT": "PT2S",
        "NOTIFICATION_REMINDERS": "off",
        "BOOKING_LIMITS": "off",
    }
    with Stack(folder=_folder(tmp_path_factory, "stack"), environment=environment) as whole:
        yield whole


def _folder(factory: pytest.TempPathFactory, name: str) -> Path:
    return factory.mktemp(name)
