"""MongoDB and a mail server that keeps what it gets, as private processes below one folder."""

import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from deploy.local.ports import Ports, answers
from deploy.local.process import Process
from shared.replica_set import set_up_mongodb
from shared.setup import KEYFILE, Trouble, database_users, deploy_folder


class Mongod(Process):
    """A replica set of one with access control, its data and port kept from one start to the next."""

    def __init__(
        self,
        *,
        folder: Path,
        secrets: Path,
        ports: Ports,
        name: str = "mongod",
        options: Sequence[str] = (),
        tls: Path | None = None,
    ) -> None:
        super().__init__(name=name, log=folder / "log" / f"{name}.log")
        self._options = [*options, *_over_tls(tls)] if tls else options
        self._ca = tls / "ca.pem" if tls else None
        self.port = ports.of(name)
        self.address = f"127.0.0.1:{self.port}"
        self._data = folder / name
        self._secrets = secrets

    def command(self) -> Sequence[str | Path]:
        self._data.mkdir(parents=True, exist_ok=True)
        return [
            find_mongod(),
            *("--dbpath", self._data, "--port", str(self.port), "--bind_ip", "127.0.0.1"),
            *("--replSet", database_users(deploy_folder())["replica_set"], "--oplogSize", "256"),
            *("--auth", "--keyFile", self._secrets / KEYFILE, "--nounixsocket"),
            # Several stacks share a developer's machine; the default takes half of its memory.
            *("--wiredTigerCacheSizeGB", "1", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            *self._options,
        ]

    def ready(self) -> bool:
        return answers(self.port)

    def set_up(self) -> None:
        set_up_mongodb(
            address=self.address, member=self.address, folder=self._secrets, deploy=deploy_folder(), ca=self._ca
        )


def _over_tls(folder: Path) -> list[str]:
    """As deploy/production says it to the container."""
    files = ("--tlsCertificateKeyFile", str(folder / "mongodb.pem"), "--tlsCAFile", str(folder / "ca.pem"))
    return ["--tlsMode", "requireTLS", *files, "--tlsAllowConnectionsWithoutCertificates"]


def find_mongod() -> Path:
    """The one in PATH, else the one that a development dependency carries."""
    found = shutil.which("mongod")
    if found:
        return Path(found)
    spec = find_spec("fiftyone")
    for folder in spec.submodule_search_locations or [] if spec else []:
        mongod = Path(folder) / "db" / "bin" / "mongod"
        if mongod.is_file():
            mongod.chmod(0o755)
            return mongod
    raise Trouble(
        f"There is no mongod in PATH, and the packaged one is for Linux on x86-64, not for {sys.platform} on "
        f"{platform.machine()}: install MongoDB 6 or later so that `mongod --version` works, then try again."
    )


class MailCatcher(Process):
    """An SMTP server that puts every mail into a Maildir."""

    def __init__(self, *, folder: Path, ports: Ports) -> None:
        super().__init__(name="mail catcher", log=folder / "log" / "mail.log")
        self.port = ports.of("smtp")
        self.maildir = folder / "mail"

    def command(self) -> Sequence[str | Path]:
        address = f"127.0.0.1:{self.port}"
        handler = ("-c", "aiosmtpd.handlers.Mailbox", self.maildir)
        return [sys.executable, "-W", "ignore", "-m", "aiosmtpd", "-n", "-u", "-l", address, *handler]

    def ready(self) -> bool:
        return answers(self.port)
