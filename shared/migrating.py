"""`amtstermin migrate`: rewrites documents of an older schema in the background, while services run.

Nobody needs it to go on: what is old is made newer whenever it is read. It ends the time in which both forms are
there, so that the next version may forget the old one.
"""

import argparse
import asyncio
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pymongo import UpdateOne

from shared.mongo import DATABASE_DOWN, Collection, Database, Document, connect
from shared.progress import Progress
from shared.settings import CommonSettings
from shared.setup import Trouble
from shared.upcasting import Schema

_AT_ONCE = 200
# What others change while it is rewritten is tried again; the version before may go on writing old ones.
_PASSES = 5
_EVENTS = {"outbox": 0, "history": 0}
_LEFT = 1


class _Reach(CommonSettings):
    """How to reach the database of any service."""

    mongodb_database: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One collection of one service."""

    service: str
    schema: Schema

    def __str__(self) -> str:
        return f"{self.service} {self.schema.collection}"


def register(commands: Any) -> None:
    """Adds `amtstermin migrate`."""
    parser = commands.add_parser(
        "migrate",
        help="after an upgrade: rewrite stored documents of an older schema, while everything runs",
        description="May be stopped and run again at any time. Ends with 1 where something is left to rewrite.",
    )
    parser.add_argument("--status", action="store_true", help="only say how many there are of each schema")
    parser.set_defaults(run=_migrate)


def _migrate(arguments: argparse.Namespace) -> int:
    try:
        return asyncio.run(_all(only_say=arguments.status))
    except ValidationError as error:
        raise Trouble(f"Settings are missing or wrong:\n{error}") from None
    except DATABASE_DOWN as error:
        raise Trouble(f"MongoDB does not answer ({type(error).__name__}); run the same command again.") from None


async def _all(*, only_say: bool) -> int:
    left = 0
    for service, schemas in installed():
        settings = _Reach(_env_prefix=f"{service.upper()}_")
        client = connect(settings)
        try:
            database = client[settings.mongodb_database or service]
            for schema in schemas:
                if not only_say:
                    await rewrite(database, schema)
                left += await _say(Kind(service, schema), database)
        finally:
            client.close()
    print(f"{left:,} documents are to be rewritten." if left else "Every document is of the newest schema.")
    return _LEFT if left else 0


def installed() -> Iterator[tuple[str, tuple[Schema, ...]]]:
    """By service what its `storage.schemas` names: an image carries one service, a checkout all of them."""
    if importlib.util.find_spec("services") is None:
        return
    found = (module.name for module in pkgutil.iter_modules(importlib.import_module("services").__path__))
    for name in sorted(found):
        module = f"services.{name}.storage.schemas"
        if importlib.util.find_spec(f"services.{name}.storage") and importlib.util.find_spec(module):
            yield name, importlib.import_module(module).SCHEMAS


async def _say(kind: Kind, database: Database) -> int:
    """One line for each schema that is there; how many documents are of an older one."""
    newest, left = kind.schema.newest, 0
    collection = database[kind.schema.collection]
    counts = await counted(collection)
    for schema, count in sorted(counts.items()) or [(newest, 0)]:
        word = "newest" if schema == newest else "older" if schema < newest else "of a newer version, left alone"
        print(f"{count:>12,}  {kind}: schema {schema} ({word})")
        left += count if schema < newest else 0
    if (query := kind.schema.behind) and (behind := await collection.count_documents(query)):
        print(f"{behind:>12,}  {kind}: the version before has left something behind")
        left += behind
    return left


async def counted(collection: Collection) -> dict[int, int]:
    """How many documents there are of each schema."""
    found = collection.aggregate([{"$group": {"_id": {"$ifNull": ["$schema", 1]}, "n": {"$sum": 1}}}])
    return {document["_id"]: document["n"] async for document in found}


async def rewrite(database: Database, schema: Schema) -> None:
    """All that is old; not all that the version before goes on to write meanwhile."""
    collection = database[schema.collection]
    older = {"$or": [{"schema": {"$lt": schema.newest}}, {"schema": {"$exists": False}}]}
    if schema.behind:
        older["$or"].append(schema.behind)
    if schema.newest == 1 or not (total := await collection.count_documents(older)):
        return
    progress = Progress(f"{schema.collection} rewritten", total=total)
    for _ in range(_PASSES):
        await _pass(collection, schema, older, progress)
        if await collection.find_one(older, {"_id": 1}) is None:
            break
    progress.end()


async def _pass(collection: Collection, schema: Schema, older: Document, progress: Progress) -> None:
    writes: list[UpdateOne] = []
    async for document in collection.find(older, _EVENTS, batch_size=_AT_ONCE):
        writes.append(_rewritten(document, schema))
        if len(writes) >= _AT_ONCE:
            await _write(collection, writes, progress)
            writes = []
    await _write(collection, writes, progress)


async def _write(collection: Collection, writes: list[UpdateOne], progress: Progress) -> None:
    if writes:
        progress.add((await collection.bulk_write(writes, ordered=False)).modified_count)


def _rewritten(before: Document, schema: Schema) -> UpdateOne:
    """What differs, where it is still as it was read. The version stays: nobody need hear of it."""
    after = schema.rewritten(before)
    differs = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    guard = {name: before.get(name, {"$exists": False}) for name in differs}
    update = {
        "$set": {name: after[name] for name in differs if name in after},
        "$unset": {name: "" for name in differs if name not in after},
    }
    return UpdateOne({"_id": before["_id"], **guard}, {key: part for key, part in update.items() if part})
