"""`amtstermin backup`, `verify`, `restore`: the command line."""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from shared.backup.dumping import Client, Sources, Target, databases_of, documents_in, dump
from shared.backup.loading import not_empty
from shared.backup.records import Backup, Documents, Secret
from shared.backup.restoring import Report, Servers, Wanted, restore, secrets_of, services
from shared.backup.sealed_file import (
    Wrapping,
    new_identity,
    read_identity,
    read_passphrase,
    read_recipient,
)
from shared.erasure_journal import began
from shared.progress import Progress
from shared.settings import SECRETS_DIR
from shared.setup import Trouble, broker_definitions, database_users, deploy_folder, read_secret

_STAMP = "%Y%m%dT%H%M%SZ"
_SHOWN = 20


def register(commands: Any) -> None:
    """Adds `amtstermin backup-key`, `backup`, `verify` and `restore`."""
    key = commands.add_parser("backup-key", help="make the key pair of backups; keep the file offline")
    key.add_argument("file", type=Path, metavar="FILE", help="where the private key goes")
    key.set_defaults(run=_key)

    backup = commands.add_parser("backup", help="two sealed files of one moment: data, and keys with secrets")
    backup.add_argument("--folder", type=Path, required=True, help="where the files go")
    _sealed_for(backup, "recipient", "public key, or a file with it, as `backup-key` prints it")
    backup.add_argument("--keys-recipient", metavar="KEY", help="another one for the file of keys")
    _keys_at(backup)
    backup.set_defaults(run=_backup)

    verify = commands.add_parser("verify", help="read all of a backup, and say what is in it; needs no server")
    verify.add_argument("files", type=Path, nargs="+", metavar="FILE")
    _sealed_for(verify, "identity", "file with the private key")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(run=_verify)

    back = commands.add_parser("restore", help="bring a backup back, onto empty servers; services are stopped")
    back.add_argument("--data", type=Path, metavar="FILE")
    back.add_argument("--keys", type=Path, metavar="FILE", help="of the same backup, or a later one")
    _sealed_for(back, "identity", "file with the private key")
    back.add_argument("--keys-identity", type=Path, metavar="FILE", help="another one for the file of keys")
    back.add_argument("--secrets-to", type=Path, metavar="FOLDER", help="write the secrets of --keys, and stop")
    back.add_argument("--keep-keys", action="store_true", help="the key databases have survived: leave them")
    back.add_argument("--journal", type=Path, action="append", default=[], metavar="FILE", help="of erasures")
    back.add_argument("--without-journal", action="store_true", help="the one that is configured is lost: go on")
    back.add_argument("--replace", action="store_true", help="give up what is in the databases")
    back.add_argument("--report", type=Path, metavar="FILE", help="all that was found, as JSON")
    _keys_at(back)
    back.set_defaults(run=_restore)


def _sealed_for(parser: argparse.ArgumentParser, name: str, help: str) -> None:
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument(f"--{name}", metavar="KEY", help=help)
    who.add_argument("--passphrase-file", type=Path, metavar="FILE", help="instead, a passphrase")


def _keys_at(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keys-at", type=Path, metavar="FILE", help="URI of another server that has the key databases"
    )


def _key(arguments: argparse.Namespace) -> None:
    print(new_identity(arguments.file))
    print(
        f"This is the public key, for `amtstermin backup --recipient`. {arguments.file} opens every "
        "backup made for it: keep it away from this host, and not in one place only.",
        file=sys.stderr,
    )


