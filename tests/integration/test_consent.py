"""What a person is sent is the person's to say, by the links of messages."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from shared.contracts import Contact
from tests.integration.booking_harness import KEYS
from tests.integration.office_harness import AtWork, a_client, an_office_at_work
from tests.sealed import opened

pytestmark = pytest.mark.anyio

MOBILE = "0151 12345678"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def say(work: AtWork, id: str, what: str, body: dict[str, Any]) -> httpx.Response:
    """By the link of a message."""
    headers = {"Authorization": f"Bearer {KEYS.secret('manage', id)}"}
    async with a_client(work.app) as client:
        return await client.put(f"/v1/appointments/{id}/{what}", json=body, headers=headers)


async def contact_told(work: AtWork, id: str) -> tuple[int, Contact]:
    """The newest, as notification hears it."""
    entries = (await work.desk.document(id))["outbox"]
    bodies = [json.loads(e["body"]) for e in entries if e["type"] == "contact.provided.v1"]
    return int(bodies[-1]["sequence"]), Contact.model_validate(bodies[-1]["data"])


async def test_consent_to_sms_is_given_and_taken_back(work: AtWork) -> None:
    held = await work.booked_by_citizen("10:00", days=3)
    first, _ = await contact_told(work, held["id"])

    given = await say(work, held["id"], "sms", {"wanted": True, "phone": MOBILE})
    wanted, contact = await contact_told(work, held["id"])
    assert (given.json(), contact.sms_consent) == ({"sms": True, "reminders": True}, True)
    assert opened(contact).phone == "+4915112345678"
    await work.desk.booking.send_links(phone=MOBILE)
    newest = json.loads((await work.desk.document(held["id"]))["outbox"][-1]["body"])
    assert (newest["type"], newest["data"]["link_by"]) == ("contact.link_requested.v1", "sms")

    taken = await say(work, held["id"], "sms", {"wanted": False})
    again = await say(work, held["id"], "sms", {"wanted": False})
    unwanted, contact = await contact_told(work, held["id"])
    assert (taken.json()["sms"], again.status_code, contact.sms_consent) == (False, 200, False)
    # Kept for calls.
    assert opened(contact).phone == "+4915112345678"
    assert first < wanted < unwanted
    assert (await work.desk.document(held["id"]))["version"] == unwanted


async def test_sms_need_a_number_that_they_reach(work: AtWork) -> None:
    held = await work.booked_by_citizen("10:00", days=3)

    none = await say(work, held["id"], "sms", {"wanted": True})
    landline = await say(work, held["id"], "sms", {"wanted": True, "phone": "07433 921311"})

    assert [answer.json()["reason"] for answer in (none, landline)] == ["no_number", "not_mobile"]


async def test_one_click_ends_reminders_and_nothing_else(work: AtWork) -> None:
    held = await work.booked_by_citizen("10:00", days=3)
    _, contact = await contact_told(work, held["id"])
    url = httpx.URL(opened(contact).unsubscribe_url)
    secret = url.path.rpartition("/")[2]
    async with a_client(work.app) as client:
        assert (await client.get(url.path)).status_code == 200
        assert (await contact_told(work, held["id"]))[1].reminders
        form = {"List-Unsubscribe": "One-Click"}
        for body in ({"data": form}, {"files": {k: (None, v) for k, v in form.items()}}):
            assert (await client.post(url.path, **body)).status_code == 200
        assert (await client.post(f"{url.path}x")).status_code == 403
        own = {"Authorization": f"Bearer {secret}"}
        assert (await client.get(f"/v1/appointments/{held['id']}", headers=own)).status_code == 401

    _, contact = await contact_told(work, held["id"])
    assert (contact.reminders, contact.sms_consent) == (False, False)
    assert (await say(work, held["id"], "reminders", {"wanted": True})).json()["reminders"]


async def test_who_unsubscribes_too_late_is_not_told_off(work: AtWork) -> None:
    held = await work.booked_by_citizen("10:00", days=3)
    _, contact = await contact_told(work, held["id"])
    async with a_client(work.app) as client:
        own = {"Authorization": f"Bearer {held['token']}"}
        await client.post(f"/v1/appointments/{held['id']}/cancel", headers=own)
        answer = await client.post(httpx.URL(opened(contact).unsubscribe_url).path)
    assert answer.status_code == 200


async def test_the_page_of_the_link_takes_consent_back(work: AtWork) -> None:
    held = await work.booked_by_citizen("10:00", days=3)
    await say(work, held["id"], "sms", {"wanted": True, "phone": MOBILE})
    secret = KEYS.secret("manage", held["id"])
    async with a_client(work.app) as client:
        page = await client.get(f"/manage/{held['id']}", params={"secret": secret})
        assert "Keine SMS mehr" in page.text
        done = await client.post(f"/manage/{held['id']}/sms", data={"secret": secret})
    assert (done.status_code, "Keine SMS mehr" in done.text) == (200, False)
    assert not (await contact_told(work, held["id"]))[1].sms_consent
