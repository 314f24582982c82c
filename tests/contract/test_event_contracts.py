"""Events are a promise to others: the stored example of each version must still parse, the document is current."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.booking import handlers as booking_handlers
from services.notification import handlers as notification_handlers
from services.reporting import handlers as reporting_handlers
from shared.contracts import EVENTS, parse_event
from shared.contracts.asyncapi import as_text
from shared.messaging import Handlers
from shared.republish import bindings_of, hears
from shared.setup import broker_definitions, deploy_folder

EXAMPLES = Path(__file__).parent / "events"
DOCUMENT = Path(__file__).parents[2] / "docs" / "asyncapi.json"
DEFINITIONS = broker_definitions(deploy_folder())


@pytest.mark.parametrize("type", sorted(EVENTS))
def test_stored_example_of_each_version_still_parses(type: str) -> None:
    body = (EXAMPLES / f"{type}.json").read_bytes()

    event = parse_event(body)

    assert event.type == type
    assert json.loads(event.body()).keys() >= json.loads(body).keys() - {"traceparent"}


def test_no_example_is_left_without_its_event() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == set(EVENTS)


def test_asyncapi_document_is_the_one_of_the_code() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == as_text(DEFINITIONS), "run `make docs`"


def test_events_without_personal_data_have_no_field_for_it() -> None:
    personal = {"family_name", "given_name", "email", "phone", "confirm_url", "manage_url", "confirm_code", "code"}
    for type, event in EVENTS.items():
        if event.exchange in ("appointments", "notifications"):
            fields = set(event.model_fields["data"].annotation.model_fields)  # type: ignore[union-attr]
            assert not fields & personal, type


def test_lists_for_staff_name_nobody_and_reach_notification_alone() -> None:
    """Seen to fail with a name in a row, and with a binding of reporting."""
    harmless = {"starts_at", "code", "service", "team", "lane", "persons", "reason"}
    harmless |= {"office", "day", "as_of", "new", "visits", "url"}
    for type in ("office.day_planned.v1", "office.conflicts_found.v1"):
        models = EVENTS[type].model_json_schema()["$defs"].values()
        assert {field for model in models for field in model["properties"]} <= harmless, type
        bound = {(q["name"], key) for q in DEFINITIONS["queues"] for _, key in bindings_of(q["name"], DEFINITIONS)}
        assert {queue for queue, key in bound if hears(key, type)} == {"notification.offices"}


def _heard() -> dict[str, set[str]]:
    nothing: Any = None
    all_handlers: list[Handlers] = [
        booking_handlers.handlers(booking=nothing, reaching=nothing),
        notification_handlers.handlers(known=nothing, deliveries=nothing, dispatcher=nothing, clock=nothing),
        reporting_handlers.handlers(facts=nothing, offices=nothing),
        reporting_handlers.rebuild_handlers(facts=nothing, offices=nothing),
    ]
    return {queue: set(types) for h in all_handlers for queue, types in h.by_queue.items()}


def test_every_queue_in_code_is_in_the_deployment_and_the_reverse() -> None:
    deployed = {q["name"] for q in DEFINITIONS["queues"]}
    work = {q for q in deployed if not q.startswith("retry.") and not q.endswith(".parking")}

    assert set(_heard()) == work
    assert deployed >= {f"{queue}.parking" for queue in work}


def test_every_event_that_reaches_a_queue_has_a_handler_there() -> None:
    for queue, handled in _heard().items():
        bound = {
            type
            for exchange, pattern in bindings_of(queue, DEFINITIONS)
            for type, event in EVENTS.items()
            if event.exchange == exchange and hears(pattern, type)
        }
        assert bound == handled, queue