def _backup(arguments: argparse.Namespace) -> None:
    wrapping = _wrapping(arguments, "recipient")
    of_keys = read_recipient(arguments.keys_recipient) if arguments.keys_recipient else wrapping
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = folder / f"amtstermin-{datetime.now(UTC):{_STAMP}}"
    data, keys = Target(Path(f"{name}.data"), wrapping), Target(Path(f"{name}.keys"), of_keys)
    with _clients("backup", arguments.keys_at) as (client, keys_client):
        databases = databases_of(database_users(deploy_folder()))
        sources = Sources(data=client, keys=keys_client, databases=databases, secrets=_secrets())
        bar = Progress("documents", total=documents_in(sources))
        contents = dump(sources, data=data, keys=keys, progress=bar.add)
        bar.end()
    print(f"{data.path}\n{keys.path}\nEverything as of {contents.taken_at:%Y-%m-%d %H:%M:%S} UTC.")


def _verify(arguments: argparse.Namespace) -> None:
    found = [_read_all(path, _wrapping(arguments, "identity")) for path in arguments.files]
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for one in found:
        print(f"{one['file']}: {one['kind']} as of {one['taken_at']}, whole.")
        for name, count in one["collections"].items():
            print(f"{count:>10}  {name}")
        if one["secrets"]:
            print(f"{len(one['secrets']):>10}  secrets: {', '.join(one['secrets'])}")


def _read_all(path: Path, wrapping: Wrapping) -> dict[str, Any]:
    backup = Backup(path, wrapping=wrapping)
    counts = dict.fromkeys(backup.contents.collections, 0)
    secrets = []
    bar = Progress("documents")
    for part in backup.parts():
        if isinstance(part, Documents):
            counts[part.collection] += len(part.documents)
            bar.add(len(part.documents))
        elif isinstance(part, Secret):
            secrets.append(part.name)
    bar.end()
    said = {"file": str(path), "kind": backup.contents.kind, "taken_at": backup.contents.taken_at.isoformat()}
    return {**said, "bytes": backup.size, "collections": counts, "secrets": secrets}


def _restore(arguments: argparse.Namespace) -> None:
    of_keys = read_identity(arguments.keys_identity) if arguments.keys_identity else None
    wrapping = _wrapping(arguments, "identity")
    keys = Backup(arguments.keys, wrapping=of_keys or wrapping) if arguments.keys else None
    if arguments.secrets_to:
        _restore_secrets(keys, arguments)
        return
    if arguments.data is None:
        raise Trouble("Name the file of data with --data, or where the secrets go with --secrets-to.")
    if keys and arguments.keep_keys:
        raise Trouble("--keys and --keep-keys exclude each other.")
    _check_services()
    data = Backup(arguments.data, wrapping=wrapping)
    wanted = Wanted(
        data=data,
        secrets=_secrets(),
        keys=keys,
        keep_keys=arguments.keep_keys,
        journals=_journals(arguments, data),
        replace=arguments.replace,
    )
    with _clients("admin", arguments.keys_at) as (client, keys_client):
        if arguments.keep_keys and not not_empty(keys_client, ["booking_keys"]):
            raise Trouble("--keep-keys, but there are no keys: name their file with --keys.")
        bar = Progress("documents")
        servers = Servers(data=client, keys=keys_client, broker=_admin_amqp_url(), queues=_work_queues())
        report = restore(wanted, servers, progress=bar.add)
        bar.end()
    if arguments.report:
        arguments.report.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    _tell(report, wanted)


def _restore_secrets(keys: Backup | None, arguments: argparse.Namespace) -> None:
    if keys is None:
        raise Trouble("The secrets stand in the file of keys: name it with --keys.")
    names = secrets_of(keys, arguments.secrets_to, replace=arguments.replace)
    print(f"{len(names)} secrets are in {arguments.secrets_to}. Now `amtstermin setup secrets`, then the servers.")


def _check_services() -> None:
    found = services()
    if len(found) < len(("booking", "notification", "reporting")):
        raise Trouble("A restore needs all three services where it runs, as in a checkout or the image `tools`.")
    for service in found:
        if check := getattr(service, "check", None):
            check()


