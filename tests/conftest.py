"""Real servers for every test that needs one: started once, as local processes on free ports.

Where tests run side by side, each worker starts its own.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.local.ports import RANGE_VARIABLE, share_of_ports
from deploy.local.stack import Stack

# Those that take minutes begin first, so that no worker is left alone with one at the end.
_LONG = ("test_proof", "test_crash_points", "test_compose", "test_staff", "test_machine")


# The same examples each time, however slow the machine is; `--hypothesis-profile=explore` looks at new ones.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker:
        workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        os.environ[RANGE_VARIABLE] = share_of_ports(int(worker), of=workers)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _LONG.index(item.path.stem) if item.path.stem in _LONG else len(_LONG))


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
