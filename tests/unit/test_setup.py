import base64
import hashlib
import json
import re
import stat
from pathlib import Path

import pytest
from pymongo.uri_parser import parse_uri

from shared.setup import (
    DEFINITIONS,
    Addresses,
    Trouble,
    broker_definitions,
    database_users,
    deploy_folder,
    make_secrets,
    password_hash,
    read_secret,
    share_secrets,
)

HERE = Addresses(mongodb="127.0.0.1:27017", amqp="127.0.0.1:5672")
ELSEWHERE = Addresses(mongodb="mongo:27017", amqp="rabbitmq:5672")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secrets = tmp_path / "secrets"
    make_secrets(folder=secrets, addresses=HERE, deploy=deploy_folder())
    return secrets


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_second_setup_changes_no_secret(folder: Path) -> None:
    before = contents(folder)

    make_secrets(folder=folder, addresses=HERE, deploy=deploy_folder())

    assert contents(folder) == before


def test_new_address_keeps_the_passwords(folder: Path) -> None:
    password = read_secret(folder, "booking_password")

    make_secrets(folder=folder, addresses=ELSEWHERE, deploy=deploy_folder())

    assert read_secret(folder, "booking_amqp_url") == f"amqp://booking:{password}@rabbitmq:5672/amtstermin"
    assert read_secret(folder, "booking_mongodb_uri").startswith(f"mongodb://booking:{password}@mongo:27017/")


def test_services_know_every_member_of_the_database(folder: Path) -> None:
    members = "mongodb:27017,mongodb-2:27017,mongodb-3:27017"

    make_secrets(folder=folder, addresses=Addresses(mongodb=members, amqp="amqp:5672"), deploy=deploy_folder())

    uri = parse_uri(read_secret(folder, "reporting_mongodb_uri"))
    assert uri["nodelist"] == [("mongodb", 27017), ("mongodb-2", 27017), ("mongodb-3", 27017)]
    assert uri["options"]["replicaSet"] == database_users(deploy_folder())["replica_set"]


def test_only_the_owner_may_read_secrets(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_two_installations_share_no_secret(folder: Path, tmp_path: Path) -> None:
    make_secrets(folder=tmp_path / "other", addresses=HERE, deploy=deploy_folder())

    ours, theirs = contents(folder), contents(tmp_path / "other")

    assert not [name for name in ours if ours[name] == theirs[name]]


def test_password_hash_is_what_rabbitmq_checks() -> None:
    salted = base64.b64decode(password_hash("secret"))

    assert salted[4:] == hashlib.sha256(salted[:4] + b"secret").digest()


def test_definitions_carry_hashes_and_no_password(folder: Path) -> None:
    text = (folder / DEFINITIONS).read_text()

    assert all(user["password_hash"] for user in json.loads(text)["users"])
    assert not [path.name for path in folder.glob("*_password") if path.read_text() in text]


def test_each_container_gets_only_its_own_secrets(folder: Path, tmp_path: Path) -> None:
    shares = tmp_path / "shares"
    for container in ("booking", "booking+operator", "notification", "rabbitmq", "erlang", "mongo", "everything"):
        (shares / container).mkdir(parents=True)
    (folder / "notification_smtp_password").write_text("put here by hand")

    share_secrets(folder=folder, root=shares)
    share_secrets(folder=folder, root=shares)

    given = {path.name: sorted(contents(path)) for path in shares.iterdir()}
    assert given.pop("everything") == sorted(contents(folder))
    assert {stat.S_IMODE(path.stat().st_mode) for path in (shares / "everything").iterdir()} == {0o400}
    assert given == {
        "booking": [
            "booking_amqp_url",
            "booking_contact_keys",
            "booking_contact_public_keys",
            "booking_mongodb_uri",
            "booking_signing_keys",
        ],
        "booking+operator": [
            "booking_amqp_url",
            "booking_contact_keys",
            "booking_contact_public_keys",
            "booking_mongodb_uri",
            "booking_signing_keys",
            "operator_amqp_url",
        ],
        "notification": [
            "notification_amqp_url",
            "notification_contact_private_keys",
            "notification_mongodb_uri",
            "notification_smtp_password",
        ],
        "rabbitmq": ["definitions.json"],
        "erlang": ["erlang_cookie"],
        "mongo": ["keyfile"],
    }
    assert stat.S_IMODE((shares / "mongo" / "keyfile").stat().st_mode) == 0o400


def test_a_missing_secret_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="amtstermin setup secrets"):
        read_secret(tmp_path, "operator_amqp_url")


def test_committed_definitions_hold_no_password() -> None:
    users = broker_definitions(deploy_folder())["users"]

    assert {field for user in users for field in user} == {"name", "hashing_algorithm", "tags"}


def test_every_queue_is_quorum_with_one_policy() -> None:
    definitions = broker_definitions(deploy_folder())
    matching = {
        queue["name"]: [p["name"] for p in definitions["policies"] if re.match(p["pattern"], queue["name"])]
        for queue in definitions["queues"]
    }

    assert matching == {name: [name] for name in matching}
    assert {json.dumps(queue["arguments"]) for queue in definitions["queues"]} == {'{"x-queue-type": "quorum"}'}


def test_every_work_queue_can_be_retried_and_parked() -> None:
    definitions = broker_definitions(deploy_folder())
    names = {queue["name"] for queue in definitions["queues"]}
    work = {name for name in names if not name.startswith("retry.") and not name.endswith(".parking")}
    bound = {(b["source"], b["routing_key"], b["destination"]) for b in definitions["bindings"]}

    assert work
    for name in work:
        assert ("requeue", f"*.{name}", name) in bound
        assert ("parking", name, f"{name}.parking") in bound


def test_each_service_has_rights_on_its_own_databases_only() -> None:
    users = {user["user"]: user["roles"] for user in database_users(deploy_folder())["users"]}
    users.pop("admin")
    assert users.pop("backup") == [{"role": "backup", "db": "admin"}]

    own = {
        "booking": ["booking", "booking_keys"],
        "notification": ["notification", "notification_keys"],
        "reporting": ["reporting", "reporting_rebuilt"],
    }
    assert users == {
        name: [{"role": "readWrite", "db": database} for database in own.get(name, [name])] for name in users
    }
