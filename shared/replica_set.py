"""MongoDB's first start: a replica set of one or several members, and its users.

May be run again at any time: what is there stays, and members that are named for the first time are taken in.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from shared.setup import Trouble, database_users, read_secret

_ADMIN = "admin"
_ALREADY_INITIALIZED, _UNAUTHORIZED, _WRONG_PASSWORD, _USER_EXISTS = 23, 13, 18, 51003
_QUICK: dict[str, Any] = {"serverSelectionTimeoutMS": 500, "tz_aware": True}
_DIRECT: dict[str, Any] = {"directConnection": True, **_QUICK}

T = TypeVar("T")
Client = MongoClient[dict[str, Any]]


def set_up_mongodb(
    *,
    address: str,
    member: str,
    others: Sequence[str] = (),
    folder: Path,
    deploy: Path,
    ca: Path | None = None,
    timeout: float = 60,
) -> int:
    """Initiates the replica set under the host name `member`, creates the users and takes in the `others`, where
    they are not there. How many members vote then: one that has much data to copy does so only later.

    `address` must be a loopback address of mongod's own host (or network): until the first user exists, mongod
    lets only such a client in. With `ca`, the authority of the members' certificates, all of it goes over TLS.
    """
    tls = _tls(ca)
    wanted = database_users(deploy)
    deadline = time.monotonic() + timeout
    with MongoClient(f"mongodb://{address}/", **_DIRECT, **tls) as anonymous:
        if not _some_set_has([address, *others], tls, deadline) and _initiate(anonymous, wanted, member):
            _wait_for_primary(anonymous, deadline)
        _create_admin(anonymous, wanted, folder)
    try:
        return _complete([member, *others], address, wanted, folder, tls, deadline)
    except OperationFailure as error:
        if error.code != _WRONG_PASSWORD:
            raise
        raise Trouble(
            f"MongoDB's data was made with other passwords than those in {folder}: "
            "bring back the secrets that belong to it, or remove the data together with them."
        ) from error


def _complete(
    members: Sequence[str],
    address: str,
    wanted: Mapping[str, Any],
    folder: Path,
    tls: Mapping[str, Any],
    deadline: float,
) -> int:
    sign_in = {"username": _ADMIN, "password": read_secret(folder, f"{_ADMIN}_password"), **tls}
    if len(members) == 1:
        with MongoClient(f"mongodb://{address}/", **_DIRECT, **sign_in) as admin:
            _let_member_be(admin, members[0], deadline)
    hosts, name = ",".join(members), wanted["replica_set"]
    with MongoClient(f"mongodb://{hosts}/", replicaSet=name, **_QUICK, **sign_in) as admin:
        _wait_for_primary(admin, deadline)
        _ensure_users(admin, wanted["users"], folder)
        for member in members:
            _take_in(admin, member, deadline)
        return _await_votes(admin, len(members), deadline)


def _tls(ca: Path | None) -> dict[str, Any]:
    return {"tls": True, "tlsCAFile": str(ca)} if ca else {}


def _some_set_has(addresses: Sequence[str], tls: Mapping[str, Any], deadline: float) -> bool:
    """One that has lost its disk gets the set back from the others: initiated anew it would be a second set."""
    return any(_hello(address, tls, deadline).get("setName") for address in addresses)


def _hello(address: str, tls: Mapping[str, Any], deadline: float) -> dict[str, Any]:
    with MongoClient(f"mongodb://{address}/", **_DIRECT, **tls) as client:
        complaint = f"MongoDB does not answer at {address}"
        return _wait(lambda: client.admin.command("hello"), complaint, deadline)


def _initiate(client: Client, wanted: Mapping[str, Any], member: str) -> bool:
    config = {"_id": wanted["replica_set"], "members": [{"_id": 0, "host": member}]}
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code in (_ALREADY_INITIALIZED, _UNAUTHORIZED):
            return False
        raise Trouble(f"MongoDB refuses the replica set at {member}: {error}.") from error
    return True


def _create_admin(client: Client, wanted: Mapping[str, Any], folder: Path) -> None:
    admin = next(user for user in wanted["users"] if user["user"] == _ADMIN)
    # There are users already, or this member only copies them; whether they are ours shows at the sign-in.
    with suppress(OperationFailure, AutoReconnect):
        password = read_secret(folder, f"{_ADMIN}_password")
        client.admin.command("createUser", _ADMIN, pwd=password, roles=admin["roles"])


def _let_member_be(admin: Client, member: str, deadline: float) -> None:
    """The port may be another one than at the last start; the set must know itself under the new one."""
    config = admin.admin.command("replSetGetConfig")["config"]
    if [entry["host"] for entry in config["members"]] == [member] or len(config["members"]) > 1:
        return
    config["members"][0]["host"] = member
    config["version"] += 1
    _wait(
        lambda: admin.admin.command("replSetReconfig", config, force=True),
        f"MongoDB does not take {member} as its new address",
        deadline,
    )


def _take_in(admin: Client, member: str, deadline: float) -> None:
    """One after the other, as MongoDB wants it; a new member copies the data before it votes."""

    def take_in() -> None:
        config = admin.admin.command("replSetGetConfig")["config"]
        known = config["members"]
        if member in (entry["host"] for entry in known):
            return
        known.append({"_id": 1 + max(entry["_id"] for entry in known), "host": member})
        config["version"] += 1
        admin.admin.command("replSetReconfig", config)

    _wait(take_in, f"MongoDB does not take in {member}", deadline)


def _await_votes(admin: Client, count: int, deadline: float) -> int:
    """A set that is left alone before its new members vote cannot elect one of them."""
    while True:
        status = _wait(lambda: admin.admin.command("replSetGetStatus"), "MongoDB has lost its primary", deadline)
        voting: int = status["votingMembersCount"]
        if voting >= count or time.monotonic() > deadline:
            return voting
        time.sleep(0.05)


def _wait_for_primary(client: Client, deadline: float) -> None:
    def primary() -> None:
        if not client.admin.command("hello").get("isWritablePrimary"):
            raise AutoReconnect("no primary yet")

    _wait(primary, "MongoDB's replica set elects no primary", deadline)


def _ensure_users(admin: Client, users: list[dict[str, Any]], folder: Path) -> None:
    for user in users:
        password = read_secret(folder, f"{user['user']}_password")
        try:
            admin.admin.command("createUser", user["user"], pwd=password, roles=user["roles"])
        except OperationFailure as error:
            if error.code != _USER_EXISTS:
                raise
            admin.admin.command("updateUser", user["user"], pwd=password, roles=user["roles"])


def _wait(attempt: Callable[[], T], complaint: str, deadline: float) -> T:
    while True:
        try:
            return attempt()
        except PyMongoError as error:
            if isinstance(error, OperationFailure) and error.code == _WRONG_PASSWORD:
                raise
            if time.monotonic() > deadline:
                raise Trouble(f"{complaint} ({error}): see mongod's log.") from error
            time.sleep(0.05)
