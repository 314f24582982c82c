"""How tests speak to a running reporting service."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aio_pika
import httpx

from tests.integration.reporting.stories import Wire, body

Publish = Callable[..., None]

WEEK = {"from": "2026-10-19", "to": "2026-10-26"}
EVER = {"from": "2026-01-01", "to": "2027-12-31"}
FIGURES_PATH = "/v1/reports/figures"
_EXCHANGES = {
    "appointment": "appointments",
    "demand": "appointments",
    "notification": "notifications",
    "office": "offices",
    "capacity": "offices",
    "free_times": "offices",
}


def publish_now(url: str, events: Sequence[Wire]) -> None:
    """In a thread of its own: where a browser is driven, this one has a loop that runs already."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(lambda: asyncio.run(send(url, events))).result()


async def send(url: str, events: Sequence[Wire]) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for event in events:
            name = _EXCHANGES[event["type"].split(".")[0]]
            exchange = await channel.get_exchange(name, ensure=False)
            await exchange.publish(aio_pika.Message(body(event), message_id=event["id"]), event["type"])


def rows(http: httpx.Client, **parameters: str) -> list[dict[str, Any]]:
    answer = http.get(FIGURES_PATH, params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def until(tell: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not tell():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def until_told(http: httpx.Client, office: str, **wanted: int) -> None:
    def tell() -> bool:
        (row,) = rows(http, **EVER, office=office)
        return all(row[name] == value for name, value in wanted.items())

    until(tell)
