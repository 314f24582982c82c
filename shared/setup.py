"""What a first start needs: secrets made once, and the broker's definitions with them.

Used by the local stack and by a one-shot container alike. Everything may be run again: what is there stays.
"""

import base64
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from shared.settings import SECRETS_DIR

VHOST = "amtstermin"
DEFINITIONS = "rabbitmq_definitions.json"
KEYFILE = "mongodb_keyfile"
SIGNING_KEYS = "booking_signing_keys"
CONTACT_KEYS = "booking_contact_keys"
CONTACT_PUBLIC_KEYS = "booking_contact_public_keys"
CONTACT_PRIVATE_KEYS = "notification_contact_private_keys"
ERLANG_COOKIE = "erlang_cookie"
STAFF_KEYS = "reporting_staff_keys"
REPORTING_KEYS = (STAFF_KEYS, "reporting_operator_keys")

# The user id of mongod in the public image; mongod refuses a key file that others may read.
_MONGOD_UID = 999
# As the Dockerfile has it.
_OUR_UID = 10001


class Trouble(Exception):
    """Shown to a person as it is: one sentence that says what is wrong and what to do about it."""


@dataclass(frozen=True)
class Addresses:
    """Where the services reach the servers, as host:port; several members of a replica set with commas between.

    Of several brokers `amqp` is a name that stands for all of them: clients connect to one that answers.
    `ca` is the file, where the services see it, of the authority whose certificates the servers have: then all
    connections are TLS, and a server that has none of its certificates is refused.
    """

    mongodb: str
    amqp: str
    ca: str | None = None


def deploy_folder() -> Path:
    """The data that says which users, rights and queues there are; AMTSTERMIN_DEPLOY_DIR names another one."""
    folder = Path(os.environ.get("AMTSTERMIN_DEPLOY_DIR") or Path(__file__).parents[1] / "deploy")
    if not (folder / "rabbitmq" / "definitions.json").is_file():
        raise Trouble(f"There is no rabbitmq/definitions.json in {folder}: let AMTSTERMIN_DEPLOY_DIR name it.")
    return folder


def broker_definitions(deploy: Path) -> dict[str, Any]:
    return _read_json(deploy / "rabbitmq" / "definitions.json")


def database_users(deploy: Path) -> dict[str, Any]:
    return _read_json(deploy / "mongo" / "users.json")


