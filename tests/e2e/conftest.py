from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local.stack import Stack
from tests.citizen import Citizen
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
