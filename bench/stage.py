"""The real servers and whatever services a figure asks for, on free ports below one folder."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import aio_pika
import uvloop
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import SecretStr
from pymongo import MongoClient

from bench.office import OFFICE_FILE, write_large_office
from bench.processes import Helper, peak_kib
from deploy.local.ports import Ports
from deploy.local.stack import Service, Stack
from services.booking.domain.office import Office
from services.booking.offices import load_office
from services.booking.tokens import Keys
from shared.contracts.event import CONTENT_TYPE
from shared.mongo import Document
from shared.setup import broker_definitions, deploy_folder

# Where limits write: with the services' indexes, and out of their sight.
BENCH_DATABASE = "bench"
_PATIENCE_S = 120


class Stage:
    """`peaks` are the services' highest resident memory in KiB, noted whenever one of them stops."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offices = write_large_office(folder / "offices")
        self.stack = Stack(folder=folder / "stack", services=())
        self.peaks: dict[str, int] = {}
        self._ports = Ports(file=folder / "ports.json")

    def __enter__(self) -> Self:
        self.stack.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.stop()

    @property
    def office(self) -> Office:
        return load_office(self.offices / OFFICE_FILE.name)

    @property
    def keys(self) -> Keys:
        return Keys.read(SecretStr(self.stack.secret("booking_signing_keys")))

    @property
    def amqp_url(self) -> str:
        return self.stack.secret("admin_amqp_url")

    @property
    def mongodb_uri(self) -> str:
        return self.stack.secret("admin_mongodb_uri")

    def database(self) -> MongoClient[dict[str, Any]]:
        """For preparing and checking; nothing that is measured goes through it."""
        return MongoClient(self.mongodb_uri, tz_aware=True)

    @contextmanager
    def running(self, *names: str, module: str | None = None, **environment: str) -> Iterator[list[Service]]:
        """Services by name ("booking", "booking-2"), ready; stopped again at the end."""
        # What is measured is the booking, and everything comes from one address.
        settings = {"BOOKING_OFFICES": str(self.offices), "BOOKING_LIMITS": "off", **environment}
        started: list[Service] = []
        try:
            for name in names:
                kind = name.partition("-")[0]
                started.append(
                    self.stack.start_service(kind, name=name, environment=settings, module=module, wait=False)
                )
            for service in started:
                service.wait_until_ready()
            yield started
        finally:
            for service in started:
                self._stop(service)

    @contextmanager
    def helper(self, program: str, *arguments: str | Path, name: str = "") -> Iterator[Helper]:
        """`python -m bench.<program> <port> <arguments…>`, listening."""
        port = self._ports.of(name or program)
        process = Helper(program=program, port=port, arguments=arguments, log=self.folder / f"{program}.log")
        process.start()
        try:
            process.wait_until_ready()
            yield process
        finally:
            process.stop()

    def clear(self) -> None:
        """Empties collections and queues; indexes stay. Only while no service runs."""
        with self.database() as client:
            names = ("booking", "booking_keys", "notification", "notification_keys", "reporting", BENCH_DATABASE)
            for name in names:
                for collection in client[name].list_collection_names():
                    client[name][collection].delete_many({})
        self.purge()

    def purge(self) -> None:
        queues = [queue["name"] for queue in broker_definitions(deploy_folder())["queues"]]
        uvloop.run(_purge(self.amqp_url, queues))

    def fill(self, bodies: Mapping[str, Sequence[bytes]]) -> None:
        """Puts messages on queues, in order, and returns when the broker has them."""
        uvloop.run(_fill(self.amqp_url, bodies))

    async def until_published(self) -> None:
        """Returns when no appointment of booking has an event left to publish."""
        client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(self.mongodb_uri)
        appointments, deadline = client["booking"]["appointments"], time.monotonic() + _PATIENCE_S
        while await appointments.find_one({"outbox.0": {"$exists": True}}, {"_id": 1}, hint="outbox"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"events are still not published after {_PATIENCE_S} s")
            await asyncio.sleep(0.02)
        client.close()

    def _stop(self, service: Service) -> None:
        if service.running:
            self.peaks[service.kind] = max(self.peaks.get(service.kind, 0), peak_kib(service.pid))
        service.stop()


async def _purge(url: str, queues: Sequence[str]) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for name in queues:
            queue = await channel.get_queue(name, ensure=False)
            await queue.purge()


async def _fill(url: str, bodies: Mapping[str, Sequence[bytes]]) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(on_return_raises=True)
        for queue, contents in bodies.items():
            for start in range(0, len(contents), 500):
                messages = (_message(body) for body in contents[start : start + 500])
                publishes = (channel.default_exchange.publish(message, queue) for message in messages)
                await asyncio.gather(*publishes)


def _message(body: bytes) -> aio_pika.Message:
    return aio_pika.Message(
        body, content_type=CONTENT_TYPE, message_id="bench", delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )
