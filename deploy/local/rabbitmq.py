"""RabbitMQ from the distribution's package as a private node, beside whatever else runs on the machine."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.ports import Ports, answers
from deploy.local.process import Process
from shared.setup import DEFINITIONS, Trouble, deploy_folder


class RabbitMQ(Process):
    """The distribution's package as a private node: own name, ports, cookie, port mapper and data."""

    start_within = 90.0
    stop_within = 30.0

    def __init__(self, *, folder: Path, secrets: Path, ports: Ports, tls: Path | None = None) -> None:
        super().__init__(name="RabbitMQ", log=folder / "log" / "rabbitmq.log")
        self.port = ports.of("rabbitmq")
        self._distribution_port = ports.of("rabbitmq-distribution")
        self._folder = folder / "rabbitmq"
        self._secrets = secrets
        self._tls = tls
        self._epmd = _PortMapper(port=ports.of("epmd"), log=folder / "log" / "epmd.log")

    def command(self) -> Sequence[str | Path]:
        return [_slim_home(self._folder) / "sbin" / "rabbitmq-server"]

    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._epmd.port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": str(self._folder / "erl_crash.dump"),
            "RABBITMQ_SCRIPTS_DIR": str(self._folder / "home" / "sbin"),
            "RABBITMQ_NODENAME": "amtstermin@localhost",
            # They would open a listener without TLS, whatever the configuration says.
            **(
                {}
                if self._tls
                else {"RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port)}
            ),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(deploy_folder() / "rabbitmq" / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self._folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._folder / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self._folder / "config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            # With "input allowed" the start script becomes the node instead of a shell around it, so that
            # killing and freezing meet the node itself; -noinput then takes the input away again.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def start(self) -> None:
        (self._folder / "conf.d").mkdir(parents=True, exist_ok=True)
        (self._folder / "rabbitmq-env.conf").touch()
        (self._folder / "enabled_plugins").write_text("[].\n")
        (self._folder / "conf.d" / "10-local.conf").write_text(
            f"definitions.import_backend = local_filesystem\n"
            f"definitions.local.path = {self._secrets / DEFINITIONS}\n"
            # The disk is the developer's; the alarm for a server's disk would only stop the stack.
            "disk_free_limit.absolute = 50MB\n"
        )
        if self._tls:
            (self._folder / "conf.d" / "20-tls.conf").write_text(self._over_tls(self._tls))
        if not self._epmd.running:
            self._epmd.start()
            self._epmd.wait_until_ready()
        super().start()

    def ready(self) -> bool:
        """The listener opens last, when the definitions are loaded."""
        if self._tls:
            return answers(self.port)
        with socket.socket() as probe:
            probe.settimeout(2)
            try:
                probe.connect(("127.0.0.1", self.port))
                probe.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(probe.recv(1))
            except OSError:
                return False

    def _over_tls(self, folder: Path) -> str:
        """The file of a production install, with this machine's port and files."""
        text = (deploy_folder() / "production" / "rabbitmq.conf").read_text()
        text = text.replace("default = 5671", f"default = 127.0.0.1:{self.port}")
        return text.replace("/run/tls/server.pem", f"{folder}/rabbitmq.pem").replace("/run/tls", str(folder))

    def stop(self) -> None:
        super().stop()
        self._epmd.stop()

    def wipe(self) -> None:
        """What a lost disk leaves: nothing. Only while it is stopped."""
        if self.running:
            raise Trouble("RabbitMQ runs: stop it before its data is wiped.")
        shutil.rmtree(self._folder / "mnesia", ignore_errors=True)

    def ctl(self, *arguments: str) -> str:
        """rabbitmqctl on this node, for what only the broker itself can tell or do."""
        done = subprocess.run(
            [_package_home() / "sbin" / "rabbitmqctl", *arguments],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise Trouble(f"rabbitmqctl {arguments[0]} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout


def package_version() -> str:
    return _package_home().name.partition("-")[2]


def _package_home() -> Path:
    homes = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"))
    if not homes or not (homes[-1] / "sbin" / "rabbitmq-server").exists():
        raise Trouble(
            "RabbitMQ is not installed: run `make setup` as root, or `apt-get install rabbitmq-server` yourself."
        )
    return homes[-1]


def _slim_home(folder: Path) -> Path:
    """The package without the plugins that the node does not need, as links. A starting node looks for every
    module in every plugin's folder; with 60 of them it takes 11 s instead of 5."""
    package, home = _package_home(), folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    (home / "plugins").mkdir(parents=True)
    for name in ("sbin", "escript"):
        (home / name).symlink_to(package / name)
    applications = {path.name.split("-")[0]: path for path in (package / "plugins").glob("*-*")}
    needed, found = {"rabbit"}, set[str]()
    while needed:
        name = needed.pop()
        found.add(name)
        (home / "plugins" / applications[name].name).symlink_to(applications[name])
        needed |= (_applications_below(applications[name] / "ebin" / f"{name}.app") & set(applications)) - found
    return home


def _applications_below(description: Path) -> set[str]:
    listed = re.search(r"\{applications,\s*\[([^\]]*)\]", description.read_text())
    return {name.strip(" \n\t'") for name in listed[1].split(",")} if listed else set()


class _PortMapper(Process):
    """Erlang's epmd in the foreground. Left to itself a node starts one that outlives it, on everybody's port."""

    def __init__(self, *, port: int, log: Path) -> None:
        super().__init__(name="epmd", log=log)
        self.port = port

    def command(self) -> Sequence[str | Path]:
        return ["epmd", "-port", str(self.port), "-address", "127.0.0.1"]

    def ready(self) -> bool:
        return answers(self.port)
