"""Filters, paths, projections and sort orders, as MongoDB reads them: just what the services use.

Anything else raises NotModelled, so that no test passes by a fake that shrugs.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from tests.simulation.fakes.expressions import evaluated, is_true
from tests.simulation.fakes.values import Document, NotModelled, rank, same, with_elements


def matches(document: Document, filter: Document, now: datetime) -> bool:
    for key, wanted in filter.items():
        # The common case first: processes look for work all the time, and mostly find none.
        known = document.get(key)
        if type(wanted) is str and type(known) is str:
            if known != wanted:
                return False
        elif not _holds(document, key, wanted, now):
            return False
    return True


def is_condition(value: Any) -> bool:
    """`{"$lt": 3}`, as against a document to compare with."""
    return isinstance(value, dict) and bool(value) and next(iter(value)).startswith("$")


def _holds(document: Document, key: str, wanted: Any, now: datetime) -> bool:
    if key == "$or":
        return any(matches(document, each, now) for each in wanted)
    if key == "$expr":
        return is_true(evaluated(wanted, document, now))
    if key.startswith("$"):
        raise NotModelled(key)
    values = _values(document, key)
    if not is_condition(wanted):
        return _equals(values, wanted)
    return all(_condition_holds(operator, operand, values) for operator, operand in wanted.items())


def _values(document: Document, key: str) -> list[Any]:
    if "." in key:
        return list(_at(document, key.split(".")))
    return [document[key]] if key in document else []


def _condition_holds(operator: str, operand: Any, values: list[Any]) -> bool:
    match operator:
        case "$exists":
            return bool(values) is bool(operand)
        case "$ne":
            return not _equals(values, operand)
        case "$in":
            return any(_equals(values, each) for each in operand)
        case "$lt" | "$lte" | "$gt" | "$gte":
            return any(_compares(operator, each, operand) for each in with_elements(values))
    raise NotModelled(operator)


def _equals(values: list[Any], wanted: Any) -> bool:
    if wanted is None:
        return not values or None in values
    return any(same(each, wanted) for each in with_elements(values))


def _compares(operator: str, value: Any, operand: Any) -> bool:
    """Only values of one type compare."""
    if rank(value) != rank(operand):
        return False
    match operator:
        case "$lt":
            return bool(value < operand)
        case "$lte":
            return bool(value <= operand)
        case "$gt":
            return bool(value > operand)
        case _:
            return bool(value >= operand)


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """What stands at `path`: a number picks from an array, a name looks into each document of it."""
    if not path:
        yield value
        return
    name, rest = path[0], path[1:]
    if isinstance(value, dict):
        if name in value:
            yield from _at(value[name], rest)
    elif isinstance(value, list):
        if name.isdecimal() and int(name) < len(value):
            yield from _at(value[int(name)], rest)
        for each in value:
            if isinstance(each, dict):
                yield from _at(each, path)


def projected(document: Document, projection: Document | None) -> Document:
    """Only the fields that are asked for, and `_id`."""
    if not projection:
        return document
    if not all(projection.values()):
        raise NotModelled("a projection that leaves out")
    kept: Document = {"_id": document["_id"]}
    for key in projection:
        name, _, rest = key.partition(".")
        if name in document and name != "_id":
            kept[name] = _inside(document[name], rest) if rest else document[name]
    return kept


def _inside(value: Any, path: str) -> Any:
    name, _, rest = path.partition(".")
    if isinstance(value, list):
        return [_inside(each, path) for each in value if isinstance(each, dict | list)]
    if name not in value:
        return {}
    return {name: _inside(value[name], rest) if rest else value[name]}


def ordered(documents: list[Document], sort: Sequence[tuple[str, int]]) -> list[Document]:
    for key, direction in reversed(sort):
        place = partial(_place, path=key.split("."), direction=direction)
        documents.sort(key=place, reverse=direction < 0)
    return documents


def _place(document: Document, path: list[str], direction: int) -> tuple[int, Any]:
    values = with_elements(_at(document, path))
    places = [(rank(value), value) for value in values if not isinstance(value, list | dict | None)]
    if not places:
        return (1, 0)
    return min(places) if direction > 0 else max(places)
