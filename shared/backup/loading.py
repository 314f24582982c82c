"""Puts a backup's documents back, into databases that are empty or given up."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pymongo import MongoClient
from pymongo.errors import BulkWriteError, PyMongoError

from shared.backup.records import Backup, Documents
from shared.setup import Trouble

Client = MongoClient[dict[str, Any]]
Progress = Callable[[int], None]


def not_empty(client: Client, databases: Iterable[str]) -> list[str]:
    """Which of these hold any document."""
    return [
        database
        for database in databases
        if any(
            client[database][name].find_one({}, {"_id": 1}) is not None
            for name in client[database].list_collection_names(filter={"type": "collection"})
        )
    ]


def load(client: Client, backup: Backup, *, databases: Sequence[str], progress: Progress) -> int:
    """Gives up what is in `databases` and fills them from `backup`; indexes at the end. How many documents."""
    loaded = 0
    try:
        for database in databases:
            client.drop_database(database)
        for part in backup.parts():
            if isinstance(part, Documents) and part.collection.split(".", 1)[0] in databases:
                loaded += _insert(client, part)
                progress(len(part.documents))
        _make_indexes(client, backup, databases)
    except BulkWriteError as error:
        raise Trouble(f"MongoDB refuses a document of the backup: {error!s:.300}.") from error
    except PyMongoError as error:
        raise Trouble(f"MongoDB was lost on the way: {error}. Restore again with --replace.") from error
    return loaded


def _insert(client: Client, part: Documents) -> int:
    database, name = part.collection.split(".", 1)
    client[database][name].insert_many(part.documents, ordered=False)
    return len(part.documents)


def _make_indexes(client: Client, backup: Backup, databases: Sequence[str]) -> None:
    """Before any service runs: the unique ones are what refuses a second booking."""
    for full_name, indexes in backup.contents.collections.items():
        database, name = full_name.split(".", 1)
        if database in databases and indexes:
            client[database].command("createIndexes", name, indexes=indexes)
