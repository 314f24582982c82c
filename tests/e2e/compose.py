"""Amtstermin in containers: each stack is a Compose project of its own, and all share one set of images."""

import mailbox
import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from deploy.local.ports import is_free
from tests.citizen import Mailbox

ROOT = Path(__file__).parents[2]
BASE = "docker-compose.yml"
PUBLIC_IMAGES = ("python:3.13-slim", "rabbitmq:4-management", "mongo:8")
OWN_IMAGES = ("booking", "notification", "reporting", "mail", "tools")
# What a developer's shell sets for another stack must not reach this one.
SETTINGS = ("AMTSTERMIN_", "BOOKING_", "COMPOSE_", "MONGODB_", "NOTIFICATION_", "REPORTING_")
CAUGHT = "/var/lib/amtstermin/mail"


class Compose:
    """One project, from `files`, with the images of `tag`. `processes` says how many of a service get a port."""

    def __init__(
        self,
        folder: Path,
        *,
        tag: str,
        processes: Mapping[str, int],
        files: Sequence[str] = (BASE,),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.project = f"amtstermin-test-{uuid4().hex[:8]}"
        self.tag = tag
        self._files = [argument for file in files for argument in ("--file", file)]
        self._folder = folder / "mail"
        mailbox.Maildir(self._folder)
        self.mailbox = Mailbox(self._folder)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        self._environment = {
            **inherited,
            "AMTSTERMIN_TAG": tag,
            "BOOKING_PUBLIC_URL": "https://termine.example.org",
            # A crowd that comes from one address.
            "BOOKING_LIMITS": "off",
            # What is tested by day must hold by night.
            "NOTIFICATION_QUIET_HOURS": "off",
            "NOTIFICATION_REMINDERS": "off",
            **_ports(processes),
            **(settings or {}),
        }

    def run(
        self, *arguments: str, within: float = 60, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """`given` goes to its standard input."""
        options = [*self._files, "--project-name", self.project, "--env-file", os.devnull]
        return subprocess.run(
            ["docker", "compose", *options, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
            input=given,
        )

    def __call__(self, *arguments: str, within: float = 60) -> str:
        done = self.run(*arguments, within=within)
        assert done.returncode == 0, (
            f"docker compose {' '.join(arguments)}:\n{(done.stdout + done.stderr)[-4000:]}"
        )
        return done.stdout

    def url(self, service: str, *, process: int = 1) -> str:
        return f"http://{self('port', '--index', str(process), service, '8000').strip()}"

    def fetch_mails(self) -> Mailbox:
        self("cp", f"mail:{CAUGHT}/new", str(self._folder))
        return self.mailbox

    def start(self, *options: str) -> None:
        try:
            self("up", "--wait", "--wait-timeout", "300", *options, within=400)
        except (AssertionError, subprocess.TimeoutExpired):
            print(self.state())
            raise

    def state(self) -> str:
        return self("ps", "--all") + self("logs", "--no-color", "--tail", "40")

    def remove(self) -> None:
        self("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "30", within=180)


def engine(*arguments: str, within: float = 60) -> str | None:
    """What `docker` answered, or None where it failed."""
    done = subprocess.run(
        ["docker", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=within,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout if done.returncode == 0 else None


def why_not() -> str | None:
    """What is missing to run in containers here, or None."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    if engine("info") is None:
        return "`docker info` fails: no container engine answers"
    if engine("compose", "version") is None:
        return "`docker compose version` fails: Compose is not installed"
    for image in PUBLIC_IMAGES:
        if engine("image", "inspect", image) is None and engine("pull", image, within=600) is None:
            return f"the engine has no image {image} and cannot pull it"
    return None


@contextmanager
def own_images(folder: Path) -> Iterator[str]:
    """Builds them from this checkout; their tag."""
    tag = f"test-{uuid4().hex[:8]}"
    try:
        Compose(folder, tag=tag, processes={})("build", within=1200)
        yield tag
    finally:
        for name in OWN_IMAGES:
            engine("image", "rm", "--force", f"amtstermin/{name}:{tag}")


def _ports(processes: Mapping[str, int]) -> dict[str, str]:
    """The settings that give each service as many ports in a row as it has processes."""
    first = _free_ports(sum(processes.values()))
    settings = {}
    for service, count in processes.items():
        last = first + count - 1
        settings[f"{service.upper()}_PORT"] = str(first) if count == 1 else f"{first}-{last}"
        first = last + 1
    return settings


def _free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = random.randint(15_000, 31_000)  # noqa: S311 (a port, not a secret)
        if all(is_free(port) for port in range(first, first + count)):
            return first
