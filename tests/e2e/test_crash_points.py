"""Processes die at every crash point, between a write and its acknowledgement; nothing is lost or doubled.

Each case goes the whole way: the armed process of one service, on real servers, is driven there through the
public API, dies, comes back, and then all that is stored must be whole (tests/wholeness.py). The stories stand in
crash_stories.py.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.local.process import ROOT
from shared.crashpoints import CrashPoint
from tests.e2e import crash_walk
from tests.e2e.crash_stories import CASES, Case
from tests.e2e.crash_walk import Place, Walk


class Places:
    """One stack for all cases, and a new one after a failure: what is broken would stay so."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._open = ExitStack()
        self._current: Place | None = None

    def get(self) -> Place:
        if self._current is None:
            self._current = self._open.enter_context(crash_walk.place(self._factory.mktemp("walk")))
        return self._current

    def leave(self) -> None:
        self._current = None
        self._open.close()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    found = Places(tmp_path_factory)
    yield found
    found.leave()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_death_between_write_and_acknowledgement_leaves_all_whole(places: Places, case: Case) -> None:
    """Seen to fail, each at the point named first, with

    * booking_before_apply: a request answered before it is written
    * relay_after_pull, relay_before_publish: an event pulled from the outbox before its confirm
    * relay_after_lease: a lease to sweep that outlives its holder; booking_after_insert: no sweep
    * consumer_before_handler, in each service: a message acknowledged before its handler has run
    * consumer_before_republish: a failed message acknowledged before it stands in the retry queue
    * notification_after_claim: a claim that never ends; notification_after_plan: sent as soon as claimed
    * notification_after_settle: a failure settled before it is said to be undeliverable
    * reporting_after_clear: marks cleared before the figures are written
    """
    walk = Walk(places.get(), point=case.at, service=case.service, nth=case.nth)
    try:
        case.story(walk)
    except BaseException:
        places.leave()
        raise
    finally:
        for person in walk.people:
            person.http.close()


def test_nothing_came_late_in_the_whole_walk(places: Places) -> None:
    places.get().wait_until_whole()


def test_every_crash_point_stands_at_one_place_and_is_walked() -> None:
    """Seen to fail without a point's line in the code, with that line twice, and without a point's case."""
    code = "".join(file.read_text() for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py"))
    places = Counter(re.findall(r"\bcrash_point\(CrashPoint\.(\w+)\)", code))
    assert places == Counter(point.name for point in CrashPoint)
    assert {case.at for case in CASES} == set(CrashPoint)