def make_secrets(*, folder: Path, addresses: Addresses, deploy: Path) -> None:
    """Fills `folder`. Passwords and keys are made once; what follows from them is renewed with the addresses."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_passwords(folder, deploy)
        _write_addresses(folder, addresses, deploy)
    except PermissionError as error:
        raise Trouble(f"{error.filename} cannot be written: run this as the owner of {folder}.") from error


def _make_passwords(folder: Path, deploy: Path) -> None:
    _make_once(folder / KEYFILE, lambda: base64.b64encode(os.urandom(72)).decode())
    _make_once(folder / SIGNING_KEYS, lambda: f"k1:{secrets.token_hex(32)}")
    # Here, not above: the image of a service that seals nothing comes without the library.
    from shared.sealing import KEY_BYTES, PrivateKeys

    _make_once(folder / CONTACT_KEYS, lambda: f"k1:{secrets.token_hex(KEY_BYTES)}")
    _make_once(folder / CONTACT_PRIVATE_KEYS, lambda: f"n1:{secrets.token_hex(KEY_BYTES)}")
    private = PrivateKeys.read(SecretStr(read_secret(folder, CONTACT_PRIVATE_KEYS)))
    _renew(folder / CONTACT_PUBLIC_KEYS, private.public)
    for name in REPORTING_KEYS:
        _make_once(folder / name, lambda: secrets.token_urlsafe(32))
    _make_once(folder / ERLANG_COOKIE, lambda: secrets.token_hex(32))
    accounts = broker_definitions(deploy)["users"] + database_users(deploy)["users"]
    for name in {account.get("name") or account["user"] for account in accounts}:
        _make_once(folder / f"{name}_password", lambda: secrets.token_hex(24))


def _write_addresses(folder: Path, addresses: Addresses, deploy: Path) -> None:
    definitions, database = broker_definitions(deploy), database_users(deploy)
    for name in (user["name"] for user in definitions["users"]):
        password = read_secret(folder, f"{name}_password")
        server = f"{name}:{password}@{addresses.amqp}/{VHOST}"
        tls = f"amqps://{server}?cafile={quote(addresses.ca)}" if addresses.ca else None
        _renew(folder / f"{name}_amqp_url", tls or f"amqp://{server}")
    options = f"authSource=admin&replicaSet={database['replica_set']}"
    if addresses.ca:
        options += f"&tls=true&tlsCAFile={quote(addresses.ca, safe='')}"
    for name in (user["user"] for user in database["users"]):
        password = read_secret(folder, f"{name}_password")
        _renew(folder / f"{name}_mongodb_uri", f"mongodb://{name}:{password}@{addresses.mongodb}/?{options}")
    for user in definitions["users"]:
        user["password_hash"] = password_hash(read_secret(folder, f"{user['name']}_password"))
    _renew(folder / DEFINITIONS, json.dumps(definitions, indent=1))


def password_hash(password: str) -> str:
    """RabbitMQ's salted SHA-256. The salt follows from the password, so that the same secrets give the same
    file and the broker need not import it again; the passwords are random, so it gives nothing away."""
    salt = hashlib.sha256(b"salt" + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def read_secret(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text().strip()
    except FileNotFoundError as error:
        raise Trouble(f"The secret {name} is not in {folder}: run `amtstermin setup secrets` first.") from error


def operator_amqp_url() -> str:
    """How the command line reaches RabbitMQ."""
    folder = os.environ.get(SECRETS_DIR)
    if not folder:
        raise Trouble(f"No secrets found: let {SECRETS_DIR} name their folder, or start the stack with `make up`.")
    return read_secret(Path(folder), "operator_amqp_url")


def share_secrets(*, folder: Path, root: Path) -> None:
    """Copies to each folder that exists below `root` only what its container needs: `mongo` the key file,
    `rabbitmq` the definitions, `erlang` the cookie by which the brokers of a cluster know each other, a service
    its own address and key files, `booking+operator` those of both, `everything` all. Each is one container's
    volume."""
    for target in sorted(path for path in root.iterdir() if path.is_dir()):
        for source, name, mode in _share_of(target.name, folder):
            _copy(source, target / name, mode)
    keyfile = root / "mongo" / "keyfile"
    if keyfile.exists() and os.geteuid() == 0:
        os.chown(keyfile, _MONGOD_UID, _MONGOD_UID)
    for secret in (root / "everything").glob("*") if os.geteuid() == 0 else ():
        os.chown(secret, _OUR_UID, _OUR_UID)


def _share_of(container: str, folder: Path) -> list[tuple[Path, str, int]]:
    if container == "mongo":
        return [(folder / KEYFILE, "keyfile", 0o400)]
    if container == "rabbitmq":
        return [(folder / DEFINITIONS, "definitions.json", 0o444)]
    if container == "everything":
        return [(path, path.name, 0o400) for path in sorted(folder.glob("[!.]*")) if path.is_file()]
    names = container.split("+")
    own = [path for name in names for path in sorted(folder.glob(f"{name}_*"))]
    # An account's password stands in its address already; one put here by hand, as a mail server's, goes along.
    accounts = {f"{name}_password" for name in names}
    # Readable by any user in the container: which one the service runs as is its image's business.
    return [(path, path.name, 0o444) for path in own if path.name not in accounts]


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _make_once(path: Path, make: Callable[[], str]) -> None:
    if not path.exists():
        fresh = _write_private(path, make())
        with suppress(FileExistsError):  # another start was quicker; its secret counts
            path.hardlink_to(fresh)
        fresh.unlink()


def _renew(path: Path, content: str) -> None:
    if not path.exists() or path.read_text() != content:
        _write_private(path, content).replace(path)


def _write_private(path: Path, content: str) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    return Path(name)


def _copy(source: Path, target: Path, mode: int) -> None:
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    shutil.copyfile(source, fresh)
    fresh.chmod(mode)
    fresh.replace(target)
