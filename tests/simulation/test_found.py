"""What the simulation found in the product, each as the smallest world that shows it."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from services.notification.domain import Delivery, KnownState
from services.notification.storage import Claimed, Deliveries, Known
from shared.mongo import Database
from tests.simulation.deliveries import SEND_TIMEOUT, DeliverySimulation, an_office_event
from tests.simulation.stories import Life
from tests.simulation.world import World

_LEASE_S = 3 * SEND_TIMEOUT.total_seconds()


class SlowToPlan(Deliveries):
    """A plan is longer under way than the lease it brings, and its answer comes when it is claimed anew."""

    claimed_anew = False

    async def plan(self, delivery: Delivery, *, claimed: Claimed | None = None) -> bool:
        await asyncio.sleep(_LEASE_S + 1)
        stored = await super().plan(delivery, claimed=claimed)
        while not self.claimed_anew:  # noqa: ASYNC110 (virtual time)
            await asyncio.sleep(0.001)
        return stored

    async def claim(self, **wanted: Any) -> list[Claimed]:
        claims = await super().claim(**wanted)
        self.claimed_anew = self.claimed_anew or bool(claims)
        return claims


class SlowTwice(Known):
    """Reading the facts before a claim is begun, and again before it is sent, takes half a lease each."""

    reads = 0

    async def states(self, appointments: Iterable[str]) -> dict[str, KnownState]:
        found = await super().states(appointments)
        self.reads += 1
        if self.reads <= 2:
            await asyncio.sleep(_LEASE_S / 2)
        return found


class OneRequest(DeliverySimulation):
    most_processes = 1
    known: type[Known] = Known
    deliveries: type[Deliveries] = Deliveries

    def storage(self, database: Database) -> tuple[Known, Deliveries]:
        return self.known(database, keys=database), self.deliveries(database)

    def feed(self) -> None:
        now = self.world.utc()
        life = Life("a1", starts_at=now + timedelta(days=7), email="someone@example.org", sequence=1)
        self.tell(0.0, [an_office_event(self.world)])
        self.tell(1.0, life.requested(now))
        self.ledger.lives[life.id] = life


def test_delivery_stored_after_its_lease_is_sent_once() -> None:
    """Seen to fail before: the process began it twice, under its old and its new claim, and lost count."""

    class Story(OneRequest):
        deliveries = SlowToPlan

    story = Story(World(seed=1), calm=True)
    story.run()
    assert len(story.provider.hand_overs) == 1


def test_nothing_is_sent_when_facts_took_the_whole_lease() -> None:
    """Seen to fail before: it was sent when its lease was over, while another process might send it as well."""

    class Story(OneRequest):
        known = SlowTwice

    story = Story(World(seed=1), calm=True)
    story.run()
    (attempt,) = story.provider.hand_overs
    assert attempt.begun_at > 1.0 + _LEASE_S