def _journals(arguments: argparse.Namespace, data: Backup) -> list[Path]:
    """Those that are named, and the configured one: an empty host must not forget whom it has to erase."""
    journals: list[Path] = list(arguments.journal)
    for service in services():
        own = service.journal() if hasattr(service, "journal") else None
        if own is None or arguments.without_journal or own.resolve() in {path.resolve() for path in journals}:
            continue
        begun = began(own)
        if begun is not None and begun <= data.contents.taken_at:
            journals.append(own)
        elif not journals:
            what = "is not here" if begun is None else "is newer than the backup"
            raise Trouble(
                f"The journal of erasures {own} {what}: bring it back, or name a copy with --journal. "
                "Where it is lost, say --without-journal: whoever was erased since the backup is back then."
            )
    return journals


def _tell(report: Report, wanted: Wanted) -> None:
    done = report.restore
    print(f"{report.documents} documents as of {report.taken_at:%Y-%m-%d %H:%M:%S} UTC are back.")
    if not done.with_keys:
        print("Without keys nobody can be written to or shown: restore again with --keys where you have them.")
    print(report.erasures)
    print(f"{len(done.reerased)} persons were erased again, or their time is over.")
    print(f"{report.emptied} messages of the lost time were taken out of RabbitMQ.")
    for reason in report.away:
        print(f"Could not be asked for what happened after the backup: {reason}.")
    lost = "bookings were lost" + (", and maybe more" if report.away or not report.asked else "")
    _tell_some(lost, [f"{s.starts_at:%Y-%m-%d %H:%M} UTC {_about(s)}" for s in report.lost])
    changed = [f"{s.starts_at:%Y-%m-%d %H:%M} UTC {_about(s)}" for s in report.changed]
    _tell_some("went on after the backup, which is not known any more", changed)
    withheld = [f"{w['due_at'][:16]} {w['purpose']} by {w['channel']} ({w['appointment']})" for w in done.withheld]
    _tell_some("messages may have gone out or not, and are not sent", withheld)
    for note in done.notes:
        print(note)
    if not report.asked:
        print("Nothing survived that could say what was booked after the backup.")


def _about(seen: Any) -> str:
    return f"{seen.office} {seen.service}: last {seen.status}, known by {seen.by} ({seen.appointment})"


def _tell_some(what: str, lines: list[str]) -> None:
    print(f"{len(lines)} {what}{':' if lines else '.'}")
    for line in lines[:_SHOWN]:
        print(f"  {line}")
    if len(lines) > _SHOWN:
        print("  … all of them in --report")


def _wrapping(arguments: argparse.Namespace, name: str) -> Wrapping:
    if arguments.passphrase_file:
        return read_passphrase(arguments.passphrase_file)
    key: str = getattr(arguments, name)
    return read_recipient(key) if name == "recipient" else read_identity(Path(key))


@contextmanager
def _clients(user: str, keys_at: Path | None) -> Iterator[tuple[Client, Client]]:
    uri = read_secret(_secrets(), f"{user}_mongodb_uri")
    client = _connect(uri)
    keys_client = _connect(keys_at.read_text().strip()) if keys_at else client
    try:
        yield client, keys_client
    except PyMongoError as error:
        raise Trouble(f"MongoDB does not do what was asked ({error}).") from error
    finally:
        client.close()
        keys_client.close()


def _connect(uri: str) -> Client:
    return MongoClient(uri, tz_aware=True, w="majority", serverSelectionTimeoutMS=5000)


def _secrets() -> Path:
    folder = os.environ.get(SECRETS_DIR)
    if not folder:
        raise Trouble(f"No secrets found: let {SECRETS_DIR} name their folder, or start the stack with `make up`.")
    return Path(folder)


def _admin_amqp_url() -> str:
    return read_secret(_secrets(), "admin_amqp_url")


def _work_queues() -> list[str]:
    """Work and retries, which are of the lost time; what is parked waits for a person."""
    names = [queue["name"] for queue in broker_definitions(deploy_folder())["queues"]]
    return [name for name in names if not name.endswith(".parking")]
