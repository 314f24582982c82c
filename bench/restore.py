"""`restore`: 20,000 appointments with all that hangs on them, from sealed files onto empty databases, told anew.

Beside it the same documents of the same file inserted with the same indexes, and nothing done with them.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import uvloop
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pydantic import SecretStr
from pymongo import MongoClient

from bench.citizens import Citizens
from bench.lean_http import Connection
from bench.measuring import Figure, Run, in_turns, median_rate, say
from bench.stage import BENCH_DATABASE, Stage
from deploy.local.process import ROOT
from shared.backup.dumping import Sources, Target, databases_of, documents_in, dump
from shared.backup.records import Backup, Documents
from shared.backup.sealed_file import new_identity, read_identity, read_recipient
from shared.progress import Progress
from shared.sealing import PublicKeys, SymmetricKeys, Wrapped, seal, unseal
from shared.setup import database_users, deploy_folder
from tests.ledger import Ledger

APPOINTMENTS = 20_000
_AT_ONCE = 1000
_DATABASES = ("booking", "booking_keys", "notification", "notification_keys", "reporting")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGEST = re.compile(rb"\b[0-9a-f]{64}\b")
_LANE = re.compile(rb"(?:desk|counter)_\d+")
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)

Client = MongoClient[dict[str, Any]]
# "database.collection" → the documents of one appointment, as they lie there.
Story = Mapping[str, list[bytes]]


def measure(stage: Stage) -> Figure:
    stage.clear()
    with stage.running("booking", "notification", "reporting") as (booking, *_):
        uvloop.run(_book(stage, booking.url))
        ledger = Ledger(stage.stack)
        ledger.quiet()
        ledger.close()
    with stage.database() as client:
        _multiply(client, _story(client), _Sealing(stage, client), APPOINTMENTS)
    data, keys, identity = _back_up(stage)
    limit, runs = in_turns(
        limit=lambda _: _insert_plainly(stage, Backup(data, wrapping=read_identity(identity))),
        program=lambda: _restore(stage, data, keys, identity),
        widths=[1],
    )
    stage.clear()
    return Figure(
        name="restore",
        unit="appointments/s",
        value=median_rate(runs),
        limit=limit,
        target=0.1,
        notes=(f"restore: {APPOINTMENTS:,} appointments in {APPOINTMENTS / median_rate(runs):,.0f} s",),
    )


async def _book(stage: Stage, url: str) -> None:
    citizens = Citizens(stage)
    async with Connection(url) as http:
        id, _ = await citizens.request(http)
        await citizens.confirm(http, id)


def _story(client: Client) -> Story:
    """All documents that share an id with the one appointment: its own, or that of one of its events."""
    ids = set(_UUID.findall(_all_of(client, "booking", "appointments")[0]))
    found: dict[str, list[bytes]] = {}
    for database in _DATABASES:
        for name in client[database].list_collection_names():
            documents = _all_of(client, database, name)
            if sharing := [document for document in documents if ids & set(_UUID.findall(document))]:
                found[f"{database}.{name}"] = sharing
    return found


def _all_of(client: Client, database: str, name: str) -> list[bytes]:
    found = client[database].get_collection(name, codec_options=_RAW).find()
    return [bytes(cast(RawBSONDocument, document).raw) for document in found]


def _multiply(client: Client, story: Story, sealing: "_Sealing", number: int) -> None:
    bar = Progress("appointments stored", total=number)
    numbers = count()
    for _ in range(0, number, _AT_ONCE):
        copies = [
            {**ids, **sealing.anew(ids)} for ids in (_other_ids(story, next(numbers)) for _ in range(_AT_ONCE))
        ]
        for full_name, documents in story.items():
            database, name = full_name.split(".", 1)
            made = [RawBSONDocument(_copy(document, ids)) for ids in copies for document in documents]
            client[database].get_collection(name, codec_options=_RAW).insert_many(made, ordered=False)
        bar.add(len(copies))
    bar.end()


def _other_ids(story: Story, number: int) -> dict[bytes, bytes]:
    """Each of the same length, so that the bytes stay a document; a lane of its own, since cells are unique."""
    everything = b"".join(document for documents in story.values() for document in documents)
    other = {old: str(uuid4()).encode() for old in set(_UUID.findall(everything))}
    other |= {old: (uuid4().hex + uuid4().hex).encode() for old in set(_DIGEST.findall(everything))}
    return other | {old: b"%0*d" % (len(old), number) for old in set(_LANE.findall(everything))}


class _Sealing:
    """The person of the one appointment: what is sealed for one id opens for no other."""

    def __init__(self, stage: Stage, client: Client) -> None:
        (self._key,) = client["booking_keys"]["keys"].find()
        (self._appointment,) = client["booking"]["appointments"].find()
        self._own = SymmetricKeys.read(SecretStr(stage.stack.secret("booking_contact_keys")))
        self._others = PublicKeys.read(stage.stack.secret("booking_contact_public_keys"))
        id = self._appointment["_id"]
        wrapped = Wrapped(self._key["booking"]["key_id"], self._key["booking"]["box"])
        self._data_key = self._own.unwrap(wrapped, owner=id)
        self._person = unseal(self._appointment["person"], key=self._data_key, owner=id)

    def anew(self, ids: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Box, box for notification and person of the copy, by those that they replace."""
        owner = ids[self._appointment["_id"].encode()].decode()
        return {
            self._key["booking"]["box"]: self._own.wrap(self._data_key, owner=owner).box,
            self._key["notification"]["box"]: self._others.wrap(self._data_key, owner=owner).box,
            self._appointment["person"]: seal(self._person, key=self._data_key, owner=owner),
        }


