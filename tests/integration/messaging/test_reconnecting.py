"""A publisher comes back once the network lets it."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr

from shared.messaging import Publisher
from tests.integration.messaging.conftest import Servers
from tests.prove.proxy import Proxy, Weather

pytestmark = pytest.mark.anyio


async def test_a_publisher_behind_bad_weather_connects_when_it_clears(servers: Servers) -> None:
    """Seen to fail with a proxy that stayed half-open."""
    address = SecretStr(servers.secret("booking_amqp_url")).get_secret_value()
    host = address.rpartition("@")[2].partition("/")[0]
    with Proxy(target=int(host.rpartition(":")[2])) as proxy:
        url = SecretStr(address.replace(host, f"127.0.0.1:{proxy.port}"))
        publisher = Publisher(url=url, name="test")
        with proxy.in_weather(Weather(refused=True)):
            await publisher.start()
            await asyncio.to_thread(proxy.refusals.get, timeout=10)
        await publisher.wait_until_connected(within=timedelta(seconds=10))
        again = asyncio.Event()
        publisher.on_connected = again.set
        proxy.cut()
        await asyncio.wait_for(again.wait(), 10)
        await publisher.stop()
