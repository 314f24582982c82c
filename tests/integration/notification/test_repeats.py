"""What is told twice or late changes nothing more; and a pool of gateways of which one talks nonsense."""

from datetime import timedelta
from itertools import chain, repeat

import pytest
from pydantic import SecretStr

from services.notification.arrivals import Report, Told
from services.notification.channels.sms.configuration import HttpGateway
from services.notification.channels.sms.http import HttpProvider
from services.notification.delivery.providers import SmsPool, Weighted
from shared.contracts import Invited, new_event
from shared.sealed_contact import seal_entry
from tests.integration.notification.harness import LENIENT, MovableClock, Notifications, a_gate
from tests.integration.notification.hearing import hearing
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.talker import Answer, Talker, talking
from tests.integration.notification.test_failures import hear_confirmed
from tests.sealed import PUBLIC
from tests.unit.notification.builders import an_entry

pytestmark = pytest.mark.anyio
TAKEN = ({"status": 200, "field": "state", "equals": "queued", "means": "taken"},)
JSON = {"to": "{to}", "text": "{text}", "ref": "{reference}"}


async def test_an_invitation_that_is_told_again_is_one_mail(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    """Seen to fail with a delivery's id of its own for each plan."""
    one, other = [await notifications.start() for _ in range(2)]
    now = one.clock.now()
    data = seal_entry(an_entry(time=now, service="eat_pickup"), keys=PUBLIC)
    invited = new_event(Invited, subject=data.entry, sequence=1, data=data, time=now)
    await one.hear(invited, invited)
    await other.hear(invited)
    await one.until(invited, "invitation", "sent")
    before = await one.delivery(invited, "invitation")
    await other.hear(invited)
    assert await one.delivery(invited, "invitation") == before
    assert mailbox.recipients == ["someone@example.org"]


async def test_a_report_on_what_is_forgotten_brings_nothing_back(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    """A bounce or a receipt that comes when the delivery's time is over, twice."""
    one = await notifications.start()
    _, confirmed = await hear_confirmed(one)
    await one.until(confirmed, "confirmation", "sent")
    collection = one.deliveries.collection
    await collection.update_many({}, {"$set": {"outbox": []}})
    await collection.delete_many({"purpose": "reminder"})
    assert await one.deliveries.forget(late_since=one.clock.now() + timedelta(days=8)) == 1
    reference = f"{confirmed.id}:confirmation:email"
    async with hearing(one) as arrivals:
        for told in (Told.FAILED, Told.FAILED, Told.DELIVERED):
            await arrivals.hear(Report(by="bounces", told=told, delivery=reference, error="5.1.1"))
    assert await collection.count_documents({}) == 0
    assert len(mailbox.mails) == 1


def a_gateway(talker: Talker, name: str) -> HttpProvider:
    values = {"kind": "http", "name": name, "url": talker.url, "json": JSON, "answers": TAKEN}
    gateway = HttpGateway.model_validate(values)
    return HttpProvider(gateway, secrets={"token": SecretStr("t")}, timeout=timedelta(seconds=1))


def a_pool(clock: MovableClock, *gateways: HttpProvider) -> SmsPool:
    """Draws the first gateway once, and from then on the last one."""
    chances = chain([0.0], repeat(0.99))
    ways = [Weighted(one, a_gate(one.name, clock, patience=LENIENT), 1.0) for one in gateways]
    return SmsPool(ways, clock=clock.now, chance=lambda: next(chances))


@pytest.mark.parametrize("nonsense", [b"<html>welcome</html>", b'{"state": ', {"state": "perhaps"}, {}, []])
async def test_a_gateway_that_says_200_and_nonsense_is_asked_again_by_the_same_reference(
    notifications: Notifications, mailbox: Mailbox, nonsense: object
) -> None:
    """It may have taken the message: another one would send it a second time. Seen to fail without `_remember`."""
    clock = await notifications.clock()
    strange, sound = Talker(), Talker(Answer(200, {"state": "queued"}))
    strange.answers = [Answer(200, nonsense), Answer(200, nonsense), Answer(200, {"state": "queued"})]
    with talking(strange), talking(sound):
        pool = a_pool(clock, a_gateway(strange, "strange"), a_gateway(sound, "sound"))
        one = await notifications.start(sms=pool)
        _, confirmed = await hear_confirmed(one)
        sent = await one.until(confirmed, "confirmation", "sent", channel="sms")
    assert (sent["attempts"], sent["taken"]["by"]) == (3, "strange")
    assert {asked.json["ref"] for asked in strange.asked} == {f"{confirmed.id}:confirmation:sms"}
    assert (len(strange.asked), len(sound.asked)) == (3, 0)
