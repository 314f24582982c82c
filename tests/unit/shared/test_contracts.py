import json

import pytest

from services.booking.storage import to_state
from shared.contracts import (
    EVENTS,
    AppointmentHeld,
    Office,
    OfficePublished,
    UnreadableEvent,
    new_event,
    parse_event,
)
from shared.contracts.event import wire_type
from shared.republish import bindings_of, hears
from shared.setup import broker_definitions, deploy_folder
from tests.builders import MONDAY, a_hold, an_office

DEFINITIONS = broker_definitions(deploy_folder())


def an_event() -> AppointmentHeld:
    held = a_hold()
    return new_event(AppointmentHeld, subject=held.id, sequence=1, data=to_state(held), time=MONDAY)


def test_an_event_survives_the_wire() -> None:
    event = an_event()

    assert parse_event(event.body()) == event
    assert json.loads(event.body())["sequence"] == "1"


def test_an_office_survives_the_wire() -> None:
    told = Office.model_validate(an_office().data.model_dump(by_alias=True))
    event = new_event(OfficePublished, subject=told.id, sequence=1, data=told, time=MONDAY)

    assert parse_event(event.body()) == event


def test_unknown_fields_of_a_newer_publisher_are_ignored() -> None:
    document = json.loads(an_event().body())
    document["new"] = 1
    document["data"]["new"] = 1

    assert parse_event(json.dumps(document).encode()) == parse_event(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"type": 5}', "unknown event type"),
        (b'{"type": "appointment.held.v9"}', "unknown event type"),
        (b'{"type": "appointment.held.v1"}', "broken"),
    ],
)
def test_unreadable_bodies_say_why(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableEvent, match=reason):
        parse_event(body)


def test_the_reason_never_quotes_the_data() -> None:
    document = json.loads(an_event().body())
    document["data"]["persons"] = "Öztürk"

    with pytest.raises(UnreadableEvent) as error:
        parse_event(json.dumps(document).encode())
    assert "Öztürk" not in error.value.reason
    assert "data.persons" in error.value.reason


@pytest.mark.parametrize("type", sorted(EVENTS))
def test_every_event_has_a_bound_queue(type: str) -> None:
    queues = [q["name"] for q in DEFINITIONS["queues"]]

    found = [
        queue
        for queue in queues
        for exchange, pattern in bindings_of(queue, DEFINITIONS)
        if exchange == EVENTS[type].exchange and hears(pattern, type)
    ]

    assert found


def test_wire_names_end_in_their_version() -> None:
    assert all(wire_type(cls) == type and type.rsplit(".v", 1)[1].isdigit() for type, cls in EVENTS.items())


def test_patterns_count_words() -> None:
    assert hears("appointment.*.v1", "appointment.held.v1")
    assert not hears("appointment.*.v1", "appointment.held.v2")
    assert not hears("appointment.*.v1", "appointment.v1")
