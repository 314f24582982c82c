"""`amtstermin doctor`: looks at the configuration and at what runs, and says what to do."""

import argparse
import importlib
import importlib.util
import json
import logging
import os
import pkgutil
import shlex
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.doctor import certificates, definitions, host, mongodb, rabbitmq, secrets
from shared.doctor.findings import Finding, Level, worst
from shared.settings import SECRETS_DIR
from shared.setup import Trouble, broker_definitions, database_users, deploy_folder, read_secret

Examination = Callable[[], Iterator[Finding]]


def register(commands: Any) -> None:
    """Adds `amtstermin doctor`."""
    doctor = commands.add_parser(
        "doctor",
        help="is all well? exit codes as Nagios has them: 0 yes, 1 look at it, 2 mend it now, 3 not known",
    )
    doctor.add_argument("--json", action="store_true", help="one object for each check")
    doctor.add_argument(
        "--rabbitmqctl",
        default="rabbitmqctl",
        metavar="COMMAND",
        help='how to run it, as "docker compose exec -T rabbitmq rabbitmqctl"',
    )
    doctor.add_argument(
        "--definitions",
        type=argparse.FileType(),
        metavar="FILE",
        help="instead, what `rabbitmqctl -q export_definitions -` prints; - reads it from standard input",
    )
    # What services or libraries have to say would come before the line that a monitor reads.
    doctor.set_defaults(run=_doctor, log_level="CRITICAL")


def _doctor(arguments: argparse.Namespace) -> int:
    folder = Path(os.environ.get(SECRETS_DIR, ""))
    if not os.environ.get(SECRETS_DIR) or not folder.is_dir():
        raise Trouble(f"No secrets found: let {SECRETS_DIR} name their folder.")
    logging.disable()
    exported = arguments.definitions.read() if arguments.definitions else None
    findings = list(examine(folder, ctl=shlex.split(arguments.rabbitmqctl), exported=exported))
    level = worst(findings)
    if arguments.json:
        print(json.dumps([{**asdict(finding), "level": finding.level.name} for finding in findings], indent=1))
        return level.value
    wrong = [finding for finding in findings if finding.level is not Level.OK]
    print(f"{level.name}: {', '.join(f.check for f in wrong) or f'{len(findings)} checks, all is well'}")
    for finding in findings:
        print(f"{finding.level.name:<9}{finding.check}: {finding.said}")
        if finding.do and finding.level is not Level.OK:
            print(f"{'':<9}  {finding.do}")
    return level.value


def examine(folder: Path, *, ctl: list[str], exported: str | None = None) -> Iterator[Finding]:
    """Every examination runs, whatever the one before it met. `exported` are definitions, else `ctl` is asked."""
    for name, examination in _examinations(folder, ctl, exported):
        try:
            yield from examination()
        except Exception as error:
            do = "This is a fault of the examination, or of what it looked at: tell us."
            yield Finding(name, Level.UNKNOWN, f"{type(error).__name__}: {error!s:.200}", do)


def _examinations(folder: Path, ctl: list[str], exported: str | None) -> Iterator[tuple[str, Examination]]:
    deploy = deploy_folder()
    wanted, users = broker_definitions(deploy), database_users(deploy)
    databases = sorted({role["db"] for user in users["users"] for role in user["roles"]} - {"admin"})
    yield "secrets", lambda: secrets.examine(folder, deploy)
    yield (
        "mongodb",
        lambda: mongodb.examine(read_secret(folder, "admin_mongodb_uri"), users=users, databases=databases),
    )
    yield (
        "rabbitmq",
        lambda: rabbitmq.examine(read_secret(folder, "admin_amqp_url"), definitions=wanted),
    )
    if exported is None:
        yield "definitions", lambda: definitions.examine(ctl, wanted=wanted)
    else:
        yield "definitions", lambda: definitions.examine_exported(exported, wanted=wanted)
    yield "certificates", lambda: _certificates(folder)
    yield "tzdata", lambda: iter((host.time_zones(),))
    for module in _services():
        yield module.__name__.split(".")[1], module.examine


def _certificates(folder: Path) -> Iterator[Finding]:
    yield certificates.of_uri("mongodb_tls", read_secret(folder, "admin_mongodb_uri"))
    yield certificates.of_uri("rabbitmq_tls", read_secret(folder, "admin_amqp_url"))


def _services() -> list[Any]:
    """The module `doctoring` of each service that is installed here: what only it knows how to reach."""
    if importlib.util.find_spec("services") is None:
        return []
    found = importlib.import_module("services").__path__
    names = [f"services.{module.name}.doctoring" for module in pkgutil.iter_modules(found)]
    return [importlib.import_module(name) for name in names if importlib.util.find_spec(name)]
