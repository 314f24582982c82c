"""Updates: operators, and pipelines of `$set`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.simulation.fakes.expressions import MISSING, evaluated
from tests.simulation.fakes.matching import is_condition, matches
from tests.simulation.fakes.values import Document, NotModelled, same

Update = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def updated(document: Document, update: Update, *, now: datetime, inserting: bool = False) -> Document:
    """A changed copy of `document`; `now` is what `$$NOW` means."""
    if not isinstance(update, Mapping):
        for stage in update:
            document = _by_stage(document, stage, now)
        return document
    changed = dict(document)
    for operator, fields in update.items():
        if any("." in key for key in fields):
            raise NotModelled("an update inside a field")
        if operator != "$setOnInsert" or inserting:
            changed = _by_operator(changed, operator, fields, now)
    return changed


def seed_of_upsert(filter: Document) -> Document:
    """What an upsert begins with: whatever its filter says by plain equality."""
    return {key: value for key, value in filter.items() if not key.startswith("$") and not is_condition(value)}


def _by_operator(document: Document, operator: str, fields: Document, now: datetime) -> Document:
    match operator:
        case "$set" | "$setOnInsert":
            return document | fields
        case "$unset":
            return {key: value for key, value in document.items() if key not in fields}
        case "$push":
            return document | {key: [*document.get(key, []), *_pushed(value)] for key, value in fields.items()}
        case "$pull":
            return document | {
                key: [each for each in document[key] if not _pulled(each, condition, now)]
                for key, condition in fields.items()
                if key in document
            }
    raise NotModelled(operator)


def _pushed(value: Any) -> list[Any]:
    if not is_condition(value):
        return [value]
    if list(value) != ["$each"]:
        raise NotModelled(f"$push with {list(value)}")
    return list(value["$each"])


def _pulled(element: Any, condition: Any, now: datetime) -> bool:
    if isinstance(condition, dict) and isinstance(element, dict):
        return matches(element, condition, now)
    return same(element, condition)


def _by_stage(document: Document, stage: Mapping[str, Any], now: datetime) -> Document:
    """Every expression of one stage sees the document as it was before it."""
    if list(stage) != ["$set"]:
        raise NotModelled(f"a stage {list(stage)}")
    values = {key: evaluated(expression, document, now) for key, expression in stage["$set"].items()}
    return document | {key: value for key, value in values.items() if value is not MISSING}
