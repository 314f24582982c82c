"""Receipts over HTTP and what follows: none is lost, none counts twice, in whatever order they come."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from pymongo.errors import ServerSelectionTimeoutError

from services.notification.api import receipt_routes
from services.notification.arrivals import Report, Told
from services.notification.arriving import Arrivals
from services.notification.channels import Taken, TemporaryFailure
from services.notification.channels.sms.configuration import Receipts
from services.notification.channels.sms.receipts import SignedReceipts
from services.notification.domain import Retry
from services.notification.storage import Reports
from shared.contracts import AppointmentConfirmed
from shared.http import Health, create_app
from shared.mongo import Document
from tests.integration.notification.harness import Notification, Notifications
from tests.integration.notification.hearing import hearing
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.patience import until
from tests.integration.notification.test_failures import hear_confirmed, published
from tests.unit.notification.test_receipts import SECRET, from_gateway

pytestmark = pytest.mark.anyio

HOW = Receipts(signature_header="X-Sig", timestamp_header="X-Time")


@dataclass
class Provider:
    """Takes everything over under the id `m<n>`; while it is `held` it says so to nobody."""

    name: str = "some"
    taken: int = 0
    held: bool = False
    failure: Exception | None = None

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        self.taken += 1
        id = f"m{self.taken}-{reference[:13]}"
        while self.held:  # noqa: ASYNC110 - the test sets it
            await asyncio.sleep(0.01)
        if self.failure:
            raise self.failure
        return Taken(self.name, id)

    async def close(self) -> None: ...


@dataclass
class Receiver:
    """One process of the service with its HTTP side."""

    notification: Notification
    arrivals: Arrivals
    http: httpx.AsyncClient
    provider: Provider

    async def post(self, status: str, **receipt: str) -> int:
        body = json.dumps({"status": status, **receipt}).encode()
        return await self.post_signed(body)

    async def post_signed(self, body: bytes, *, secret: str = SECRET, to: str = "some") -> int:
        posted = from_gateway(body, at=self.notification.clock.now(), secret=secret)
        answer = await self.http.post(f"/v1/receipts/{to}", content=posted.body, headers=dict(posted.headers))
        return answer.status_code

    async def sent(self, *, email: str | None = None) -> tuple[AppointmentConfirmed, str]:
        """A message that the provider has taken over, with its id there."""
        contact = {"email": email} if email else {}
        _, confirmed = await hear_confirmed(self.notification, **contact)
        delivery = await self.notification.until(confirmed, "confirmation", "sent", channel="sms")
        return confirmed, delivery["taken"]["id"]

    async def told(self, event: AppointmentConfirmed) -> list[str]:
        delivery = await self.notification.delivery(event, "confirmation", channel="sms")
        return [kind.split(".")[1] for kind, _ in published(delivery)]

    async def until_told(self, event: AppointmentConfirmed, *kinds: str) -> Document:
        async def look() -> bool:
            return await self.told(event) == list(kinds)

        await until(look, what=f"{kinds} were told")
        return await self.notification.delivery(event, "confirmation", channel="sms")


@pytest.fixture
async def receiver(notifications: Notifications) -> AsyncIterator[Receiver]:
    provider = Provider()
    retry = Retry(delays=(timedelta(seconds=60),), attempts=4, jitter=0)
    notification = await notifications.start(sms=provider, retry=retry)
    async with hearing(notification) as arrivals:
        readers = {"some": SignedReceipts(name="some", how=HOW, secret=SecretStr(SECRET))}
        app: FastAPI = create_app(
            title="test",
            description="",
            health=Health(required={}, degrading={}),
            lifespan=None,  # type: ignore[arg-type]
        )
        app.include_router(receipt_routes(arrivals=arrivals, readers=readers, clock=notification.clock))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            yield Receiver(notification, arrivals, http, provider)


async def test_a_delivered_message_is_told_once(receiver: Receiver) -> None:
    """Seen to fail without the guard by version: several processes tell it again."""
    event, id = await receiver.sent()
    codes = await asyncio.gather(*(receiver.post("delivered", message_id=id) for _ in range(10)))
    assert set(codes) == {204}
    delivery = await receiver.until_told(event, "sent", "delivered")
    assert [entry["sequence"] for entry in delivery["outbox"]] == [1, 2]
    assert delivery["status"] == "sent"
    (_, state) = published(delivery)[1]
    assert (state.status, state.delivered_at is not None) == ("delivered", True)
    assert await receiver.post("delivered", message_id=id) == 204
    assert await receiver.told(event) == ["sent", "delivered"]


async def test_a_lost_message_makes_somebody_phone(receiver: Receiver, mailbox: Mailbox) -> None:
    mailbox.refusals["gone@example.org"] = ["550 no such user"]
    event, id = await receiver.sent(email="gone@example.org")
    assert await receiver.post("failed", message_id=id) == 204
    delivery = await receiver.until_told(event, "sent", "failed")
    assert (delivery["status"], delivery["error"]) == ("failed", "receipt failed")

    async def undeliverable() -> bool:
        mail = await receiver.notification.delivery(event, "confirmation")
        return "notification.undeliverable.v1" in [kind for kind, _ in published(mail)]

    await until(undeliverable, what="nobody is left to reach them")


async def test_a_mail_makes_up_for_a_lost_message(receiver: Receiver) -> None:
    event, id = await receiver.sent()
    await receiver.post("failed", message_id=id)

    async def settled() -> bool:
        sms = await receiver.notification.delivery(event, "confirmation", channel="sms")
        return sms["status"] == "failed" and "settle" not in sms

    await until(settled, what="somebody looked for another channel")
    mail = await receiver.notification.delivery(event, "confirmation")
    assert [kind for kind, _ in published(mail)] == ["notification.sent.v1"]


@pytest.mark.parametrize("known_by", ["message_id", "reference"])
@pytest.mark.parametrize("status", ["delivered", "failed"])
async def test_a_receipt_may_come_before_the_answer(receiver: Receiver, status: str, known_by: str) -> None:
    """Seen to fail where a receipt without its delivery is dropped."""
    receiver.provider.held = True
    _, event = await hear_confirmed(receiver.notification)

    async def under_way() -> bool:
        return receiver.provider.taken == 1

    await until(under_way, what="the message is at the provider")
    reference = f"{event.id}:confirmation:sms"
    known = {"message_id": f"m1-{reference[:13]}"} if known_by == "message_id" else {"reference": reference}
    assert await receiver.post(status, **known) == 204
    assert await receiver.told(event) == []
    receiver.provider.held = False
    await receiver.until_told(event, "sent", status)


async def test_a_receipt_makes_up_for_a_lost_answer(receiver: Receiver) -> None:
    """The provider took the message, and its yes never reached us: the receipt spares the second one."""
    receiver.provider.failure = TemporaryFailure("timeout")
    _, event = await hear_confirmed(receiver.notification)

    async def waits() -> bool:
        sms = await receiver.notification.deliveries.collection.find_one({"_id": f"{event.id}:confirmation:sms"})
        return bool(sms and sms.get("error") == "timeout")

    await until(waits, what="the attempt has failed")
    receiver.provider.failure = None
    assert await receiver.post("delivered", reference=f"{event.id}:confirmation:sms") == 204
    delivery = await receiver.until_told(event, "sent", "delivered")
    assert (delivery["status"], receiver.provider.taken) == ("sent", 1)
    assert "late_since" not in delivery


async def test_that_it_arrived_outlives_every_other_report(receiver: Receiver) -> None:
    event, id = await receiver.sent()
    await receiver.post("failed", message_id=id)
    await receiver.until_told(event, "sent", "failed")
    await receiver.post("delivered", message_id=id)
    delivery = await receiver.until_told(event, "sent", "failed", "delivered")
    assert delivery["status"] == "sent"
    other, other_id = await receiver.sent()
    await receiver.post("delivered", message_id=other_id)
    await receiver.post("failed", message_id=other_id)
    delivery = await receiver.until_told(other, "sent", "delivered")
    assert delivery["status"] == "sent"


async def test_what_is_not_signed_changes_nothing(receiver: Receiver) -> None:
    event, id = await receiver.sent()
    body = json.dumps({"status": "failed", "message_id": id}).encode()
    assert await receiver.post_signed(body, secret="guessed") == 401
    assert await receiver.post_signed(body, to="unknown") == 404
    assert await receiver.post_signed(b"{}") == 422
    assert await receiver.told(event) == ["sent"]


async def test_a_receipt_is_stored_before_it_is_answered(receiver: Receiver, notifications: Notifications) -> None:
    """A process that dies right after its answer, before it has told anything, loses nothing."""
    event, id = await receiver.sent()
    await receiver.arrivals.stop()
    report = Report(by="some", told=Told.DELIVERED, message_id=id)
    await Reports(notifications.database).keep(report, now=receiver.notification.clock.now())
    await receiver.arrivals.start()
    await receiver.until_told(event, "sent", "delivered")


async def test_a_receipt_that_cannot_be_stored_is_not_acknowledged(
    receiver: Receiver, notifications: Notifications
) -> None:
    class Away(Reports):
        async def keep(self, report: Report, *, now: object) -> bool:
            raise ServerSelectionTimeoutError

    receiver.arrivals._reports = Away(notifications.database)
    assert await receiver.post("delivered", message_id="m") == 503


async def test_a_message_of_nobody_waits_and_bothers_no_one(
    receiver: Receiver, notifications: Notifications
) -> None:
    assert await receiver.post("delivered", message_id="m-of-another-system") == 204
    document = await notifications.database["reports"].find_one({"message_id": "m-of-another-system"})
    assert document
    assert document["next_at"] > receiver.notification.clock.now() - timedelta(seconds=5)
