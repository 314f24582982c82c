import asyncio
import time
from typing import Any

from bench.lean_http import Connection
from deploy.local.stack import Stack
from tests.builders import an_office
from tests.e2e.conftest import NewCitizen

CLIENTS = 200


def test_200_clients_for_one_time_fill_exactly_its_desks(stack: Stack, a_citizen: NewCitizen) -> None:
    """Each free desk is won once, all others are told so, nobody waits longer than two seconds.

    Two processes, so that only the database can decide. Seen to fail with the index `cells` not unique:
    five clients won three desks.
    """
    citizen = a_citizen()
    # The last day of all is released desk by desk.
    times = citizen.free_times()
    wanted = [start for start in times if start[:10] < times[-1][:10]][-1]
    second = stack.start_service("booking", name="second booking")

    try:
        answers = asyncio.run(rush([stack["booking"].url, second.url], citizen.wish(wanted)))
    finally:
        second.stop()

    codes = [code for code, _ in answers]
    lanes = len(an_office().web_lanes("service_point"))
    assert codes.count(201) == lanes
    assert codes.count(409) == CLIENTS - lanes
    assert max(seconds for _, seconds in answers) < 2
    assert wanted not in citizen.free_times()


async def rush(urls: list[str], wish: dict[str, Any]) -> list[tuple[int, float]]:
    async def one(number: int) -> tuple[int, float]:
        async with Connection(urls[number % len(urls)]) as http:
            headers = {"Idempotency-Key": f"rush-{wish['starts_at']}-{number}"}
            started = time.monotonic()
            answer = await http.send("POST", "/v1/appointments", wish, headers)
            return answer.status, time.monotonic() - started

    return await asyncio.gather(*(one(number) for number in range(CLIENTS)))
