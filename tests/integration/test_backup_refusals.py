"""What a restore refuses before it touches anything, on real servers."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import bson
import pytest
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pydantic import SecretStr
from pymongo import MongoClient

from deploy.local.stack import Stack
from shared.backup.dumping import Sources, Target, dump
from shared.backup.openable import Openable
from shared.backup.records import Backup, BackupWriter, Contents, Documents, Kind, Secret
from shared.backup.restoring import Servers, Wanted, restore
from shared.backup.sealed_file import Identity, new_identity, read_identity
from shared.sealing import PrivateKeys, new_data_key
from shared.setup import Trouble
from tests.sealed import OWN, OWN_KEYS, PRIVATE, PRIVATE_KEYS, PUBLIC

AT = 1_800_000_000


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    new_identity(tmp_path / "identity")
    return read_identity(tmp_path / "identity")


@pytest.fixture
def client(servers: Stack) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](servers.secret("admin_mongodb_uri"), tz_aware=True) as client:
        yield client


def a_file(
    path: Path,
    identity: Identity,
    *,
    kind: Kind,
    collection: str,
    second: int = 0,
    secrets: Sequence[Secret] = (),
    document: dict[str, Any] | None = None,
) -> Backup:
    at = Timestamp(AT + second, 1)
    contents = Contents(kind, at, datetime.fromtimestamp(at.time, UTC), {collection: []})
    with BackupWriter(path, wrapping=identity, contents=contents) as writer:
        list(writer.documents(collection, [RawBSONDocument(bson.encode(document or {"_id": "one"}))]))
        for secret in secrets:
            writer.secret(secret)
    return Backup(path, wrapping=identity)


def wanted(
    data: Backup, keys: Backup | None = None, *, replace: bool = False, secrets: Path = Path("/nowhere")
) -> Wanted:
    return Wanted(data=data, secrets=secrets, keys=keys, keep_keys=False, journals=[], replace=replace)


def test_nothing_is_touched_where_something_is_wrong(
    servers: Stack, client: MongoClient[dict[str, Any]], identity: Identity, tmp_path: Path
) -> None:
    """Keys that are older, files mixed up, databases in use, services that run, a damaged file."""
    database, keys_database = f"restored_{uuid4().hex[:8]}", f"restored_{uuid4().hex[:8]}_keys"
    data = a_file(tmp_path / "data", identity, kind="data", collection=f"{database}.appointments")
    keys = a_file(tmp_path / "keys", identity, kind="keys", collection=f"{keys_database}.keys")
    older = a_file(tmp_path / "old", identity, kind="keys", collection=f"{keys_database}.keys", second=-1)
    broker = servers.secret("admin_amqp_url")
    here = Servers(data=client, keys=client, broker=broker, queues=["reporting.offices"])
    client[database]["appointments"].insert_one({"_id": "precious"})

    def refused(what: Wanted) -> str:
        with pytest.raises(Trouble) as trouble:
            restore(what, here, progress=lambda _: None)
        return str(trouble.value)

    assert "older than the data" in refused(wanted(data, older, replace=True))
    assert "mixed up" in refused(wanted(keys, data, replace=True))
    assert f"Not empty: {database}" in refused(wanted(data, keys))
    assert "stop all services first" in asyncio.run(
        while_consumed(broker, lambda: refused(wanted(data, replace=True)))
    )
    content = (tmp_path / "data").read_bytes()
    (tmp_path / "data").write_bytes(content[:-1])
    assert "damaged" in refused(wanted(data, replace=True))
    assert [d["_id"] for d in client[database]["appointments"].find()] == ["precious"]
    assert keys_database not in client.list_database_names()
    client.drop_database(database)


async def while_consumed(broker: str, look: Any) -> str:
    async with await aio_pika.connect(broker) as connection:
        queue = await (await connection.channel()).declare_queue("reporting.offices", passive=True)
        async with queue.iterator():
            return str(await asyncio.to_thread(look))


def test_other_keys_than_the_backups_are_refused_and_never_shown(
    servers: Stack, client: MongoClient[dict[str, Any]], identity: Identity, tmp_path: Path
) -> None:
    """Whoever starts on an empty host gets new keys, and with them nobody's name could be read again."""
    names = f"restored_{uuid4().hex[:8]}", f"restored_{uuid4().hex[:8]}_keys"
    rings = [Secret("booking_contact_keys", "k1:aa11"), Secret("booking_signing_keys", "k1:bb22")]
    data = a_file(tmp_path / "data", identity, kind="data", collection=f"{names[0]}.appointments")
    keys = a_file(tmp_path / "keys", identity, kind="keys", collection=f"{names[1]}.keys", secrets=rings)
    here = Servers(data=client, keys=client, broker=servers.secret("admin_amqp_url"), queues=["reporting.offices"])
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "booking_contact_keys").write_text("k2:dd44, k1:aa11\n")
    (folder / "booking_signing_keys").write_text("k1:cc33\n")

    with pytest.raises(Trouble) as trouble:
        restore(wanted(data, keys, secrets=folder), here, progress=lambda _: None)

    assert "lacks keys of the backup: booking_signing_keys." in str(trouble.value)
    assert "--secrets-to" in str(trouble.value)
    assert not any(secret in str(trouble.value) for secret in ("aa11", "bb22", "cc33", "dd44"))
    assert not set(names) & set(client.list_database_names())


