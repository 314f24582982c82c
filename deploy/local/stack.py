"""Everything together: servers, mail catcher and services, started in order and stopped in the reverse order."""

import fcntl
import http.client
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.local.ports import Ports
from deploy.local.process import ROOT, Process
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.servers import MailCatcher, Mongod
from shared.phones import COUNTRIES
from shared.setup import STAFF_KEYS, Addresses, Trouble, deploy_folder, make_secrets, read_secret

SERVICES = ("booking", "notification", "reporting")


class Service(Process):
    """One process of a service; several may run beside each other under different names."""

    stop_within = 35.0

    def __init__(
        self,
        *,
        kind: str,
        name: str,
        module: str,
        port: int,
        log: Path,
        environment: Mapping[str, str],
        code: Path = ROOT,
    ) -> None:
        super().__init__(name=name, log=log)
        self.folder = code
        self.kind = kind
        self.module = module
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {**environment, f"{kind.upper()}_PORT": str(port)}

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", self.module]

    def environment(self) -> Mapping[str, str]:
        return self._environment

    def ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Stack:
    """A private Amtstermin below `folder`, for one start and stop. As a context manager it leaves nothing running.

    `services` are the kinds that `start` starts, one process each; `environment` goes to every service
    process; `ports` are ports that must be had, by name; `mongod` are more options of the database;
    with `tls`, a folder that deploy/production/certificates.sh has filled, the servers speak nothing but TLS.
    """

    def __init__(
        self,
        *,
        folder: Path,
        services: Sequence[str] = SERVICES,
        environment: Mapping[str, str] | None = None,
        ports: dict[str, int] | None = None,
        mongod: Sequence[str] = (),
        tls: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.folder)
        self.ports = Ports(file=self.folder / "ports.json", fixed=ports)
        self._environment = dict(environment or {})
        self.secrets = self.folder / "secrets"
        self.sms_file = self.folder / "sms.jsonl"
        self.mongod = Mongod(folder=self.folder, secrets=self.secrets, ports=self.ports, options=mongod, tls=tls)
        self.rabbitmq = RabbitMQ(folder=self.folder, secrets=self.secrets, ports=self.ports, tls=tls)
        self._ca = str(tls / "ca.pem") if tls else None
        self.mail = MailCatcher(folder=self.folder, ports=self.ports)
        self.services: dict[str, Service] = {}
        for kind in services:
            self._add(kind, kind, {})

    @property
    def servers(self) -> list[Process]:
        return [self.mongod, self.rabbitmq, self.mail]

    @property
    def processes(self) -> list[Process]:
        return [*self.servers, *self.services.values()]

    @property
    def addresses(self) -> dict[str, str]:
        return {name: service.url for name, service in self.services.items()}

    def secret(self, name: str) -> str:
        """For example `admin_mongodb_uri` or `booking_amqp_url`."""
        return read_secret(self.secrets, name)

    @property
    def reader(self) -> dict[str, str]:
        """The header that lets somebody read all of reporting's figures."""
        return {"Authorization": f"Bearer {self.secret(STAFF_KEYS)}"}

    def __getitem__(self, name: str) -> Service:
        return self.services[name]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when every server and service is ready; stops all of them again where one is not."""
        try:
            self._start_servers()
            for service in self.services.values():
                service.start()
            _all_at_once([service.wait_until_ready for service in self.services.values()])
            self._write_addresses()
        except BaseException:
            self.stop()
            raise

    def start_service(
        self,
        kind: str,
        *,
        name: str,
        environment: Mapping[str, str] | None = None,
        module: str | None = None,
        code: Path = ROOT,
        wait: bool = True,
    ) -> Service:
        """One more process of a service, with settings of its own; `name` tells it from its siblings.

        `module` is run in place of the service's own, for one that adds something to it; `code` is the checkout of
        another version to run it from.
        """
        service = self._add(kind, name, environment or {}, module, code)
        service.start()
        if wait:
            service.wait_until_ready()
        return service

    def stop(self) -> None:
        """Services first, so that they can finish and publish what they hold."""
        with suppress(FileNotFoundError):
            (self.folder / "addresses.json").unlink()
        try:
            _all_at_once([service.stop for service in self.services.values()])
        finally:
            _all_at_once([server.stop for server in self.servers])
            self._lock.close()

    def _start_servers(self) -> None:
        addresses = Addresses(mongodb=self.mongod.address, amqp=f"127.0.0.1:{self.rabbitmq.port}", ca=self._ca)
        make_secrets(folder=self.secrets, addresses=addresses, deploy=deploy_folder())
        if "booking" in self.services:
            # Where the command line finds it too: republished contacts carry links.
            (self.secrets / "booking_public_url").write_text(self.services["booking"].url)
        for server in self.servers:
            server.start()
        _all_at_once([self._wait_for_mongod, self.rabbitmq.wait_until_ready, self.mail.wait_until_ready])

    def _wait_for_mongod(self) -> None:
        self.mongod.wait_until_ready()
        self.mongod.set_up()

    def _add(
        self,
        kind: str,
        name: str,
        environment: Mapping[str, str],
        module: str | None = None,
        code: Path = ROOT,
    ) -> Service:
        port = self.ports.of(name)
        everywhere = self._settings(kind, port)
        self.services[name] = Service(
            kind=kind,
            name=name,
            module=module or f"services.{kind}",
            port=port,
            log=self.folder / "log" / f"{name}.log",
            environment={**everywhere, **self._environment, **environment},
            code=code,
        )
        return self.services[name]

    def _settings(self, kind: str, port: int) -> dict[str, str]:
        settings = {
            "AMTSTERMIN_SECRETS_DIR": str(self.secrets),
            f"{kind.upper()}_HOST": "127.0.0.1",
        }
        if kind == "booking":
            # One public address for all processes of booking, as behind a proxy: the first one's.
            first = self.services["booking"].port if "booking" in self.services else port
            settings["BOOKING_PUBLIC_URL"] = f"http://127.0.0.1:{first}"
            settings["BOOKING_ERASURE_JOURNAL"] = str(self.folder / "erasures")
            settings["BOOKING_OFFICES"] = str(ROOT / "deploy" / "offices")
            settings["BOOKING_SMS_COUNTRIES"] = ",".join(COUNTRIES)
        if kind == "notification":
            settings["NOTIFICATION_SMTP_HOST"] = "127.0.0.1"
            settings["NOTIFICATION_SMTP_PORT"] = str(self.mail.port)
            settings["NOTIFICATION_SMTP_TLS"] = "none"
            settings["NOTIFICATION_SENDER"] = "termine@amtstermin.example"
            settings["NOTIFICATION_TRAINING_MAIL"] = '{"zollernalbkreis-uebung": "uebung@amtstermin.example"}'
            settings["NOTIFICATION_SMS"] = f"file:{self.sms_file}"
            # Nobody sleeps here, and tests run at any hour.
            settings["NOTIFICATION_QUIET_HOURS"] = "off"
        return settings

    def _write_addresses(self) -> None:
        fresh = self.folder / ".addresses.json"
        fresh.write_text(json.dumps(self.addresses, indent=1) + "\n")
        fresh.replace(self.folder / "addresses.json")


def _lock(folder: Path) -> IO[str]:
    """Held until the stack stops, or until its process ends in whatever way."""
    file = (folder / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Trouble(
            f"Another stack runs on {folder} already: use that one, or stop it with Ctrl-C where it was started."
        ) from error
    return file


def _all_at_once(tasks: Sequence[Callable[[], None]]) -> None:
    """Runs every task to its end, then raises what the first failing one raised."""
    with ThreadPoolExecutor(max_workers=max(len(tasks), 1)) as pool:
        running = [pool.submit(task) for task in tasks]
    for task in running:
        task.result()
