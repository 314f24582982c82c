"""The same cases on the fake and on a real MongoDB: the simulation is worth what its fakes are."""

import asyncio
from datetime import UTC
from typing import Any
from uuid import uuid4

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from deploy.local.stack import Stack
from shared.mongo import Database
from tests.simulation.fakes.mongodb import Server
from tests.simulation.faults import Slot
from tests.simulation.mongodb_cases import CASES, Case
from tests.simulation.process import Process
from tests.simulation.world import World


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_fake_answers_as_the_real_one(case: Case, servers: Stack) -> None:
    """Seen to fail with a `$setUnion` that keeps repeats and a `$lt` that takes any type."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
        servers.secret("admin_mongodb_uri"), tz_aware=True, tzinfo=UTC
    )
    database: Database = client[f"fakes_{uuid4().hex[:8]}"]
    try:
        real = await case(database["things"])
    finally:
        await client.drop_database(database.name)
        client.close()
    assert await asyncio.to_thread(_on_the_fake, case) == real


def _on_the_fake(case: Case) -> Any:
    world, answers = World(seed=1), []

    async def main(process: Process) -> None:
        answers.append(await case(server.database(process)["things"]))
        await process.stopping.wait()

    server = Server(world)
    slot = Slot(world, name="case", main=main, faults=())
    slot.start()
    try:
        world.run(at_rest=lambda: None if answers else "the case is under way", limit=60)
    finally:
        slot.close()
        world.close()
    return answers[0]
