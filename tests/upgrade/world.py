"""Servers, a proxy and the recording sinks; processes of either version are started and stopped one by one."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr
from pymongo import MongoClient

from deploy.local.ports import answers
from deploy.local.process import ROOT
from deploy.local.stack import Service, Stack
from services.booking.tokens import Keys
from shared.setup import DEFINITIONS, VHOST
from tests.e2e import nginx
from tests.prove.gateway import SmsGateway
from tests.prove.history import History
from tests.prove.office import write_proof_office
from tests.prove.sinks import MailSink
from tests.prove.world import SEND_TIMEOUT_S
from tests.staff import staff_token
from tests.waiting import eventually

_DEPLOY = "AMTSTERMIN_DEPLOY_DIR"


@dataclass(frozen=True, slots=True)
class Version:
    """`name` tells its processes from the other version's; `code` is where it lies."""

    name: str
    code: Path

    @property
    def office_file(self) -> Path:
        return self.code / "deploy" / "offices" / "zollernalbkreis.toml"


@dataclass(frozen=True, slots=True)
class Door:
    """One listener of the proxy, as the crowd knows it."""

    name: str
    url: str


class World:
    """As a context manager it starts the servers as `before` sets them up, and leaves nothing running."""

    def __init__(self, folder: Path, *, before: Version) -> None:
        self.folder = folder
        self._before = before
        self.stack = Stack(folder=folder / "stack", services=())
        self.history = History(folder / "history.jsonl")
        ports = self.stack.ports
        self.mail = MailSink(port=ports.of("mail-sink"))
        self.gateway = SmsGateway(port=ports.of("sms-gateway"))
        self.ports = {name: ports.of(f"proxy-{name}") for name in nginx.LISTENERS.values()}
        self.authority = nginx.certificates(folder)
        self.invented: set[str] = set()
        self.planted: set[str] = set()
        self.poisoned: Counter[str] = Counter()
        self._proxy: subprocess.Popen[bytes] | None = None
        self._open: list[Service] = []

    def __enter__(self) -> Self:
        try:
            self.mail.start()
            self.gateway.start()
            with _deploy_folder(self._before.code / "deploy"):
                self.stack.start()
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
    def doors(self) -> tuple[Door, Door]:
        """Citizens' and staff's."""
        public, staff = (Door(name, f"https://localhost:{self.ports[name]}") for name in ("public", "staff"))
        return public, staff

    def auditor(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(self.stack.secret("admin_mongodb_uri"), tz_aware=True)

    def of_kind(self, kind: str) -> list[Service]:
        return [s for s in self.stack.services.values() if s.kind == kind and s.running]

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def queues(self) -> dict[str, tuple[int, int]]:
        """Messages (those that are not acknowledged included) and consumers by queue."""
        listed = self.stack.rabbitmq.ctl("list_queues", "-q", "-p", VHOST, "name", "messages", "consumers")
        rows = (line.split() for line in listed.splitlines())
        return {row[0]: (int(row[1]), int(row[2])) for row in rows if len(row) == 3 and row[1].isdigit()}

    def begin(self, kind: str, version: Version) -> Service:
        name = f"{kind}-{version.name}"
        return self.stack.start_service(
            kind, name=name, environment=self._settings(kind, version), code=version.code
        )

    def end(self, kind: str, version: Version) -> None:
        """As an operator's SIGTERM: it finishes what it has, and says so by its exit code."""
        self.stack[f"{kind}-{version.name}"].stop()

    def let_in(self, *versions: Version) -> None:
        """From here on the proxy gives requests of citizens and staff to booking of these versions, in turn."""
        self._open = [self.stack[f"booking-{version.name}"] for version in versions]
        ours = {"booking": [service.port for service in self._open], "notification": [1], "reporting": [1]}
        nginx.write(self.folder, ports=self.ports, servers=ours, limits=False)
        if self._proxy is None:
            self._proxy = nginx.start(self.folder)
            eventually(lambda: all(map(answers, self.ports.values())), what="nginx")
        else:
            nginx.reload(self.folder)

    def set_up(self, version: Version) -> None:
        """What an upgrade does first: secrets and users that are new, then queues and bindings."""
        folder, mongodb = str(self.stack.secrets), self.stack.mongod.address
        amqp = f"127.0.0.1:{self.stack.rabbitmq.port}"
        self.run(version, "setup", "secrets", "--folder", folder, "--mongodb", mongodb, "--amqp", amqp)
        self.run(version, "setup", "mongo", "--folder", folder, "--at", mongodb, "--member", mongodb)
        self.stack.rabbitmq.ctl("import_definitions", str(self.stack.secrets / DEFINITIONS))

    def run(self, version: Version, *words: str, codes: Container[int] = (0,)) -> str:
        """`amtstermin …` of this version with all settings, which ends with one of `codes`; what it printed."""
        settings = {**self._settings("booking", version), **self._settings("notification", version)}
        command = [sys.executable, "-m", "shared.cli", *words]
        environment = {**os.environ, "AMTSTERMIN_SECRETS_DIR": str(self.stack.secrets), **settings}
        done = subprocess.run(
            command, cwd=version.code, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode in codes, f"amtstermin {' '.join(words)}: {(done.stdout + done.stderr)[-4000:]}"
        return done.stdout

    def staff_token(self, version: Version) -> str:
        secrets = {"AMTSTERMIN_SECRETS_DIR": str(self.stack.secrets)}
        url = self.stack[f"booking-{version.name}"].url
        settings = {**secrets, **self._settings("booking", version)}
        return staff_token(url, settings, code=version.code)

    def _settings(self, kind: str, version: Version) -> dict[str, str]:
        if kind == "booking":
            offices = write_proof_office(self.folder / f"offices-{version.name}", of=version.office_file)
            return {
                "BOOKING_OFFICES": str(offices),
                "BOOKING_PUBLIC_URL": self.doors[0].url,
                "BOOKING_SWEEP_EVERY": "PT1S",
                # The whole crowd comes from one address.
                "BOOKING_LIMITS": "off",
            }
        if kind == "notification":
            return {
                "NOTIFICATION_SMTP_PORT": str(self.mail.port),
                **self.gateway.settings(self.folder),
                "NOTIFICATION_SEND_TIMEOUT": f"PT{SEND_TIMEOUT_S}S",
            }
        return {}

    def _stop(self) -> None:
        if self._proxy:
            self._proxy.terminate()
            self._proxy.wait(10)
        self.stack.stop()
        self.mail.stop()
        self.gateway.stop()
        self.history.close()


@contextmanager
def _deploy_folder(folder: Path) -> Iterator[None]:
    before = os.environ.get(_DEPLOY)
    os.environ[_DEPLOY] = str(folder)
    try:
        yield
    finally:
        del os.environ[_DEPLOY]
        if before is not None:
            os.environ[_DEPLOY] = before


def of_this_checkout() -> Version:
    return Version("new", ROOT)
