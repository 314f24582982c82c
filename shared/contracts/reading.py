"""Bytes from a queue to an event, or the reason why not."""

import json
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError

from shared.contracts import appointments, contacts, notifications, offices, supply
from shared.contracts.event import Event, wire_type


class UnreadableEvent(Exception):
    """The bytes are no event that this version knows. `reason` names the fault without quoting data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _published() -> dict[str, type[Event]]:
    modules = (appointments, contacts, notifications, offices, supply)
    classes = {c for m in modules for c in vars(m).values() if isinstance(c, type) and issubclass(c, Event)}
    return {wire_type(c): c for c in classes if c.model_fields["type"].default is not None and _is_wire(c)}


def _is_wire(cls: type[Event]) -> bool:
    return isinstance(cls.model_fields["type"].default, str)


EVENTS: dict[str, type[Event]] = dict(sorted(_published().items()))


# From bytes to event in one step: half the time of making a document first.
_one_of: Any = Union[tuple(EVENTS.values())]  # noqa: UP007 (made at run time)
_any_event: TypeAdapter[Event] = TypeAdapter(Annotated[_one_of, Field(discriminator="type")])


def parse_event(body: bytes) -> Event:
    """The event in `body`; raises UnreadableEvent for anything that is not JSON, unknown or incomplete."""
    try:
        return _any_event.validate_json(body)
    except ValidationError:
        return _event_or_fault(body)


def _event_or_fault(body: bytes) -> Event:
    document = _object(body)
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise UnreadableEvent(f"unknown event type {kind!r:.80}")
    try:
        return EVENTS[kind].model_validate(document)
    except ValidationError as error:
        places = ", ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors()[:5])
        raise UnreadableEvent(f"{kind} is broken ({places})") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableEvent("not JSON") from None
    if not isinstance(document, dict):
        raise UnreadableEvent("not a JSON object")
    return document
