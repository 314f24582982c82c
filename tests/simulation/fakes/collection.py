"""Collections as motor gives them: each method is one request, a bulk one for each kind of write."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from typing import Any

from pymongo import InsertOne, ReturnDocument, UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteConcernError
from pymongo.results import BulkWriteResult, DeleteResult, InsertOneResult, UpdateResult

from tests.simulation.fakes.store import Change, Operation, Store
from tests.simulation.fakes.updating import Update
from tests.simulation.fakes.values import Document, NotModelled

Run = Callable[[str, Callable[[Store], Operation[Any]]], Awaitable[Any]]
Sort = list[tuple[str, int]]
Write = InsertOne[Document] | UpdateOne | UpdateMany


class FakeDatabase:
    def __init__(self, run: Run) -> None:
        self._run = run

    def __getitem__(self, name: str) -> "FakeCollection":
        return FakeCollection(self, name, self._run)


class FakeCollection:
    def __init__(self, database: FakeDatabase, name: str, run: Run) -> None:
        self.database = database
        self.name = name
        self._run = run

    def find(
        self,
        filter: Document | None = None,
        projection: Document | None = None,
        *,
        sort: Sort | None = None,
        limit: int = 0,
    ) -> "FakeCursor":
        return FakeCursor(self, filter or {}, projection, sort, limit)

    async def look(
        self, filter: Document, projection: Document | None, sort: Sort | None, limit: int
    ) -> list[Document]:
        found: list[Document] = await self._run(
            f"{self.name}.find",
            lambda store: store.find(self.name, filter, projection=projection, sort=sort, limit=limit),
        )
        return found

    async def find_one(
        self, filter: Document, projection: Document | None = None, *, sort: Sort | None = None
    ) -> Document | None:
        found = await self.look(filter, projection, sort, 1)
        return found[0] if found else None

    async def count_documents(self, filter: Document, *, hint: str | None = None, limit: int = 0) -> int:
        count: int = await self._run(f"{self.name}.count", lambda store: store.count(self.name, filter))
        return min(count, limit) if limit else count

    async def insert_one(self, document: Document) -> InsertOneResult:
        await self._run(f"{self.name}.insert_one", lambda store: store.insert(self.name, document))
        return InsertOneResult(document["_id"], acknowledged=True)

    async def update_one(self, filter: Document, update: Update, *, upsert: bool = False) -> UpdateResult:
        return _result(
            await self._run(
                f"{self.name}.update_one", lambda store: store.update(self.name, filter, update, upsert=upsert)
            )
        )

    async def update_many(self, filter: Document, update: Update) -> UpdateResult:
        return _result(
            await self._run(
                f"{self.name}.update_many", lambda store: store.update(self.name, filter, update, many=True)
            )
        )

    async def find_one_and_update(
        self, filter: Document, update: Update, *, return_document: bool
    ) -> Document | None:
        if return_document is not ReturnDocument.AFTER:
            raise NotModelled("the document before the update")
        document: Document | None = await self._run(
            f"{self.name}.find_one_and_update",
            lambda store: store.find_one_and_update(self.name, filter, update),
        )
        return document

    async def delete_one(self, filter: Document) -> DeleteResult:
        change: Change = await self._run(
            f"{self.name}.delete_one", lambda store: store.delete_one(self.name, filter)
        )
        return DeleteResult({"n": change.removed}, acknowledged=True)

    async def bulk_write(self, writes: Sequence[Write], *, ordered: bool) -> BulkWriteResult:
        """The driver sends all inserts first, then all updates, and goes on after refusals."""
        if ordered:
            raise NotModelled("an ordered bulk")
        details = _no_details()
        inserts = [(place, w) for place, w in enumerate(writes) if isinstance(w, InsertOne)]
        updates = [(place, w) for place, w in enumerate(writes) if not isinstance(w, InsertOne)]
        for group in (inserts, updates):
            if group:
                await self._write_group(group, details)
        details["writeErrors"].sort(key=lambda error: error["index"])
        if details["writeErrors"] or details["writeConcernErrors"]:
            raise BulkWriteError(details)
        return BulkWriteResult(details, acknowledged=True)

    async def _write_group(self, group: Sequence[tuple[int, Write]], details: Document) -> None:
        try:
            outcomes = await self._run(
                f"{self.name}.bulk_write", lambda store: _in_turn(store, self.name, [w for _, w in group])
            )
        except WriteConcernError as error:
            details["writeConcernErrors"].append({"code": error.code, "errmsg": str(error)})
            return
        for (place, _), outcome in zip(group, outcomes, strict=True):
            _add(details, place, outcome)


class FakeCursor:
    """Everything in its first batch: the services' answers are small here."""

    def __init__(
        self,
        collection: FakeCollection,
        filter: Document,
        projection: Document | None,
        sort: Sort | None,
        limit: int,
    ) -> None:
        self._collection = collection
        self._filter = filter
        self._projection = projection
        self._sort = sort
        self._limit = limit
        self._left: list[Document] | None = None

    def limit(self, limit: int) -> "FakeCursor":
        self._limit = limit
        return self

    def batch_size(self, _: int) -> "FakeCursor":
        return self

    async def to_list(self, length: int | None) -> list[Document]:
        left = await self._rest()
        taken = left if length is None else left[:length]
        self._left = left[len(taken) :]
        return taken

    async def __aiter__(self) -> AsyncIterator[Document]:
        left = await self._rest()
        while left:
            yield left.pop(0)

    async def _rest(self) -> list[Document]:
        if self._left is None:
            self._left = await self._collection.look(self._filter, self._projection, self._sort, self._limit)
        return self._left


def _in_turn(
    store: Store, name: str, writes: Sequence[Write]
) -> Generator[None, None, list[Change | DuplicateKeyError]]:
    outcomes: list[Change | DuplicateKeyError] = []
    for write in writes:
        try:
            outcomes.append((yield from _operation(store, name, write)))
        except DuplicateKeyError as error:
            outcomes.append(error)
        yield
    return outcomes


def _operation(store: Store, name: str, write: Write) -> Operation[Change]:
    if isinstance(write, InsertOne):
        return store.insert(name, write._doc)
    many = isinstance(write, UpdateMany)
    return store.update(name, dict(write._filter), write._doc, upsert=bool(write._upsert), many=many)


def _no_details() -> Document:
    counts = dict.fromkeys(("nInserted", "nUpserted", "nMatched", "nModified", "nRemoved"), 0)
    return {**counts, "writeErrors": [], "writeConcernErrors": [], "upserted": []}


def _add(details: Document, place: int, outcome: Change | DuplicateKeyError) -> None:
    if isinstance(outcome, DuplicateKeyError):
        details["writeErrors"].append({"index": place, "errmsg": str(outcome), **(outcome.details or {})})
        return
    details["nInserted"] += outcome.inserted
    details["nMatched"] += outcome.matched
    details["nModified"] += outcome.modified
    if outcome.upserted is not None:
        details["nUpserted"] += 1
        details["upserted"].append({"index": place, "_id": outcome.upserted})


def _result(change: Change) -> UpdateResult:
    raw = {"n": change.matched, "nModified": change.modified}
    if change.upserted is not None:
        raw |= {"n": 1, "upserted": change.upserted}
    return UpdateResult(raw, acknowledged=True)
