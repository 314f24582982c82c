"""SMS over a real HTTP gateway: once each, later where it wants that, and what happens where nobody knows."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from deploy.local.ports import Ports
from services.notification.channels import PermanentFailure, SmsProvider, TemporaryFailure, Unavailable
from services.notification.channels.sms import choose, gateways_of
from services.notification.domain import Retry
from shared.contracts import AppointmentConfirmed
from shared.mongo import Document
from tests.integration.notification.harness import QUICK, SOON, Notification, Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.patience import until
from tests.integration.notification.test_failures import hear_confirmed, published, until_settled
from tests.prove.gateway import GatewayMood, SmsGateway

pytestmark = pytest.mark.anyio

NUMBER = "+4915112345678"
# More attempts than a busy machine makes before a test looks again.
PATIENT = replace(SOON, attempts=500)


def a_provider(gateway: SmsGateway, *, timeout: timedelta = QUICK.send_timeout) -> SmsProvider:
    return provider(gateway.url, token=gateway.token, timeout=timeout)


def provider(url: str, *, token: str, timeout: timedelta) -> SmsProvider:
    """The one that NOTIFICATION_SMS=url is."""
    secrets = {"gateway": {"token": SecretStr(token)}}
    (chosen,) = choose(gateways_of(url, with_token=True), secrets=secrets, timeout=timeout)
    return chosen.provider


@pytest.fixture
async def sms(gateway: SmsGateway) -> AsyncIterator[SmsProvider]:
    one = a_provider(gateway)
    yield one
    await one.close()


@pytest.fixture
async def notification(notifications: Notifications, gateway: SmsGateway) -> Notification:
    return await notifications.start(sms=a_provider(gateway), retry=PATIENT)


async def send(sms: SmsProvider, reference: str = "one") -> None:
    await sms.send(to=NUMBER, text="Ihr Termin: 3.12., 10:30 Uhr. Grüße", reference=reference)


async def until_it_says(notification: Notification, event: AppointmentConfirmed, error: str) -> Document:
    """The text message's delivery, once an attempt met `error`."""

    async def look() -> Document | None:
        id = f"{event.id}:confirmation:sms"
        return await notification.deliveries.collection.find_one({"_id": id, "error": error})

    found = await until(look, what=f"the text message met {error}")
    assert found is not None
    return found


async def until_sent(notification: Notification, event: AppointmentConfirmed) -> Document:
    return await notification.until(event, "confirmation", "sent", channel="sms")


def references(gateway: SmsGateway) -> list[str]:
    return [message.reference for message in gateway.taken]


async def test_one_connection_carries_many_messages(sms: SmsProvider, gateway: SmsGateway) -> None:
    for number in range(10):
        await send(sms, str(number))
    assert references(gateway) == [str(number) for number in range(10)]
    assert {message.to for message in gateway.taken} == {NUMBER}
    assert gateway.connections == 1


async def test_the_message_and_its_key_arrive_whole(sms: SmsProvider, gateway: SmsGateway) -> None:
    await send(sms, "a:confirmation:sms")
    (body, headers) = gateway.last
    assert body == {"to": NUMBER, "text": "Ihr Termin: 3.12., 10:30 Uhr. Grüße", "reference": "a:confirmation:sms"}
    assert headers["Idempotency-Key"] == "a:confirmation:sms"


@pytest.mark.parametrize(
    ("mood", "kind", "error"),
    [
        (GatewayMood.BUSY, Unavailable, "HTTP 429"),
        (GatewayMood.FAILING, TemporaryFailure, "HTTP 500"),
        (GatewayMood.REFUSING, PermanentFailure, "HTTP 400"),
        (GatewayMood.RESETTING, TemporaryFailure, "ReadError"),
        (GatewayMood.FORGETFUL, TemporaryFailure, "ReadError"),
    ],
)
async def test_each_mood_is_its_kind_of_failure(
    sms: SmsProvider, gateway: SmsGateway, mood: GatewayMood, kind: type[Exception], error: str
) -> None:
    gateway.mood = mood
    with pytest.raises(kind) as failed:
        await send(sms)
    assert type(failed.value) is kind
    assert str(failed.value) == error
    gateway.mood = GatewayMood.FAIR
    await send(sms, "two")
    assert references(gateway)[-1] == "two"


async def test_every_send_ends_in_time(gateway: SmsGateway) -> None:
    gateway.mood = GatewayMood.SLOW
    sms = a_provider(gateway, timeout=timedelta(milliseconds=300))
    async with asyncio.timeout(2):
        with pytest.raises(TemporaryFailure, match=r"^timeout$"):
            await send(sms)
    await sms.close()


async def test_only_a_known_authority_is_trusted(starttls: ssl.SSLContext, tmp_path: Path) -> None:
    """Seen to fail with `verify=False`."""
    heard = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    port = Ports(file=tmp_path / "ports.json").of("gateway")
    async with await asyncio.start_server(listen, "127.0.0.1", port, ssl=starttls):
        sms = provider(f"https://127.0.0.1:{port}/", token="x", timeout=timedelta(seconds=5))
        with pytest.raises(Unavailable, match=r"^ConnectError$"):
            await send(sms)
        await sms.close()
    assert heard == []


async def test_a_fair_gateway_takes_each_message_once(notification: Notification, gateway: SmsGateway) -> None:
    _, confirmed = await hear_confirmed(notification)
    delivery = await until_sent(notification, confirmed)
    assert references(gateway) == [delivery["_id"]]
    assert gateway.taken[0].to == NUMBER


