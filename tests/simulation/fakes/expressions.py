"""Aggregation expressions: just those that the services use."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.fakes.values import Document, NotModelled

MISSING = object()


def evaluated(expression: Any, document: Document, now: datetime) -> Any:
    """`now` is what `$$NOW` means; MISSING where the expression names a field that is not there."""
    if isinstance(expression, str):
        return _path(expression, document, now) if expression.startswith("$") else expression
    if isinstance(expression, list):
        return [evaluated(each, document, now) for each in expression]
    if not isinstance(expression, dict):
        return expression
    if not any(key.startswith("$") for key in expression):
        return {key: evaluated(each, document, now) for key, each in expression.items()}
    return _operation(expression, document, now)


def is_true(value: Any) -> bool:
    return value is not None and value is not MISSING and value is not False and value != 0


def _path(expression: str, document: Document, now: datetime) -> Any:
    if expression == "$$NOW":
        return now
    if expression.startswith("$$") or "." in expression:
        raise NotModelled(expression)
    return document.get(expression[1:], MISSING)


def _operation(expression: Mapping[str, Any], document: Document, now: datetime) -> Any:
    ((operator, operand),) = expression.items()
    if operator == "$literal":
        return operand
    values = [evaluated(each, document, now) for each in operand]
    match operator:
        case "$ifNull":
            return next((v for v in values[:-1] if v is not MISSING and v is not None), values[-1])
        case "$setUnion":
            return _union(values)
        case "$cond":
            return values[1] if is_true(values[0]) else values[2]
        case "$add":
            return _sum(values)
        case "$or":
            return any(map(is_true, values))
        case "$eq":
            return values[0] == values[1]
        case "$lt":
            return _less(*values)
    raise NotModelled(operator)


def _union(arrays: list[Any]) -> Any:
    if any(array is None or array is MISSING for array in arrays):
        return None
    return list(dict.fromkeys(each for array in arrays for each in array))


def _sum(values: list[Any]) -> Any:
    """Numbers; or one date and milliseconds."""
    if any(value is None or value is MISSING for value in values):
        return None
    total = sum(value for value in values if not isinstance(value, datetime))
    dates = [value for value in values if isinstance(value, datetime)]
    return dates[0] + timedelta(milliseconds=total) if dates else total


def _less(one: Any, other: Any) -> bool:
    """What is missing comes before everything."""
    if one is MISSING or other is MISSING:
        return one is MISSING and other is not MISSING
    if type(one) is not type(other):
        raise NotModelled(f"$lt of {type(one).__name__} and {type(other).__name__}")
    return bool(one < other)
