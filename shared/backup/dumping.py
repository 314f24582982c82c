"""Reads every database at one moment of the cluster, while everybody goes on writing.

One snapshot session reads all of them: MongoDB fixes its cluster time with the first read, and each later read of
any collection of any database of the same replica set sees exactly what was committed by then.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure, PyMongoError

from shared.backup.records import BackupWriter, Contents, Kind, Secret
from shared.backup.sealed_file import Wrapping
from shared.setup import Trouble

Client = MongoClient[dict[str, Any]]
Progress = Callable[[int], None]

KEYS_SUFFIX = "_keys"
# The snapshot has passed out of what the server remembers; a collection or index was made just now.
_TOO_OLD, _NOT_YET = 239, 246
_TRIES = 5
_RAW = CodecOptions(document_class=RawBSONDocument)
# What a running server and its addresses are made of is made anew where it is restored.
_NOT_KEPT = ("_amqp_url", "_mongodb_uri")
_DEFINITIONS = "rabbitmq_definitions.json"


@dataclass(frozen=True, slots=True)
class Target:
    path: Path
    wrapping: Wrapping


@dataclass(frozen=True, slots=True)
class Sources:
    """`keys` reaches the server of the key databases: the same one as `data` unless they lie elsewhere."""

    data: Client
    keys: Client
    databases: Sequence[str]
    secrets: Path


def databases_of(users: Mapping[str, Any]) -> list[str]:
    """All that some service may write, as the users' file says."""
    roles = (role for user in users["users"] for role in user["roles"])
    return sorted({role["db"] for role in roles if role["role"] == "readWrite"})


def is_keys(database: str) -> bool:
    return database.endswith(KEYS_SUFFIX)


def documents_in(sources: Sources) -> int:
    """About how many there are, for a progress bar."""
    return sum(
        client[database][name].estimated_document_count()
        for client, databases in _by_client(sources)
        for database in databases
        for name in _collections(client, database)
    )


def dump(sources: Sources, *, data: Target, keys: Target, progress: Progress) -> Contents:
    """Writes both files. Data and keys are of one moment where one server has both; where the key databases are
    elsewhere, theirs is the later one: no person is in the data whose key is missing, but those erased in between.
    """
    for attempt in range(_TRIES):
        try:
            return _dump(sources, data, keys, progress)
        except OperationFailure as error:
            if error.code == _TOO_OLD:
                raise Trouble(
                    "The backup took longer than MongoDB remembers the past: start mongod with a higher "
                    "--setParameter minSnapshotHistoryWindowInSeconds (default 300)."
                ) from error
            if error.code != _NOT_YET or attempt == _TRIES - 1:
                raise Trouble(f"MongoDB refuses the backup: {error}.") from error
        except PyMongoError as error:
            raise Trouble(f"MongoDB was lost on the way: {error}.") from error
    raise AssertionError


def _dump(sources: Sources, data: Target, keys: Target, progress: Progress) -> Contents:
    plain = [name for name in sources.databases if not is_keys(name)]
    sealed = [name for name in sources.databases if is_keys(name)]
    with ExitStack() as stack:
        session = stack.enter_context(sources.data.start_session(snapshot=True))
        contents = _contents("data", sources.data, session, plain)
        if sources.keys is sources.data:
            of_keys, key_session = _contents("keys", sources.keys, session, sealed), session
        else:
            key_session = stack.enter_context(sources.keys.start_session(snapshot=True))
            of_keys = _contents("keys", sources.keys, key_session, sealed)
        # Keys first: a file of data without its keys would be the worse half to have.
        with BackupWriter(keys.path, wrapping=keys.wrapping, contents=of_keys) as writer:
            _copy(sources.keys, key_session, writer, of_keys, progress)
            for secret in _secrets(sources.secrets):
                writer.secret(secret)
        with BackupWriter(data.path, wrapping=data.wrapping, contents=contents) as writer:
            _copy(sources.data, session, writer, contents, progress)
    return contents


def _contents(kind: Kind, client: Client, session: ClientSession, databases: Sequence[str]) -> Contents:
    # Listed before the first read, which fixes the moment: whatever is listed is older than it.
    collections = {
        f"{database}.{name}": _indexes(client, database, name)
        for database in databases
        for name in _collections(client, database)
    }
    if not collections:
        raise Trouble(f"There is nothing in {', '.join(databases)} yet.")
    at = _moment(client, session, next(iter(collections)))
    return Contents(kind, at, datetime.fromtimestamp(at.time, UTC), collections)


def _moment(client: Client, session: ClientSession, full_name: str) -> Timestamp:
    """The session's cluster time, fixed by its first read at the latest."""
    database, name = full_name.split(".", 1)
    client[database][name].find_one({}, {"_id": 1}, session=session)
    # The driver tells it to nobody.
    at: Timestamp | None = session._snapshot_time
    assert at is not None
    return at


def _collections(client: Client, database: str) -> list[str]:
    found = client[database].list_collection_names(filter={"type": "collection"})
    return sorted(name for name in found if not name.startswith("system."))


def _indexes(client: Client, database: str, name: str) -> list[dict[str, Any]]:
    found = client[database][name].list_indexes()
    return [
        {key: value for key, value in index.items() if key not in ("v", "ns")}
        for index in found
        if index["name"] != "_id_"
    ]


def _copy(
    client: Client, session: ClientSession, writer: BackupWriter, contents: Contents, progress: Progress
) -> None:
    for full_name in contents.collections:
        database, name = full_name.split(".", 1)
        collection = client[database].get_collection(name, codec_options=_RAW)
        found = collection.find({}, session=session, batch_size=2000)
        for count in writer.documents(full_name, found):  # type: ignore[arg-type]
            progress(count)


def _secrets(folder: Path) -> list[Secret]:
    """Passwords, keys and what was put there by hand; not what follows from them and the servers' addresses."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
    kept = (path for path in files if not path.name.endswith(_NOT_KEPT) and path.name != _DEFINITIONS)
    return [Secret(path.name, path.read_text()) for path in kept]


def _by_client(sources: Sources) -> list[tuple[Client, list[str]]]:
    plain = [name for name in sources.databases if not is_keys(name)]
    return [(sources.data, plain), (sources.keys, [name for name in sources.databases if is_keys(name)])]
