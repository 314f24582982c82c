"""Bad input gets a 4xx that says what is wrong; nothing is stored, nothing is sent."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from tests.builders import ALBSTADT
from tests.citizen import OFFICE
from tests.e2e.conftest import NewCitizen
from tests.ledger import Ledger

SOME_ID = "e4998c24-5832-8382-8e4d-1b78be2067b8"
PEOPLE = [{"municipality": "08417031"}]

BAD_HOLDS: list[tuple[dict[str, Any], int, str]] = [
    ({"office": "nowhere"}, 404, "office-unknown"),
    ({"office": {"$gt": ""}}, 422, "office"),
    ({"service": "haircut"}, 422, "service-unknown"),
    ({"service": {"$ne": None}}, 422, "service"),
    ({"service": "settlement"}, 422, "not-open"),
    ({"members": [{"municipality": "08415061"}]}, 422, "municipality-elsewhere"),
    ({"members": [{"municipality": "72379"}]}, 422, "municipality"),
    ({"members": [{"municipality": ALBSTADT}]}, 422, "Stadt Albstadt"),
    ({"members": []}, 422, "members"),
    ({"members": PEOPLE * 7}, 422, "persons-not-possible"),
    ({"members": PEOPLE * 100}, 422, "members"),
    ({"members": [{"municipality": "08417031", "under_6": "$where"}]}, 422, "under_6"),
    ({"family_name": ""}, 422, "family_name"),
    ({"family_name": "x" * 300}, 422, "family_name"),
    ({"family_name": "Ali 😀"}, 422, "family_name"),
    ({"family_name": "Ali\u202egnp"}, 422, "family_name"),
    ({"family_name": "Ali\r\nBcc: x@example.org"}, 422, "family_name"),
    ({"family_name": {"$gt": ""}}, 422, "family_name"),
    ({"starts_at": "tomorrow"}, 422, "starts_at"),
    ({"starts_at": "2026-12-01T08:00:00"}, 422, "starts_at"),
    ({"starts_at": {"$gt": ""}}, 422, "starts_at"),
    ({"surprise": 1}, 422, "surprise"),
]

STARTS = [
    (timedelta(days=-30), "in-the-past"),
    (timedelta(minutes=5), "off-grid"),
    (timedelta(hours=-3), "outside-hours"),
    (timedelta(days=364), "beyond-horizon"),
]


@pytest.fixture
def wish(a_citizen: NewCitizen) -> dict[str, Any]:
    citizen = a_citizen()
    return citizen.wish(citizen.free_times()[3])


def post(stack: Stack, wish: dict[str, Any]) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid4())}
    return httpx.post(f"{stack['booking'].url}/v1/appointments", json=wish, headers=headers, timeout=10)


@pytest.mark.parametrize(("change", "status", "word"), BAD_HOLDS)
def test_a_bad_hold_is_refused_and_says_why(
    stack: Stack, ledger: Ledger, wish: dict[str, Any], change: dict[str, Any], status: int, word: str
) -> None:
    before = ledger.appointments.count_documents({})

    answer = post(stack, {**wish, **change})

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.text
    assert ledger.appointments.count_documents({}) == before


@pytest.mark.parametrize(("shift", "reason"), STARTS)
def test_a_start_that_is_not_offered_is_refused(
    stack: Stack, wish: dict[str, Any], shift: timedelta, reason: str
) -> None:
    starts_at = datetime.fromisoformat(wish["starts_at"]) + shift

    answer = post(stack, {**wish, "starts_at": starts_at.isoformat()})

    assert answer.status_code == 422
    assert answer.json()["reason"] == reason


BAD_CONTACTS: list[dict[str, Any]] = [
    {"email": "a@example.org\r\nBcc: b@example.org"},
    {"email": {"$gt": ""}},
    {"email": "nobody"},
    {"given_name": "A\u202eB"},
    {"given_name": "😀"},
    {"phone": "call me"},
    {"language": "<script>"},
    {"sms_consent": "yes"},
    {"surprise": True},
]


def test_bad_contacts_are_refused_and_nothing_is_sent(ledger: Ledger, a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.hold_any()

    answers = [citizen.request(**change) for change in BAD_CONTACTS]

    assert [answer.status_code for answer in answers] == [422] * len(BAD_CONTACTS)
    assert citizen.look()["status"] == "held"
    ledger.quiet()
    assert not ledger.deliveries_of(citizen.booked["id"])


def test_wrong_or_missing_tokens_open_nothing(stack: Stack, a_citizen: NewCitizen) -> None:
    citizen, other = a_citizen(), a_citizen()
    citizen.hold_any()
    other.hold_any()
    for headers in ({}, other.authorization, {"Authorization": "Bearer k1.x"}, {"Authorization": "Basic eDp4"}):
        for method, path in (("GET", ""), ("PUT", "/contact"), ("POST", "/cancel"), ("GET", "/calendar.ics")):
            body = {"email": "a@example.org"} if method == "PUT" else None
            answer = citizen.http.request(method, citizen.path + path, json=body, headers=headers)
            assert answer.status_code == 401, (method, path)
    assert citizen.look()["status"] == "held"
    unknown = citizen.http.get(f"/v1/appointments/{SOME_ID}", headers=citizen.authorization)
    assert unknown.status_code == 401


def test_a_body_that_is_too_large_is_not_read(stack: Stack) -> None:
    url = f"{stack['booking'].url}/v1/appointments"
    declared = httpx.post(url, content=b"x" * 100_000, timeout=10)
    assert declared.status_code == 413

    def endless() -> Any:
        for _ in range(100):
            yield b"x" * 10_000

    # The server may close while we are still sending.
    with suppress(httpx.NetworkError):
        assert httpx.post(url, content=endless(), timeout=10).status_code == 413


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"service": "haircut"},
        {"service": "eat_pickup", "persons": "0"},
        {"service": "eat_pickup", "persons": "100"},
        {"service": "eat_pickup", "from": "yesterday"},
        {"service": "eat_pickup", "team": "caseworkers"},
        {"service[$gt]": ""},
    ],
)
def test_bad_searches_are_refused(stack: Stack, query: dict[str, str]) -> None:
    answer = httpx.get(f"{stack['booking'].url}/v1/offices/{OFFICE}/availability", params=query, timeout=10)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_personal_data_in_any_log(stack: Stack, ledger: Ledger, a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.hold_any()
    citizen.request(given_name="Wolkenbruch", phone="+4915112345678")
    link = citizen.confirm_by_link(citizen.mails()[0])
    assert link.status_code == 200
    citizen.cancel()
    ledger.quiet()

    logs = "".join((stack.folder / "log" / f"{name}.log").read_text() for name in stack.services)

    assert logs.count("\n") > 20
    for secret in (citizen.email, "Wolkenbruch", "Öztürk", "4915112345678", citizen.booked["token"], "secret="):
        assert secret not in logs


def test_one_correlation_id_from_the_request_to_the_mail(stack: Stack, a_citizen: NewCitizen) -> None:
    citizen = a_citizen()
    citizen.hold_any()
    correlation = citizen.request().headers["x-correlation-id"]
    citizen.mails()

    log = (stack.folder / "log" / "notification.log").read_text()

    lines = [line for line in log.splitlines() if correlation in line]
    assert any("event_handled" in line for line in lines)
    assert any("delivery_tried" in line and "sent" in line for line in lines)
