"""Everything that a proof runs on: real servers behind proxies, two processes of each service, recording sinks."""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.servers import Mongod
from deploy.local.stack import SERVICES, Service, Stack
from services.booking.tokens import Keys
from shared.contracts.event import Event
from shared.setup import VHOST
from tests.ledger import put_on_queue
from tests.prove.disk import SmallDisk
from tests.prove.gateway import SmsGateway
from tests.prove.history import History
from tests.prove.office import write_proof_office
from tests.prove.proxy import Proxy
from tests.prove.sinks import MailSink
from tests.staff import staff_token
from tests.waiting import eventually

REPLICA_SET = "amtstermin"
SEND_TIMEOUT_S = 2
# A primary that is gone is replaced within a few seconds instead of ten: more elections fit into one run.
_ELECTION_TIMEOUT_MS = 4000
MEMBERS = ("mongod", "mongod-2", "mongod-3")
NAMES = tuple(name for kind in SERVICES for name in (kind, f"{kind}-2"))

Environment = Mapping[str, str]


class Interrupted(Exception):
    """The run is to end now."""


class World:
    """As a context manager it starts everything and leaves nothing running.

    Services are named `booking`, `booking-2`, `notification`, …; each reaches the broker through
    `broker_proxies[name]`, and everybody reaches member n of the replica set through `member_proxies[n]`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = Stack(folder=folder / "stack", services=())
        self.history = History(folder / "history.jsonl")
        self.disk = SmallDisk(folder / "disk")
        ports, secrets = self.stack.ports, self.stack.secrets
        self.members = [self.stack.mongod] + [
            Mongod(folder=self.stack.folder, secrets=secrets, ports=ports, name=name) for name in MEMBERS[1:]
        ]
        self.member_proxies = [
            Proxy(target=member.port, port=ports.of(f"{member.name}-proxy")) for member in self.members
        ]
        self.broker_proxies = {name: Proxy(target=self.stack.rabbitmq.port) for name in NAMES}
        self.mail = MailSink(port=ports.of("mail-sink"))
        self.gateway = SmsGateway(port=ports.of("sms-gateway"))
        self.invented: set[str] = set()
        self.planted: set[str] = set()
        self.poisoned: Counter[str] = Counter()
        self.exits: list[str] = []
        self._ending = threading.Event()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def keys(self) -> Keys:
        return Keys.read(SecretStr(self.stack.secret("booking_signing_keys")))

    @property
    def mongodb_uri(self) -> str:
        """As an auditor, past the proxies' weather where that can be: through them, but with all rights."""
        return self._uri("admin")

    def auditor(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(self.mongodb_uri, tz_aware=True, serverSelectionTimeoutMS=20_000)

    def service(self, name: str) -> Service:
        return self.stack.services[name]

    def of_kind(self, kind: str) -> list[Service]:
        return [service for service in self.stack.services.values() if service.kind == kind]

    @property
    def booking_urls(self) -> list[str]:
        return [service.url for service in self.of_kind("booking")]

    def wait(self, seconds: float) -> None:
        """Raises Interrupted where the run is to end before."""
        if self._ending.wait(seconds):
            raise Interrupted

    def interrupt(self) -> None:
        self._ending.set()

    def staff_token(self) -> str:
        """Of a new account that is signed in."""
        secrets = {"AMTSTERMIN_SECRETS_DIR": str(self.stack.secrets)}
        return staff_token(self.booking_urls[0], {**secrets, **self._settings("booking", "booking")})

    def begin(
        self,
        name: str,
        environment: Environment | None = None,
        *,
        module: str | None = None,
        wait: bool = True,
    ) -> Service:
        """Starts the process `name`, with more settings than usual and in another module where that is asked."""
        kind = name.partition("-")[0]
        settings = {**self._settings(kind, name), **(environment or {})}
        return self.stack.start_service(kind, name=name, environment=settings, module=module, wait=wait)

    def restart(self, name: str, environment: Environment | None = None, *, module: str | None = None) -> Service:
        self.service(name).stop()
        return self.begin(name, environment, module=module)

    def revive(self) -> None:
        """Starts whatever does not run, as `restart: unless-stopped` does, and remembers who ended by itself."""
        for server in (*self.members, self.stack.rabbitmq):
            if not server.running:
                server.start()
                server.wait_until_ready()
        for name in NAMES:
            if not self.service(name).running:
                self.exits.append(name)
                self.begin(name, wait=False)
        for name in NAMES:
            self.service(name).wait_until_ready(timeout=90)

    def primary(self) -> int:
        """Which member (0 to 2) takes writes; waits for an election."""
        return eventually(self._primary, within=40, what="a primary") - 1

    def put_on_queue(self, queue: str, *bodies: bytes | Event, poisoned: int = 0) -> None:
        """As the broker would deliver them. `poisoned` of them are to end in the parking queue."""
        self.poisoned[queue] += poisoned
        asyncio.run(put_on_queue(self.stack, queue, *bodies))

    def queues(self) -> dict[str, tuple[int, int]]:
        """Messages (those that are not acknowledged included) and consumers by queue."""
        listed = self.stack.rabbitmq.ctl("list_queues", "-q", "-p", VHOST, "name", "messages", "consumers")
        rows = (line.split() for line in listed.splitlines())
        return {row[0]: (int(row[1]), int(row[2])) for row in rows if len(row) == 3 and row[1].isdigit()}

    def _primary(self) -> int | None:
        for number, member in enumerate(self.members):
            if member.running and _is_primary(member):
                return number + 1
        return None

    def _start(self) -> None:
        self.disk.mount()
        for member in self.members:
            self.disk.keep(self.stack.folder / member.name)
        for proxy in (*self.member_proxies, *self.broker_proxies.values()):
            proxy.start()
        self.mail.start()
        self.gateway.start()
        # This also makes the key file that lets the members trust each other.
        self.stack.start()
        for member in self.members[1:]:
            member.start()
            member.wait_until_ready()
        self._form_replica_set()
        offices = write_proof_office(self.folder / "offices")
        self._offices = offices
        for name in NAMES:
            self.begin(name, wait=False)
        for name in NAMES:
            self.service(name).wait_until_ready(timeout=90)

    def _stop(self) -> None:
        for service in self.stack.services.values():
            service.thaw() if service.running else None
        self.stack.stop()
        for member in self.members[1:]:
            with suppress(Exception):
                member.stop()
        for proxy in (*self.member_proxies, *self.broker_proxies.values()):
            proxy.stop()
        self.mail.stop()
        self.gateway.stop()
        self.disk.unmount()
        self.history.close()

    def _form_replica_set(self) -> None:
        """From one member under its own address to three, each known to all others by its proxy."""
        with MongoClient[dict[str, Any]](
            f"mongodb://{self.stack.mongod.address}/",
            username="admin",
            password=self.stack.secret("admin_password"),
            directConnection=True,
        ) as admin:
            config = admin.admin.command("replSetGetConfig")["config"]
            config["members"] = [
                {"_id": number, "host": f"127.0.0.1:{proxy.port}", "priority": 1}
                for number, proxy in enumerate(self.member_proxies)
            ]
            config["settings"] |= {"electionTimeoutMillis": _ELECTION_TIMEOUT_MS}
            config["version"] += 1
            admin.admin.command("replSetReconfig", config, force=True)
        with self.auditor() as client:
            eventually(lambda: _all_there(client), within=60, what="three members of the replica set")

    def _uri(self, user: str) -> str:
        password = self.stack.secret(f"{user}_password")
        members = ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.member_proxies)
        return f"mongodb://{user}:{password}@{members}/?authSource=admin&replicaSet={REPLICA_SET}"

    def _settings(self, kind: str, name: str) -> dict[str, str]:
        password, broker = self.stack.secret(f"{kind}_password"), self.broker_proxies[name].port
        settings = {
            f"{kind.upper()}_MONGODB_URI": self._uri(kind),
            f"{kind.upper()}_AMQP_URL": f"amqp://{kind}:{password}@127.0.0.1:{broker}/{VHOST}",
        }
        if kind == "booking":
            settings |= {"BOOKING_OFFICES": str(self._offices), "BOOKING_SWEEP_EVERY": "PT1S"}
            # The whole crowd comes from one address.
            settings["BOOKING_LIMITS"] = "off"
        if kind == "notification":
            settings |= {
                "NOTIFICATION_SMTP_PORT": str(self.mail.port),
                **self.gateway.settings(self.folder),
                "NOTIFICATION_SEND_TIMEOUT": f"PT{SEND_TIMEOUT_S}S",
            }
        return settings


def _is_primary(member: Mongod) -> bool:
    with suppress(PyMongoError):
        address = f"mongodb://{member.address}/?directConnection=true"
        with MongoClient[dict[str, Any]](address, serverSelectionTimeoutMS=500, socketTimeoutMS=500) as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    return False


def _all_there(client: MongoClient[dict[str, Any]]) -> bool:
    with suppress(PyMongoError):
        states: Sequence[str] = [m["stateStr"] for m in client.admin.command("replSetGetStatus")["members"]]
        return sorted(states) == ["PRIMARY", "SECONDARY", "SECONDARY"]
    return False
