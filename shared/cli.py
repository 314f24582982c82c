"""`amtstermin`: what operators do by hand. Services add their own commands in `services.<name>.cli`."""

import argparse
import asyncio
import getpass
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from shared import doctor, migrating, parking, republish
from shared.observability import configure_logging, get_logger
from shared.replica_set import set_up_mongodb
from shared.settings import SECRETS_DIR
from shared.setup import (
    Addresses,
    Trouble,
    broker_definitions,
    deploy_folder,
    make_secrets,
    operator_amqp_url,
    share_secrets,
)

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main() -> int:
    _find_local_secrets()
    arguments = _parser().parse_args()
    # A command that runs parts of a service keeps their news out of what it prints.
    configure_logging(service="amtstermin", level=getattr(arguments, "log_level", "INFO"))
    try:
        code: int | None = arguments.run(arguments)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code or 0


def _find_local_secrets() -> None:
    """What `make up` made, unless the environment names another folder."""
    for root in (Path.cwd(), Path(__file__).parents[1]):
        folder = root / ".local" / "secrets"
        if folder.is_dir():
            os.environ.setdefault(SECRETS_DIR, str(folder))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="amtstermin",
        description=__doc__,
        epilog=f"Secrets come from the folder that {SECRETS_DIR} names, else from .local/secrets of `make up`.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _register_setup(commands)
    _register_parking(commands)
    republish.register(commands)
    doctor.register(commands)
    migrating.register(commands)
    for register in (*_service_commands(), *_local_commands(), *_commands_of_backups()):
        register(commands)
    return parser


def _service_commands() -> list[Callable[[Commands], Any]]:
    """An image carries one service only; a checkout carries all of them."""
    if importlib.util.find_spec("services") is None:
        return []
    names = [module.name for module in pkgutil.iter_modules(importlib.import_module("services").__path__)]
    modules = [
        f"services.{name}.cli" for name in sorted(names) if importlib.util.find_spec(f"services.{name}.cli")
    ]
    return [importlib.import_module(module).register for module in modules]


def _commands_of_backups() -> list[Callable[[Commands], Any]]:
    """Only the images of services that seal something carry what they are sealed with."""
    if importlib.util.find_spec("nacl") is None:
        return []
    return [importlib.import_module("shared.backup").register]


def _local_commands() -> list[Callable[[Commands], Any]]:
    """What plays with a stack on this machine; no image carries it."""
    name = "deploy.local.simulate.command"
    if importlib.util.find_spec("deploy") is None or importlib.util.find_spec("deploy.local") is None:
        return []
    return [importlib.import_module(name).register]


def _register_setup(commands: Commands) -> None:
    setup = commands.add_parser("setup", help="what a first start needs; may be run again at any time")
    steps = setup.add_subparsers(metavar="STEP", required=True)

    make = steps.add_parser(
        "secrets", help="make passwords and keys where there are none, and RabbitMQ's definitions"
    )
    make.add_argument("--folder", type=Path, required=True, help="where the secrets are kept")
    make.add_argument(
        "--mongodb", required=True, metavar="HOST:PORT[,…]", help="where services reach MongoDB: all members"
    )
    make.add_argument(
        "--amqp", required=True, metavar="HOST:PORT", help="where services reach RabbitMQ: one name for all nodes"
    )
    make.add_argument(
        "--share", type=Path, metavar="FOLDER", help="copy to FOLDER/<container> what only that container needs"
    )
    make.add_argument(
        "--ca", metavar="FILE", help="all connections over TLS: the authority, where services see it"
    )
    make.set_defaults(run=_setup_secrets)

    mongo = steps.add_parser("mongo", help="initiate MongoDB's replica set and create the users")
    mongo.add_argument("--folder", type=Path, required=True, help="where the secrets are kept")
    mongo.add_argument("--at", default="127.0.0.1:27017", metavar="HOST:PORT", help="mongod, over loopback")
    mongo.add_argument(
        "--member",
        dest="members",
        action="append",
        required=True,
        metavar="HOST:PORT",
        help="mongod as services reach it; further ones join it, each with a --member of its own",
    )
    mongo.add_argument("--ca", type=Path, metavar="FILE", help="over TLS: the authority of the certificates")
    mongo.set_defaults(run=_setup_mongo)


