"""What stands in a backup: documents as the database gave them, secrets, and a manifest with counts and digests.

The first record says what will come, the last one what came. Documents are packed a megabyte at a time.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from shared.backup.sealed_file import SealedWriter, Wrapping, chunks, what_it_says
from shared.setup import Trouble

Kind = Literal["data", "keys"]

_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_BATCH_BYTES = 1024 * 1024
_COMPRESSION = 1


@dataclass(slots=True)
class Tally:
    """What a collection holds."""

    count: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, content: bytes, count: int) -> None:
        self.count += count
        self.size += len(content)
        self.digest.update(content)

    def as_document(self) -> dict[str, Any]:
        return {"count": self.count, "bytes": self.size, "sha256": self.digest.hexdigest()}


@dataclass(frozen=True, slots=True)
class Contents:
    """What the first record says. `collections` maps "database.collection" to its indexes.

    `at` is the one moment of the cluster at which everything was read, `taken_at` the same as a time.
    """

    kind: Kind
    at: Timestamp
    taken_at: datetime
    collections: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Documents:
    """A batch of one collection, in the order of reading."""

    collection: str
    documents: tuple[RawBSONDocument, ...]


@dataclass(frozen=True, slots=True)
class Secret:
    name: str
    content: str = field(repr=False)


class BackupWriter:
    def __init__(self, path: Path, *, wrapping: Wrapping, contents: Contents) -> None:
        says = {"kind": contents.kind, "taken_at": contents.taken_at.isoformat()}
        self._file = SealedWriter(path, wrapping=wrapping, says=says)
        self._tallies = {name: Tally() for name in contents.collections}
        self._secrets: list[str] = []
        self._put(
            record="begin",
            kind=contents.kind,
            at=contents.at,
            taken_at=contents.taken_at,
            collections=contents.collections,
        )

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            found = {name: tally.as_document() for name, tally in self._tallies.items()}
            self._put(record="end", collections=found, secrets=self._secrets)
        self._file.__exit__(kind, error, trace)

    def documents(self, collection: str, found: Iterable[RawBSONDocument]) -> Iterator[int]:
        """Writes them all; gives how many after each batch."""
        batch: list[bytes] = []
        size = 0
        for document in found:
            batch.append(bytes(document.raw))
            size += len(document.raw)
            if size >= _BATCH_BYTES:
                yield self._batch(collection, batch)
                batch, size = [], 0
        if batch:
            yield self._batch(collection, batch)

    def secret(self, secret: Secret) -> None:
        self._secrets.append(secret.name)
        self._put(record="secret", name=secret.name, content=secret.content)

    def _batch(self, collection: str, batch: list[bytes]) -> int:
        content = b"".join(batch)
        self._tallies[collection].add(content, len(batch))
        packed = zlib.compress(content, _COMPRESSION)
        self._put(record="documents", collection=collection, count=len(batch), content=packed)
        return len(batch)

    def _put(self, **record: Any) -> None:
        self._file.write(bson.encode(record))


class Backup:
    """A file that is there, read from its beginning as often as wanted; `contents` is known at once."""

    def __init__(self, path: Path, *, wrapping: Wrapping) -> None:
        self.path = path
        self._wrapping = wrapping
        self.size = path.stat().st_size if path.exists() else 0
        self.contents = _contents(next(self._records()), path)

    def parts(self) -> Iterator[Documents | Secret]:
        """Raises Trouble where anything is damaged, missing or more than the manifest says."""
        tallies = {name: Tally() for name in self.contents.collections}
        secrets: list[str] = []
        ended = False
        for record in self._records():
            ended = record["record"] == "end"
            if ended:
                self._compare(record, tallies, secrets)
            elif record["record"] == "documents":
                yield self._documents(record, tallies)
            elif record["record"] == "secret":
                secrets.append(record["name"])
                yield Secret(record["name"], record["content"])
        if not ended:
            raise Trouble(f"{self.path} has no manifest at its end.")

    def _documents(self, record: dict[str, Any], tallies: dict[str, Tally]) -> Documents:
        content = zlib.decompress(record["content"])
        tallies[record["collection"]].add(content, record["count"])
        return Documents(record["collection"], tuple(_split(content)))

    def _compare(self, record: dict[str, Any], tallies: dict[str, Tally], secrets: list[str]) -> None:
        found = {name: tally.as_document() for name, tally in tallies.items()}
        if found != record["collections"] or secrets != record["secrets"]:
            wrong = [name for name in found if found[name] != record["collections"].get(name)]
            raise Trouble(f"{self.path} does not hold what its manifest says: {', '.join(wrong) or 'secrets'}.")

    def _records(self) -> Iterator[dict[str, Any]]:
        for chunk in chunks(self.path, wrapping=self._wrapping):
            yield bson.decode(chunk, codec_options=_OPTIONS)


def _contents(record: dict[str, Any], path: Path) -> Contents:
    if record.get("record") != "begin":
        raise Trouble(f"{path} does not begin as a backup does.")
    return Contents(record["kind"], record["at"], record["taken_at"], record["collections"])


def kind_of(path: Path) -> str:
    """`data` or `keys`, which no key is needed for."""
    return str(what_it_says(path).get("kind"))


def _split(content: bytes) -> Iterator[RawBSONDocument]:
    start = 0
    while start < len(content):
        end = start + int.from_bytes(content[start : start + 4], "little")
        yield RawBSONDocument(content[start:end])
        start = end
