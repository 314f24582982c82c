from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.citizen import Citizen
from tests.e2e.compose import own_images, why_not
from tests.ledger import Ledger

NewCitizen = Callable[..., Citizen]


@pytest.fixture
def a_citizen(stack: Stack) -> Iterator[NewCitizen]:
    """Makes people who book; each closes the browser when the test ends."""
    people: list[Citizen] = []

    def make(**values: Any) -> Citizen:
        people.append(Citizen(stack, **values))
        return people[-1]

    yield make
    for person in people:
        person.http.close()


@pytest.fixture
def ledger(stack: Stack) -> Iterator[Ledger]:
    found = Ledger(stack)
    yield found
    found.close()


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tag of this checkout's images, for every stack in containers; skips where no engine answers."""
    reason = why_not()
    if reason:
        pytest.skip(f"not run in containers: {reason}")
    with own_images(tmp_path_factory.mktemp("images")) as tag:
        yield tag
