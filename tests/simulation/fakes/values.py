"""Values as MongoDB tells them apart."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions

Document = dict[str, Any]

_OPTIONS: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
_RANKS: dict[type, int] = {type(None): 1, int: 2, float: 2, str: 3, dict: 4, list: 5, bool: 7, datetime: 8}


class NotModelled(BaseException):
    """The fake does not know this; not an Exception, so that no product code swallows it."""


def as_stored(document: Document) -> Document:
    """A copy with the types, and the whole milliseconds, that come back from a database.

    Raises what the driver raises for what cannot be stored.
    """
    return bson.decode(bson.encode(document), codec_options=_OPTIONS)


def rank(value: Any) -> int:
    try:
        return _RANKS[type(value)]
    except KeyError:
        raise NotModelled(f"a value of type {type(value).__name__}") from None


def same(one: Any, other: Any) -> bool:
    return rank(one) == rank(other) and bool(one == other)


def with_elements(values: Iterable[Any]) -> Iterator[Any]:
    """A condition holds for an array where it holds for one of its elements."""
    for value in values:
        yield value
        if isinstance(value, list):
            yield from value
