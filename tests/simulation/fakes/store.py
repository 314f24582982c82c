"""The documents of one database, and what can be done to them.

Each operation is a generator that pauses wherever a real server may let others in between: between two
documents of one statement, and between an upsert's look and its insert.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pymongo.errors import DuplicateKeyError

from tests.simulation.fakes.matching import is_condition, matches, ordered, projected
from tests.simulation.fakes.updating import Update, seed_of_upsert, updated
from tests.simulation.fakes.values import Document, as_stored

R = TypeVar("R")
Operation = Generator[None, None, R]
# (collection, before, after): None before an insert and after a removal.
Watcher = Callable[[str, Document | None, Document | None], None]


@dataclass(slots=True)
class Change:
    """As the server counts: `upserted` is the `_id` of what had to be inserted."""

    matched: int = 0
    modified: int = 0
    upserted: Any = None
    inserted: int = 0
    removed: int = 0


@dataclass
class Store:
    clock: Callable[[], datetime]
    watchers: list[Watcher] = field(default_factory=list)
    collections: dict[str, dict[Any, Document]] = field(default_factory=dict)

    def documents(self, name: str) -> dict[Any, Document]:
        return self.collections.setdefault(name, {})

    def find(
        self,
        name: str,
        filter: Document,
        *,
        projection: Document | None = None,
        sort: list[tuple[str, int]] | None = None,
        limit: int = 0,
    ) -> Operation[list[Document]]:
        now = self.clock()
        found = []
        for document in self._candidates(name, filter):
            if matches(document, filter, now):
                found.append(document)
                yield
        if sort:
            found = ordered(found, sort)
        chosen = [projected(document, projection) for document in (found[:limit] if limit else found)]
        return [as_stored(document) for document in chosen]

    def count(self, name: str, filter: Document) -> Operation[int]:
        return len((yield from self.find(name, filter, projection={"_id": 1})))

    def insert(self, name: str, document: Document) -> Operation[Change]:
        new = as_stored(document)
        if new["_id"] in self.documents(name):
            raise _duplicate(name, new["_id"])
        self._put(name, None, new)
        return Change(inserted=1)
        yield

    def update(
        self, name: str, filter: Document, update: Update, *, upsert: bool = False, many: bool = False
    ) -> Operation[Change]:
        now = self.clock()
        done = Change()
        for document in self._candidates(name, filter):
            if matches(document, filter, now):
                self._update_one(name, document, update, now, done)
                if not many:
                    break
                yield
        if upsert and not done.matched:
            yield
            done = yield from self._upsert(name, filter, update, now)
        return done

    def find_one_and_update(self, name: str, filter: Document, update: Update) -> Operation[Document | None]:
        """The document after the update."""
        now = self.clock()
        for document in self._candidates(name, filter):
            if matches(document, filter, now):
                return as_stored(self._update_one(name, document, update, now, Change()))
        return None
        yield

    def delete_one(self, name: str, filter: Document) -> Operation[Change]:
        now = self.clock()
        for document in self._candidates(name, filter):
            if matches(document, filter, now):
                self._put(name, document, None)
                return Change(removed=1)
        return Change()
        yield

    def _upsert(self, name: str, filter: Document, update: Update, now: datetime) -> Operation[Change]:
        """A server that loses the race to insert looks again, but only where the filter is plain equality."""
        new = as_stored(updated(seed_of_upsert(filter), update, now=now, inserting=True))
        if new["_id"] not in self.documents(name):
            self._put(name, None, new)
            return Change(upserted=new["_id"])
        if any(key.startswith("$") or is_condition(value) for key, value in filter.items()):
            raise _duplicate(name, new["_id"])
        return (yield from self.update(name, filter, update, upsert=True))

    def _update_one(self, name: str, document: Document, update: Update, now: datetime, done: Change) -> Document:
        after = as_stored(updated(document, update, now=now))
        done.matched += 1
        if after != document:
            done.modified += 1
            self._put(name, document, after)
        return after

    def _candidates(self, name: str, filter: Document) -> Iterator[Document]:
        """Each document as it is when its turn comes; by its key where the filter names it."""
        documents = self.documents(name)
        for id in list(_named(filter, documents)):
            if id in documents:
                yield documents[id]

    def _put(self, name: str, before: Document | None, after: Document | None) -> None:
        documents = self.documents(name)
        if after is not None:
            documents[after["_id"]] = after
        elif before is not None:
            del documents[before["_id"]]
        for watch in self.watchers:
            watch(name, before, after)


def _named(filter: Document, documents: dict[Any, Document]) -> Iterable[Any]:
    wanted = filter.get("_id")
    if isinstance(wanted, str):
        return (wanted,)
    if isinstance(wanted, dict) and list(wanted) == ["$in"]:
        ids = set(wanted["$in"])
        return (id for id in documents if id in ids)
    return documents


def _duplicate(name: str, id: Any) -> DuplicateKeyError:
    text = f"E11000 duplicate key error collection: simulated.{name} index: _id_ dup key: {{ _id: {id!r} }}"
    return DuplicateKeyError(text, 11000, {"code": 11000, "keyPattern": {"_id": 1}, "keyValue": {"_id": id}})