def _copy(document: bytes, other: Mapping[bytes, bytes]) -> bytes:
    for old, new in other.items():
        document = document.replace(old, new)
    return document


def _back_up(stage: Stage) -> tuple[Path, Path, Path]:
    identity = stage.folder / "identity"
    recipient = read_recipient(new_identity(identity))
    data, keys = (Target(stage.folder / f"backup.{kind}", recipient) for kind in ("data", "keys"))
    with stage.database() as client:
        databases = databases_of(database_users(deploy_folder()))
        sources = Sources(data=client, keys=client, databases=databases, secrets=stage.stack.secrets)
        bar = Progress("documents backed up", total=documents_in(sources))
        dump(sources, data=data, keys=keys, progress=bar.add)
        bar.end()
    return data.path, keys.path, identity


def _insert_plainly(stage: Stage, backup: Backup) -> float:
    client: Client = MongoClient(stage.mongodb_uri, w="majority")
    with client:
        started = time.perf_counter()
        for part in backup.parts():
            if isinstance(part, Documents):
                client[BENCH_DATABASE][part.collection].insert_many(part.documents, ordered=False)
        for name, indexes in backup.contents.collections.items():
            if indexes:
                client[BENCH_DATABASE].command("createIndexes", name, indexes=indexes)
        rate = APPOINTMENTS / (time.perf_counter() - started)
        client.drop_database(BENCH_DATABASE)
    return rate


def _restore(stage: Stage, data: Path, keys: Path, identity: Path) -> Run:
    files = ("--data", data, "--keys", keys, "--identity", identity)
    command = ("restore", *map(str, files), "--replace", "--without-journal")
    settings = {"AMTSTERMIN_SECRETS_DIR": str(stage.stack.secrets), "BOOKING_PUBLIC_URL": "http://127.0.0.1:1"}
    started = time.perf_counter()
    # Its progress bar is the bench's.
    subprocess.run(
        [sys.executable, "-m", "shared.cli", *command],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.perf_counter() - started
    say(f"  {APPOINTMENTS:,} appointments in {seconds:.0f} s, {APPOINTMENTS / seconds:,.0f}/s")
    return Run(APPOINTMENTS / seconds)
