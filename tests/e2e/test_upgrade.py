"""This version takes the place of the one before while people book, goes back, and comes again: nothing is lost.

The one before comes from this repository's history (tests/upgrade/before.py says which). Both run on one RabbitMQ
and one MongoDB, booking behind the delivered nginx, and change places by the steps of docs/operations.md.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e import nginx
from tests.prove.checks import shortest_history, violations
from tests.prove.gather import gather, wait_for_quiet
from tests.upgrade.before import Unknown, unpack, version_before
from tests.upgrade.story import RATE, Story, answers, unexpected
from tests.upgrade.world import Version, World, of_this_checkout

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(nginx.NGINX is None, reason=nginx.WHY_NOT),
]
# Holds, requests and freed times run out within it.
_QUIET_WITHIN_S = 420


@pytest.fixture
def before(tmp_path: Path) -> Version:
    revision = version_before()
    try:
        return Version("old", unpack(revision, tmp_path / "before"))
    except Unknown as reason:
        pytest.skip(f"the version before is not here: {reason}")


@pytest.fixture
def world(tmp_path: Path, before: Version) -> Iterator[World]:
    with World(tmp_path / "world", before=before) as world:
        yield world


def test_versions_change_places_while_people_book(world: World, before: Version) -> None:
    """Seen to fail with the digest inside the contact: 757b2fb answered 35 of 592 requests with 500."""
    began = datetime.now(UTC)
    story = Story(world, old=before, new=of_this_checkout(), say=_say)
    _say(f"From {version_before()} to this checkout, {RATE:g} citizens a second")

    story.tell()

    _say("Quiet …")
    unquiet = wait_for_quiet(world, within=_QUIET_WITHIN_S)
    evidence = gather(world, seed=story.seed, struck=(), since=began - timedelta(seconds=1), unquiet=unquiet)
    operations = list(evidence.operations)
    _say(f"{len(operations):,} requests: {dict(answers(operations).most_common())}")
    _say(f"{len(evidence.appointments):,} appointments, {len(evidence.taken):,} messages")
    assert not unexpected(operations)
    for stage in (stage for stage in story.stages if stage.name.startswith("booking:")):
        assert len(stage.served) == 2, f"one version alone has answered: {stage}"
    found = violations(evidence)
    told = [f"{v.check}: {v.what}\n    " + "\n    ".join(shortest_history(v, evidence)) for v in found[:20]]
    assert not found, f"{len(found)} violations:\n" + "\n".join(told)


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)
