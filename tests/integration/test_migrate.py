"""`amtstermin migrate` on a real database: what is old becomes new, also while others write."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from pymongo import MongoClient

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from services.booking.settings import Settings
from shared.migrating import rewrite
from shared.mongo import Document, connect
from shared.upcasting import Schema

Database = Any
_DATABASES = ("booking", "notification")


@pytest.fixture
def databases(servers: Stack) -> Iterator[dict[str, Database]]:
    """Of both services that have documents with a schema, and nobody else's."""
    with MongoClient[Document](servers.secret("admin_mongodb_uri"), tz_aware=True) as client:
        names = {service: f"{service}_{uuid4().hex[:8]}" for service in _DATABASES}
        yield {service: client[name] for service, name in names.items()}
        for name in names.values():
            client.drop_database(name)


def migrate(servers: Stack, databases: dict[str, Database], *words: str) -> tuple[int, str]:
    settings = {}
    for service, database in databases.items():
        settings[f"{service.upper()}_MONGODB_URI"] = servers.secret("admin_mongodb_uri")
        settings[f"{service.upper()}_MONGODB_DATABASE"] = database.name
    command = [sys.executable, "-m", "shared.cli", "migrate", *words]
    environment = {**os.environ, "AMTSTERMIN_SECRETS_DIR": str(servers.secrets), **settings}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def an_old_one(**values: Any) -> Document:
    contact = {"language": "de", "phone_digest": uuid4().hex}
    history = [{"id": "e1", "body": "as it was told"}]
    return {"_id": uuid4().hex, "schema": 1, "version": 3, "contact": contact, "history": history, **values}


def test_old_documents_are_counted_rewritten_and_then_there_are_none(
    servers: Stack, databases: dict[str, Database]
) -> None:
    appointments = databases["booking"]["appointments"]
    old = [an_old_one() for _ in range(450)]
    new = {"_id": "new", "schema": 2, "contact": {"language": "de"}, "phone_digest": "n"}
    newer = {"_id": "newer", "schema": 3, "contact": {"language": "de", "phone_digest": "another meaning"}}
    appointments.insert_many([*old, new, newer])

    code, said = migrate(servers, databases, "--status")
    assert code == 1
    assert [line.split() for line in said.splitlines()][:3] == [
        ["450", "booking", "appointments:", "schema", "1", "(older)"],
        ["1", "booking", "appointments:", "schema", "2", "(newest)"],
        ["1", "booking", "appointments:", "schema", "3", "(of", "a", "newer", "version,", "left", "alone)"],
    ]
    assert appointments.count_documents({"schema": 1}) == 450

    code, said = migrate(servers, databases)
    assert (code, said.splitlines()[-1]) == (0, "Every document is of the newest schema.")
    moved = {
        **old[7],
        "schema": 2,
        "contact": {"language": "de"},
        "phone_digest": old[7]["contact"]["phone_digest"],
    }
    assert appointments.find_one({"_id": old[7]["_id"]}) == moved
    assert [appointments.find_one({"_id": one["_id"]}) for one in (new, newer)] == [new, newer]

    before = list(appointments.find(sort=[("_id", 1)]))
    assert migrate(servers, databases)[0] == 0
    assert list(appointments.find(sort=[("_id", 1)])) == before


def test_what_the_version_before_leaves_beside_an_erased_contact_goes(
    servers: Stack, databases: dict[str, Database]
) -> None:
    appointments = databases["booking"]["appointments"]
    appointments.insert_one({"_id": "x", "schema": 2, "status": "anonymised", "phone_digest": "d"})
    assert migrate(servers, databases, "--status")[0] == 1
    assert migrate(servers, databases)[0] == 0
    assert appointments.find_one({"_id": "x"}) == {"_id": "x", "schema": 2, "status": "anonymised"}


def test_where_nothing_is_old_it_says_so(servers: Stack, databases: dict[str, Database]) -> None:
    code, said = migrate(servers, databases, "--status")
    assert (code, said.splitlines()[-1]) == (0, "Every document is of the newest schema.")


def test_a_database_that_is_away_is_named(servers: Stack, databases: dict[str, Database]) -> None:
    environment = {**os.environ, "AMTSTERMIN_SECRETS_DIR": str(servers.secrets)}
    for service in _DATABASES:
        environment[f"{service.upper()}_MONGODB_URI"] = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"
    command = [sys.executable, "-m", "shared.cli", "migrate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "MongoDB does not answer" in done.stderr


def test_what_somebody_changes_meanwhile_is_not_undone(servers: Stack, databases: dict[str, Database]) -> None:
    """Seen to fail with `_id` alone as the guard: the old contact came back."""
    name = databases["booking"].name
    appointments = databases["booking"]["appointments"]
    appointments.insert_many([an_old_one() for _ in range(30)])
    changed: list[str] = []

    def upcast(document: Document) -> Document:
        """Somebody of the version before is quicker, once for each."""
        if document["_id"] not in changed and "contact" in document:
            changed.append(document["_id"])
            given = {"language": "en", "phone_digest": "given meanwhile"}
            appointments.update_one({"_id": document["_id"]}, {"$set": {"contact": given}, "$inc": {"version": 1}})
        return {**document, "contact": {"language": document["contact"]["language"]}}

    async def all_of_them() -> None:
        uri, secret = SecretStr(servers.secret("admin_mongodb_uri")), "k1:" + "78" * 32
        unused = {"amqp_url": "amqp://127.0.0.1:1", "signing_keys": secret, "contact_keys": secret}
        client = connect(Settings(mongodb_uri=uri, contact_public_keys="n1:09" + "00" * 31, **unused))  # type: ignore[arg-type]
        try:
            await rewrite(client[name], Schema("appointments", (upcast,)))
        finally:
            client.close()

    asyncio.run(all_of_them())
    assert len(changed) == 30
    for document in appointments.find():
        assert (document["schema"], document["version"]) == (2, 4)
        assert document["contact"] == {"language": "en"}
