"""The call list, the messages of an appointment, and messages once more, over HTTP on a real database."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from services.booking.commands import Reaching
from services.booking.handlers import handlers
from services.booking.storage import Calls
from shared.contracts import (
    DeliveryState,
    NotificationFailed,
    NotificationSent,
    NotificationUndeliverable,
    new_event,
)
from shared.contracts.event import wire_type
from shared.contracts.notifications import NotificationEvent
from tests.integration.office_harness import A, AtWork, Colleague, O, an_office_at_work

pytestmark = pytest.mark.anyio

LIST = "/v1/staff/call-list"
MAIL: dict[str, Any] = {"contact": {"email": "someone@example.org", "phone": "07433 921311"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def work(servers: Stack) -> AsyncIterator[AtWork]:
    async with an_office_at_work(servers) as work:
        yield work


async def cancel(by: Colleague, booked: dict[str, Any]) -> None:
    await by.post(f"{A}/{booked['id']}/cancel", {"asked_by_citizen": False, "reason": "close_now"})


async def hear(work: AtWork, *events: NotificationEvent) -> None:
    reaching = Reaching(work.desk.booking, work.desk.messages, Calls(work.desk.database))
    on = handlers(booking=work.desk.booking, reaching=reaching).by_queue["booking.notifications"]
    for event in events:
        await on[wire_type(type(event))](event)


async def told(work: AtWork, id: str, kind: str) -> dict[str, Any]:
    """The newest event of this kind that the appointment told."""
    history = (await work.desk.document(id))["history"]
    entry = next(e for e in reversed(history) if e["type"] == kind)
    return {"caused_by": entry["id"], "created_at": entry["at"]}


def heard(
    kind: type[NotificationEvent], id: str, purpose: str, cause: dict[str, Any], *, sequence: int = 1, **more: Any
) -> NotificationEvent:
    status = wire_type(kind).split(".")[1]
    values: dict[str, Any] = {
        "delivery": f"{cause['caused_by']}:{purpose}:email",
        "appointment": id,
        "office": "zollernalbkreis",
        "purpose": purpose,
        "channel": "email",
        "language": "de",
        "status": status,
        "attempts": 1,
        "due_at": cause["created_at"],
        **cause,
        **more,
    }
    state = DeliveryState(**values)
    return new_event(kind, subject=state.delivery, sequence=sequence, data=state, time=state.created_at)


async def names(by: Colleague) -> list[tuple[str, str]]:
    return [(one["id"], one["why"]) for one in await by.get(LIST)]


async def test_who_has_no_address_is_phoned_when_the_office_cancels(work: AtWork) -> None:
    by = await work.colleague("service_point")
    without = await work.booked(by, "10:00")
    landline = await work.booked(by, "10:30", contact={"phone": "07433 921311", "given_name": "Ayşe"})
    with_mail = await work.booked(by, "11:00", **MAIL)
    for one in (without, landline, with_mail):
        await cancel(by, one)

    found = await by.get(LIST)

    assert [one["id"] for one in found] == [without["id"], landline["id"]]
    assert (found[1]["phone"], found[1]["name"], found[1]["why"]) == ("+497433921311", "Öztürk", "no_contact")
    assert found[1]["say"].startswith("Ihr Termin am Montag, ")
    assert "10:30 Uhr kann leider nicht stattfinden" in found[1]["say"]
    assert await work.recorded() == [*(await work.recorded())[:-1], "call_list.seen"]


async def test_a_message_that_is_not_out_in_time_is_a_call(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "11:00", **MAIL)
    late = await work.booked(by, "11:30", contact={"email": "other@example.org"})
    for one in (booked, late):
        await cancel(by, one)
    cause = await told(work, booked["id"], "appointment.office_cancelled.v1")
    await hear(work, heard(NotificationSent, booked["id"], "office_cancellation", cause))
    assert await by.get(LIST) == []

    work.it_is("09:05")

    assert await names(by) == [(late["id"], "not_sent")]
    work.it_is("12:30")
    assert await by.get(LIST) == []


async def test_an_undeliverable_message_is_a_call_once(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "11:00", **MAIL)
    await cancel(by, booked)
    cause = await told(work, booked["id"], "appointment.office_cancelled.v1")
    bounced = heard(NotificationUndeliverable, booked["id"], "office_cancellation", cause, sequence=3)
    sent = heard(NotificationSent, booked["id"], "office_cancellation", cause, sequence=2)

    await hear(work, sent, bounced, bounced, sent)

    assert await names(by) == [(booked["id"], "undeliverable")]
    await by.post(f"{LIST}/{booked['id']}/done")
    await hear(work, bounced)
    assert [one["state"] for one in await by.get(LIST)] == ["done"]


async def test_of_two_who_phone_one_wins(work: AtWork) -> None:
    by = [await work.colleague("service_point") for _ in range(5)]
    booked = await work.booked(by[0], "10:00")
    await cancel(by[0], booked)

    answers = await asyncio.gather(*(one("POST", f"{LIST}/{booked['id']}/take") for one in by))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    lost = next(answer.json() for answer in answers if answer.status_code == 409)
    assert lost["type"] == "taken-by-another"
    assert (await by[0].get(LIST))[0]["state"] == "taken"
    assert (await work.recorded(booked["id"])).count("call.taken") == 1


async def test_a_call_is_tried_done_and_taken_back(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "10:00")
    await cancel(by, booked)
    path = f"{LIST}/{booked['id']}"

    await by.post(f"{path}/take")
    assert (await by.post(f"{path}/not-reached"))["tries"] == 1
    done = await by.post(f"{path}/done")
    assert (done["state"], done["can_undo"]) == ("done", True)
    assert await by.refused(f"{path}/take") == (409, "no-call")
    assert (await by.post(f"{path}/undo"))["state"] == "open"
    other = await work.colleague("service_point")
    assert await other.refused(f"{path}/undo") == (409, "nothing-to-undo")
    acts = [action for action in await work.recorded(booked["id"]) if action.startswith("call.")]
    assert acts == ["call.taken", "call.not_reached", "call.done", "call.undone"]


async def test_other_eyes_see_neither_name_nor_number(work: AtWork) -> None:
    by, looks = await work.colleague("service_point"), await work.colleague("read_only")
    elsewhere = await work.colleague("lead", office="tuttlingen")
    booked = await work.booked(by, "10:00", contact={"phone": "07433 921311"})
    await cancel(by, booked)

    seen = (await looks.get(LIST))[0]

    assert (seen["name"], seen["phone"], seen["code"]) == (None, None, booked["code"])
    assert await elsewhere.get(LIST) == []
    assert await elsewhere.refused(f"{LIST}/{booked['id']}/take") == (404, "not-here")


async def test_messages_are_listed_without_text_and_address(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "11:00", **MAIL)
    cause = await told(work, booked["id"], "appointment.confirmed.v1")
    failed = heard(NotificationFailed, booked["id"], "confirmation", cause, error="550", attempts=4)
    given_up = heard(NotificationUndeliverable, booked["id"], "confirmation", cause, sequence=2, error="550")

    await hear(work, given_up, failed)
    found = await by.get(f"{A}/{booked['id']}/messages")

    assert found["possible"] == ["confirmation", "reminder"]
    message = found["messages"][0]
    assert len(found["messages"]) == 1
    assert (message["purpose"], message["status"], message["error"]) == ("confirmation", "undeliverable", "550")
    assert "someone@example.org" not in json.dumps(found)
    assert await names(by) == [(booked["id"], "undeliverable")]


async def test_a_message_goes_once_more_and_not_at_will(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "11:00", **MAIL)
    path, wish = f"{A}/{booked['id']}/messages", {"purpose": "confirmation", "reason": "lost"}
    same = {"headers": {"Idempotency-Key": "one-and-the-same"}}

    for _ in range(3):
        await by.post(path, wish, **same)
    assert len(await asked(work, booked["id"])) == 1
    for _ in range(2):
        await by.post(path, wish)
    refused: httpx.Response = await by("POST", path, json=wish)

    assert (refused.status_code, refused.json()["type"]) == (429, "too-many-messages")
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
    events = await asked(work, booked["id"])
    assert [event["purpose"] for event in events] == ["confirmation"] * 3
    assert datetime.fromisoformat(events[0]["starts_at"]) == datetime.fromisoformat(booked["starts_at"])
    work.it_is("08:31", days=1)
    assert await by.refused(path, wish) == (409, "message-not-possible")


async def test_a_reminder_goes_once_more_with_a_reason_that_is_recorded(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked = await work.booked(by, "11:00", **MAIL)
    same = {"headers": {"Idempotency-Key": "the-same-for-the-reminder"}}

    for _ in range(2):
        await by.post(f"{A}/{booked['id']}/messages", {"purpose": "reminder", "reason": "asked"}, **same)

    assert [event["purpose"] for event in await asked(work, booked["id"])] == ["reminder"]
    entry = await work.desk.database["audit"].find_one({"subject": booked["id"], "action": "message.requested"})
    assert entry
    assert entry["detail"] == {"purpose": "reminder", "reason": "asked"}
    assert await by.refused(f"{A}/{booked['id']}/messages", {"purpose": "changed"}) == (
        409, "message-not-possible")  # fmt: skip


async def test_only_what_is_so_goes_once_more(work: AtWork) -> None:
    by = await work.colleague("service_point")
    booked, without = await work.booked(by, "11:00", **MAIL), await work.booked(by, "11:30")
    await cancel(by, booked)
    path = f"{A}/{booked['id']}/messages"

    assert await by.refused(path, {"purpose": "confirmation"}) == (409, "message-not-possible")
    assert await by.refused(f"{A}/{without['id']}/messages", {"purpose": "confirmation"}) == (
        409, "no-way-to-write")  # fmt: skip
    await by.post(path, {"purpose": "office_cancellation"})


async def asked(work: AtWork, id: str) -> list[dict[str, Any]]:
    entries = (await work.desk.document(id))["outbox"]
    return [json.loads(e["body"])["data"] for e in entries if e["type"] == "contact.message_requested.v1"]


async def test_close_now_fills_the_list(work: AtWork) -> None:
    by, lead = await work.colleague("service_point"), await work.colleague("lead")
    booked = await work.booked(by, "10:00")

    await lead.post(f"{O}/close-now", {})

    assert await names(by) == [(booked["id"], "no_contact")]
