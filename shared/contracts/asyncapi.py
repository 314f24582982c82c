"""`docs/asyncapi.json` from the event models and the broker's bindings: who tells what, and who hears it."""

import json
import sys
from pathlib import Path
from typing import Any

from shared.contracts.event import CONTENT_TYPE, Event
from shared.contracts.reading import EVENTS
from shared.republish import bindings_of, hears
from shared.setup import broker_definitions, deploy_folder

_TOLD_BY = {
    "appointments": "booking",
    "contacts": "booking",
    "offices": "booking",
    "notifications": "notification",
}


def asyncapi(definitions: dict[str, Any]) -> dict[str, Any]:
    """The AsyncAPI 3.0 document: one channel per event type, one operation per teller and per queue."""
    schemas: dict[str, Any] = {}
    messages = {type: _message(event, schemas) for type, event in EVENTS.items()}
    operations = {
        name: operation
        for type, event in EVENTS.items()
        for name, operation in _operations(type, event, definitions).items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Amtstermin events",
            "version": "1",
            "description": "CloudEvents 1.0 in structured mode over RabbitMQ topic exchanges; at least once.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {type: _channel(type, event) for type, event in EVENTS.items()},
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(type: str, event: type[Event]) -> dict[str, Any]:
    return {
        "address": type,
        "description": f"Routing key on the exchange `{event.exchange}`.",
        "messages": {type: {"$ref": f"#/components/messages/{type}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": event.exchange, "type": "topic", "durable": True, "vhost": "amtstermin"},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _message(event: type[Event], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = event.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas.update(schema.pop("$defs", {}))
    schemas[event.__name__] = schema
    return {
        "summary": (event.__doc__ or event.__name__).strip().splitlines()[0],
        "contentType": CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
    }


def _operations(type: str, event: type[Event], definitions: dict[str, Any]) -> dict[str, Any]:
    channel = {"$ref": f"#/channels/{type}"}
    teller = _TOLD_BY.get(event.exchange, "booking")
    found: dict[str, Any] = {f"{teller}.tells.{type}": {"action": "send", "channel": channel}}
    for queue in (q["name"] for q in definitions["queues"]):
        bindings = bindings_of(queue, definitions)
        if any(exchange == event.exchange and hears(pattern, type) for exchange, pattern in bindings):
            title = f"{queue} hears {type}"
            found[f"{queue}.hears.{type}"] = {"action": "receive", "title": title, "channel": channel}
    return found


def as_text(definitions: dict[str, Any]) -> str:
    return json.dumps(asyncapi(definitions), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_text(broker_definitions(deploy_folder())), encoding="utf-8")