def _setup_secrets(arguments: argparse.Namespace) -> None:
    addresses = Addresses(mongodb=arguments.mongodb, amqp=arguments.amqp, ca=arguments.ca)
    make_secrets(folder=arguments.folder, addresses=addresses, deploy=deploy_folder())
    if arguments.share:
        share_secrets(folder=arguments.folder, root=arguments.share)
    print(f"The secrets are in {arguments.folder}.")


def _setup_mongo(arguments: argparse.Namespace) -> None:
    member, *others = arguments.members
    voting = set_up_mongodb(
        address=arguments.at,
        member=member,
        others=others,
        folder=arguments.folder,
        deploy=deploy_folder(),
        ca=arguments.ca,
    )
    print(f"MongoDB is a replica set at {', '.join(arguments.members)} and knows its users.")
    if voting < len(arguments.members):
        print(f"Only {voting} of its members vote so far: the others still copy the data.")


def _register_parking(commands: Commands) -> None:
    top = commands.add_parser("parking", help="messages that could not be handled: look, replay, discard")
    actions = top.add_subparsers(metavar="ACTION", required=True)

    show_all = actions.add_parser("list", help="how many are parked for each queue, or which for one queue")
    show_all.add_argument("queue", nargs="?", help="for example notification.contacts")
    show_all.add_argument("--limit", type=int, default=50, help="at most so many of a queue, oldest first (50)")
    show_all.set_defaults(run=_list)

    show = actions.add_parser("show", help="one message with its error, trace and body (may hold personal data)")
    show.add_argument("queue")
    show.add_argument("id")
    show.set_defaults(run=_show)

    replay = actions.add_parser("replay", help="send messages back to their queue")
    _choose(replay)
    replay.set_defaults(run=_replay)

    discard = actions.add_parser("discard", help="throw messages away; the reason is logged")
    _choose(discard)
    discard.add_argument("--reason", required=True)
    discard.set_defaults(run=_discard)


def _choose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("queue")
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--all", action="store_true", help="every message that is parked for the queue")


def _list(arguments: argparse.Namespace) -> None:
    if arguments.queue is None:
        definitions = broker_definitions(deploy_folder())
        names = [queue["name"] for queue in definitions["queues"] if queue["name"].endswith(parking.SUFFIX)]
        queues = [name.removesuffix(parking.SUFFIX) for name in names]
        for queue, size in asyncio.run(parking.count(url=operator_amqp_url(), queues=queues)).items():
            print(f"{size:>7}  {queue}")
        return
    queue = _work_queue(arguments.queue)
    messages = asyncio.run(parking.browse(url=operator_amqp_url(), queue=queue, limit=arguments.limit))
    for message in messages:
        first_line = next(iter(message.error.splitlines()), "")[:120]
        print(f"{message.id}  {message.at[:19]}  {message.type}  {message.reason}: {first_line}")
    if not messages:
        print(f"Nothing is parked for {queue}.")


def _show(arguments: argparse.Namespace) -> None:
    queue = _work_queue(arguments.queue)
    message = asyncio.run(parking.find(url=operator_amqp_url(), queue=queue, id=arguments.id))
    for name in ("id", "type", "at", "reason", "error"):
        print(f"{name:<8}{getattr(message, name)}")
    if message.trace:
        print(f"\n{message.trace.rstrip()}")
    print(f"\n{message.body.decode(errors='replace')}")


def _replay(arguments: argparse.Namespace) -> int:
    return _deal(arguments, parking.replay, "parked_message_replayed", "sent back to their queue")


def _discard(arguments: argparse.Namespace) -> int:
    return _deal(arguments, parking.discard, "parked_message_discarded", "thrown away", reason=arguments.reason)


def _deal(arguments: argparse.Namespace, action: Any, log_as: str, outcome: str, **why: str) -> int:
    if bool(arguments.ids) == arguments.all:
        raise Trouble("Name the messages by their ids, or say --all.")
    queue = _work_queue(arguments.queue)
    dealt: list[str] = []

    def done(message: parking.Parked) -> None:
        dealt.append(message.id)
        by = getpass.getuser()
        get_logger().info(log_as, queue=queue, message_id=message.id, type=message.type, by=by, **why)

    asyncio.run(action(url=operator_amqp_url(), queue=queue, ids=arguments.ids, done=done))
    print(f"{len(dealt)} {outcome}.")
    return 0


def _work_queue(name: str) -> str:
    return name.removesuffix(parking.SUFFIX)


if __name__ == "__main__":
    sys.exit(main())