@pytest.fixture
def survived(client: MongoClient[dict[str, Any]]) -> Iterator[str]:
    """Somebody whose wrapped keys are in the key databases; the id."""
    id, key = str(uuid4()), new_data_key()
    own, theirs = OWN.wrap(key, owner=id), PUBLIC.wrap(key, owner=id)
    told = {"key_id": theirs.key_id, "key": b64encode(theirs.box).decode()}
    twice = {
        name: {"key_id": one.key_id, "box": one.box} for name, one in (("booking", own), ("notification", theirs))
    }
    client["booking_keys"]["keys"].insert_one({"_id": id, **twice})
    client["notification_keys"]["keys"].insert_one({"_id": id, **told})
    yield id
    for database in ("booking_keys", "notification_keys"):
        client[database]["keys"].delete_one({"_id": id})


RINGS = {
    "booking_contact_keys": OWN_KEYS,
    "notification_contact_private_keys": PRIVATE_KEYS,
    "booking_contact_public_keys": PRIVATE.public,
}
OTHER = PrivateKeys.read(SecretStr(f"n1:{'6f' * 32}"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        # As a fresh host makes it: the same id, another key.
        ({"booking_contact_keys": f"k1:{'6f' * 32}"}, "lacks keys of the backup: booking_contact_keys (k1)."),
        ({"booking_contact_keys": f"k2:{'6f' * 32}"}, "booking_contact_keys (k1)."),
        ({"booking_contact_keys": ""}, "booking_contact_keys (k1)."),
        ({"notification_contact_private_keys": f"n1:{'6f' * 32}"}, "notification_contact_private_keys (n1)."),
        ({"booking_contact_public_keys": OTHER.public}, "The key n1 of booking_contact_public_keys is none of"),
        ({"booking_contact_keys": "k1"}, "booking_contact_keys holds no keys"),
    ],
)
def test_keys_that_have_survived_and_open_with_none_here_are_no_reason_to_begin(
    servers: Stack,
    client: MongoClient[dict[str, Any]],
    identity: Identity,
    tmp_path: Path,
    survived: str,
    changed: dict[str, str],
    said: str,
) -> None:
    """`--keep-keys` on a host with new secrets: everybody would be there, and nobody could be read.

    Seen to fail without `openable.look_at` in `restoring`: it went on and emptied the databases.
    """
    person = {"_id": survived, "person": b"sealed"}
    data = a_file(tmp_path / "data", identity, kind="data", collection="booking.appointments", document=person)
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name, text in (RINGS | changed).items():
        (folder / name).write_text(text)
    # Nothing gets as far as this broker.
    here = Servers(data=client, keys=client, broker="amqp://nobody@127.0.0.1:1", queues=[])

    with pytest.raises(Trouble) as trouble:
        restore(replace(wanted(data, secrets=folder, replace=True), keep_keys=True), here, progress=lambda _: None)

    assert said in str(trouble.value)
    assert "begin anew" in str(trouble.value) or "holds no keys" in str(trouble.value)
    assert not any(
        key.partition(":")[2] in str(trouble.value) for key in {**RINGS, **changed}.values() if ":" in key
    )


@pytest.mark.parametrize("ring", ["booking_contact_keys", "notification_contact_private_keys"])
def test_newer_keys_beside_those_of_the_backup_open_it(
    client: MongoClient[dict[str, Any]],
    identity: Identity,
    tmp_path: Path,
    survived: str,
    ring: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The environment is asked first, as services do; one damaged key closes no ring that opens others."""
    for name, text in (RINGS | {ring: f"x9:{'6f' * 32},{RINGS[ring]}"}).items():
        monkeypatch.setenv(name.upper(), text)
    damaged = str(uuid4())
    there = client["booking_keys"]["keys"].find_one({"_id": survived}) or {}
    client["booking_keys"]["keys"].insert_one({**there, "_id": damaged})
    openable = Openable(client, tmp_path)
    for collection, field in (("booking.appointments", "person"), ("notification.contacts", "data")):
        for id in (damaged, survived):
            document = RawBSONDocument(bson.encode({"_id": id, field: b"sealed"}))
            openable.look_at(Documents(collection, (document,)))
    client["booking_keys"]["keys"].delete_one({"_id": damaged})

    assert openable.lacking() == []


def test_the_backup_user_reads_all_and_writes_nothing(servers: Stack, identity: Identity, tmp_path: Path) -> None:
    """Indexes come along, and what is written after the moment does not.

    Seen to fail with reads outside of the snapshot: what was written while the keys were copied came along.
    """
    database = f"backed_up_{uuid4().hex[:8]}"
    with MongoClient[dict[str, Any]](servers.secret("admin_mongodb_uri")) as admin:
        things, keys = admin[database]["things"], admin[f"{database}_keys"]["keys"]
        things.insert_many({"_id": number} for number in range(3000))
        things.create_index(
            [("cells", 1)], name="taken", unique=True, partialFilterExpression={"cells.0": {"$exists": True}}
        )
        keys.insert_one({"_id": "key"})
        with MongoClient[dict[str, Any]](servers.secret("backup_mongodb_uri")) as reader:
            sources = Sources(reader, reader, [database, f"{database}_keys"], servers.secrets)
            targets = [Target(tmp_path / kind, identity) for kind in ("data", "keys")]

            def write_more(_: int) -> None:
                things.insert_one({})
                keys.insert_one({})

            contents = dump(sources, data=targets[0], keys=targets[1], progress=write_more)
            with pytest.raises(Exception, match="not authorized"):
                reader[database]["things"].insert_one({})
        counts = {
            part.collection: len(part.documents)
            for kind in ("data", "keys")
            for part in Backup(tmp_path / kind, wrapping=identity).parts()
            if isinstance(part, Documents)
        }
        assert counts == {f"{database}.things": 3000, f"{database}_keys.keys": 1}
        (index,) = contents.collections[f"{database}.things"]
        assert (index["name"], index["unique"]) == ("taken", True)
        for name in sources.databases:
            admin.drop_database(name)
