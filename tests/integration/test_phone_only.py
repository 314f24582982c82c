"""Somebody with a mobile number and no mail address: asked by SMS, confirmed by its code."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Stack
from tests.integration.booking_harness import KEYS
from tests.integration.office_harness import FIRST_CONTACT, OFFICE, A, AtWork, a_client, an_office_at_work, bearer

pytestmark = pytest.mark.anyio

MOBILE = {"phone": "0151 12345678", "sms_consent": True}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def held(work: AtWork, wall: str = "10:00") -> dict[str, Any]:
    async with a_client(work.app) as client:
        body = {"office": OFFICE, **work.wanted(wall, days=3, preconditions={"pin_letter": True})}
        answer = await client.post("/v1/appointments", json=body, headers={"Idempotency-Key": str(uuid4())})
        found: dict[str, Any] = answer.json()
        return found


async def put_contact(work: AtWork, held: dict[str, Any], contact: dict[str, Any]) -> httpx.Response:
    async with a_client(work.app) as client:
        return await client.put(f"/v1/appointments/{held['id']}/contact", json=contact, headers=bearer(held))


async def confirm(work: AtWork, held: dict[str, Any], code: str) -> httpx.Response:
    async with a_client(work.app) as client:
        return await client.post(f"/v1/appointments/{held['id']}/confirm", json={"secret": code})


async def test_the_code_of_the_sms_confirms(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await held(work)

    assert (await put_contact(work, booked, MOBILE)).json()["status"] == "requested"
    confirmed = await confirm(work, booked, KEYS.code(booked["id"], FIRST_CONTACT))

    assert confirmed.json()["status"] == "confirmed"
    person = await by.get(f"{A}/{booked['id']}")
    assert (person["email"], person["phone"]) == (None, "+4915112345678")


async def links_told(work: AtWork, id: str) -> list[str]:
    """By which ways the link was told again."""
    outbox = (await work.desk.document(id))["outbox"]
    told = [json.loads(e["body"]) for e in outbox if e["type"] == "contact.link_requested.v1"]
    return [event["data"]["link_by"] for event in told]


async def ask_for_links(work: AtWork, **to: str) -> int:
    async with a_client(work.app) as client:
        return (await client.post("/v1/links", json=to)).status_code


async def test_the_link_comes_again_by_sms_to_whoever_names_the_number(work: AtWork) -> None:
    """Whether or not anybody has it, the answer is the same. Seen to fail without the look at the consent."""
    known, silent = await held(work), await held(work, "11:00")
    await put_contact(work, known, MOBILE)
    await confirm(work, known, KEYS.code(known["id"], FIRST_CONTACT))
    unwilling = {"phone": "0151 12345679", "email": "someone@example.org"}
    await put_contact(work, silent, unwilling)
    await confirm(work, silent, KEYS.code(silent["id"], FIRST_CONTACT))

    numbers = ("+49 151 12345678", "0151 12345678", "0151 12345679", "0151 99999999")
    assert [await ask_for_links(work, phone=number) for number in numbers] == [202] * 4

    assert await links_told(work, known["id"]) == ["sms"]
    assert await links_told(work, silent["id"]) == []
    assert await ask_for_links(work, email="someone@example.org") == 202
    assert await links_told(work, silent["id"]) == ["email"]


@pytest.mark.parametrize("to", [{}, {"email": "a@example.org", "phone": "0151 12345678"}, {"phone": "no number"}])
async def test_links_are_asked_for_by_one_address_or_one_number(work: AtWork, to: dict[str, str]) -> None:
    assert await ask_for_links(work, **to) == 422


async def test_codes_cannot_be_tried_at_will(work: AtWork) -> None:
    booked = await held(work)
    await put_contact(work, booked, MOBILE)
    right = KEYS.code(booked["id"], FIRST_CONTACT)
    wrong = "000000" if right != "000000" else "000001"

    tries = [(await confirm(work, booked, wrong)).status_code for _ in range(6)]

    assert tries == [403] * 5 + [429]
    assert (await confirm(work, booked, right)).json()["type"] == "code-used-up"


async def test_a_number_that_no_sms_reaches_is_named_at_once(work: AtWork) -> None:
    booked = await held(work)

    refused = await put_contact(work, booked, {"phone": "07433 921311", "sms_consent": True})
    kept = await put_contact(work, booked, {"phone": "07433 921311", "email": "someone@example.org"})

    assert (refused.status_code, refused.json()["type"], refused.json()["reason"]) == (
        422, "sms-not-possible", "not_mobile")  # fmt: skip
    assert "mail address or a mobile number" in refused.json()["detail"]
    assert kept.json()["status"] == "requested"


async def test_one_person_has_one_appointment_by_number_too(work: AtWork) -> None:
    first, second = await held(work), await held(work, "11:00")
    await put_contact(work, first, MOBILE)
    await put_contact(work, second, {**MOBILE, "phone": "+49 151 12345678"})
    await confirm(work, first, KEYS.code(first["id"], FIRST_CONTACT))

    again = await confirm(work, second, KEYS.code(second["id"], FIRST_CONTACT))

    assert (again.status_code, again.json()["type"]) == (409, "booked-already")


async def test_nobody_without_any_address_is_asked(work: AtWork) -> None:
    booked = await held(work)
    assert (await put_contact(work, booked, {"given_name": "Ayşe"})).status_code == 422