async def test_a_failing_gateway_gets_the_message_later(notification: Notification, gateway: SmsGateway) -> None:
    gateway.mood = GatewayMood.FAILING
    _, confirmed = await hear_confirmed(notification)
    await until_it_says(notification, confirmed, "HTTP 500")
    gateway.mood = GatewayMood.FAIR
    delivery = await until_sent(notification, confirmed)
    assert references(gateway) == [delivery["_id"]]
    assert delivery["attempts"] == gateway.asked > 1


async def test_a_busy_gateway_is_left_alone_as_long_as_it_asks(
    notification: Notification, gateway: SmsGateway
) -> None:
    """Seen to fail where the pause is the usual one: it is asked again within 50 ms."""
    gateway.mood, gateway.retry_after_s = GatewayMood.BUSY, 1
    _, confirmed = await hear_confirmed(notification)
    await until_it_says(notification, confirmed, "HTTP 429")
    gateway.mood = GatewayMood.FAIR
    delivery = await until_sent(notification, confirmed)
    assert delivery["attempts"] == 1
    pauses = [later - earlier for earlier, later in pairwise(gateway.asked_at)]
    assert pauses
    # The database's clock, which times the pause, may be corrected by a few milliseconds meanwhile.
    assert min(pauses) > 0.9


async def test_a_lost_connection_is_tried_again(notification: Notification, gateway: SmsGateway) -> None:
    gateway.mood = GatewayMood.RESETTING
    _, confirmed = await hear_confirmed(notification)
    await until_it_says(notification, confirmed, "ReadError")
    gateway.mood = GatewayMood.FAIR
    delivery = await until_sent(notification, confirmed)
    assert references(gateway) == [delivery["_id"]]


async def test_a_forgetful_gateway_gets_one_message_per_attempt(
    notifications: Notifications, gateway: SmsGateway
) -> None:
    """What the documentation promises at most, all under one reference."""
    retry = Retry(delays=(timedelta(milliseconds=20),), attempts=3, jitter=0)
    notification = await notifications.start(sms=a_provider(gateway), retry=retry)
    gateway.mood = GatewayMood.FORGETFUL
    _, confirmed = await hear_confirmed(notification)
    delivery = await notification.until(confirmed, "confirmation", "failed", channel="sms")
    assert references(gateway) == [delivery["_id"]] * 3


async def test_a_slow_gateway_is_given_up_in_time(notifications: Notifications, gateway: SmsGateway) -> None:
    pace = replace(QUICK, send_timeout=timedelta(milliseconds=300))
    sms = a_provider(gateway, timeout=pace.send_timeout)
    notification = await notifications.start(sms=sms, pace=pace, retry=PATIENT)
    gateway.mood = GatewayMood.SLOW
    _, confirmed = await hear_confirmed(notification)
    await until_it_says(notification, confirmed, "timeout")
    gateway.mood = GatewayMood.FAIR
    delivery = await until_sent(notification, confirmed)
    assert references(gateway) == [delivery["_id"]] * delivery["attempts"]


async def test_a_refused_number_is_undeliverable_without_mail(
    notification: Notification, gateway: SmsGateway, mailbox: Mailbox
) -> None:
    mailbox.refusals["gone@example.org"] = ["550 no such user"]
    gateway.mood = GatewayMood.REFUSING
    _, confirmed = await hear_confirmed(notification, email="gone@example.org")
    text = await notification.until(confirmed, "confirmation", "failed", channel="sms")
    assert (text["attempts"], text["error"], gateway.asked) == (1, "HTTP 400", 1)
    await until_settled(notification, confirmed)
    assert await _told(notification, confirmed, "notification.undeliverable.v1")


async def test_a_mail_makes_up_for_a_refused_number(notification: Notification, gateway: SmsGateway) -> None:
    gateway.mood = GatewayMood.REFUSING
    _, confirmed = await hear_confirmed(notification)
    await notification.until(confirmed, "confirmation", "failed", channel="sms")

    async def settled() -> bool:
        return "settle" not in await notification.delivery(confirmed, "confirmation", channel="sms")

    await until(settled, what="somebody looked for another channel")
    assert not await _told(notification, confirmed, "notification.undeliverable.v1")


async def _told(notification: Notification, event: AppointmentConfirmed, kind: str) -> bool:
    deliveries: list[Any] = [
        await notification.delivery(event, "confirmation", channel=channel) for channel in ("email", "sms")
    ]
    return any(kind == told for delivery in deliveries for told, _ in published(delivery))


@pytest.mark.parametrize("trouble", ["HTTP 401", "ConnectError"])
async def test_trouble_of_ours_costs_no_message_an_attempt(
    notification: Notification, gateway: SmsGateway, trouble: str
) -> None:
    token = gateway.token
    if trouble == "ConnectError":
        gateway.stop()
    gateway.token = "another"
    _, confirmed = await hear_confirmed(notification)
    waiting = await until_it_says(notification, confirmed, trouble)
    assert (waiting["status"], waiting["attempts"]) == ("due", 0)
    gateway.token = token
    if trouble == "ConnectError":
        gateway.start()
    delivery = await until_sent(notification, confirmed)
    assert delivery["attempts"] == 1
    assert references(gateway) == [delivery["_id"]]
