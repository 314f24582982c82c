"""What happens to a message when the provider, the database's lease or this process fails."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notification.channels.email.mime import Mail
from services.notification.channels.sms.file import FileProvider
from services.notification.domain import Channel, Delivery, Retry, Send, Status
from services.notification.entries import SendEntry
from services.notification.rendering import Renderer
from services.notification.staff_mails import SendStaff
from services.notification.storage import Record
from shared.contracts import AppointmentConfirmed, DeliveryState, parse_event
from shared.mongo import Document
from tests.integration.notification.harness import QUICK, Notification, Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.patience import until
from tests.integration.notification.story import Story
from tests.unit.notification.builders import SENDER

pytestmark = pytest.mark.anyio


def published(delivery: Document) -> list[tuple[str, DeliveryState]]:
    events = [parse_event(entry["body"].encode()) for entry in delivery["outbox"]]
    return [(event.type, event.data) for event in events]


async def hear_confirmed(notification: Notification, **contact: Any) -> tuple[Story, AppointmentConfirmed]:
    story = Story(notification, **contact)
    confirmed = story.confirmed()
    await notification.hear(story.contact(), confirmed)
    return story, confirmed


async def test_temporary_refusals_are_tried_again(notification: Notification, mailbox: Mailbox) -> None:
    mailbox.refusals["greylisted@example.org"] = ["451 4.7.1 later", "450 4.2.0 later still"]
    _, confirmed = await hear_confirmed(notification, email="greylisted@example.org")
    delivery = await notification.until(confirmed, "confirmation", "sent")
    assert delivery["attempts"] == 3
    assert [kind for kind, _ in published(delivery)] == ["notification.sent.v1"]
    assert mailbox.recipients == ["greylisted@example.org"]


async def test_temporary_refusals_end_after_the_last_attempt(notifications: Notifications) -> None:
    retry = Retry(delays=(timedelta(milliseconds=20),), attempts=3, jitter=0)
    notification = await notifications.start(retry=retry)
    notifications.mailbox.refusals["full@example.org"] = ["452 4.2.2 mailbox full"] * 5
    _, confirmed = await hear_confirmed(notification, email="full@example.org")
    delivery = await notification.until(confirmed, "confirmation", "failed")
    assert (delivery["attempts"], delivery["error"]) == (3, "SMTP 452 4.2.2")
    assert len(notifications.mailbox.refusals["full@example.org"]) == 2


async def test_a_permanent_refusal_is_undeliverable(notification: Notification, mailbox: Mailbox) -> None:
    mailbox.refusals["gone@example.org"] = ["550 5.1.1 <gone@example.org> no such user"] * 9
    _, confirmed = await hear_confirmed(notification, email="gone@example.org")
    delivery = await until_settled(notification, confirmed)
    assert [kind for kind, _ in published(delivery)] == ["notification.failed.v1", "notification.undeliverable.v1"]
    assert [state.status for _, state in published(delivery)] == ["failed", "undeliverable"]
    assert [entry["sequence"] for entry in delivery["outbox"]] == [1, 2]
    assert delivery["error"] == "SMTP 550 5.1.1"
    assert "gone@example.org" not in str(delivery)
    assert mailbox.mails == []


async def test_an_sms_that_arrived_makes_up_for_the_mail(
    notifications: Notifications, mailbox: Mailbox, tmp_path: Path
) -> None:
    notification = await notifications.start(sms=FileProvider(tmp_path / "sms.jsonl"))
    mailbox.refusals["gone@example.org"] = ["550 no such user"]
    _, confirmed = await hear_confirmed(notification, email="gone@example.org")
    await notification.until(confirmed, "confirmation", "sent", channel="sms")
    delivery = await until_settled(notification, confirmed)
    assert [kind for kind, _ in published(delivery)] == ["notification.failed.v1"]


async def test_no_channel_left_is_said_once(
    notifications: Notifications, mailbox: Mailbox, tmp_path: Path
) -> None:
    processes = [await notifications.start(sms=FileProvider(tmp_path / "sms.jsonl")) for _ in range(3)]
    mailbox.refusals["gone@example.org"] = ["550 no such user"]
    _, confirmed = await hear_confirmed(processes[0], email="gone@example.org", sms_consent=False)
    delivery = await until_settled(processes[0], confirmed)
    kinds = [kind for kind, _ in published(delivery)]
    assert kinds == ["notification.failed.v1", "notification.undeliverable.v1"]


async def until_settled(notification: Notification, event: AppointmentConfirmed) -> Document:
    await notification.until(event, "confirmation", "failed")

    async def settled() -> Document | None:
        delivery = await notification.delivery(event, "confirmation")
        return None if "settle" in delivery else delivery

    delivery = await until(settled, what="somebody looked for another channel")
    assert delivery is not None
    return delivery


async def test_an_unreachable_server_costs_no_attempt(notification: Notification, mailbox: Mailbox) -> None:
    mailbox.close()
    _, confirmed = await hear_confirmed(notification)

    async def tried() -> bool:
        return bool((await notification.delivery(confirmed, "confirmation")).get("error"))

    await until(tried, what="the closed port was met")
    mailbox.open()
    delivery = await notification.until(confirmed, "confirmation", "sent")
    assert delivery["attempts"] == 1


async def test_a_slow_server_is_given_up_in_time(notifications: Notifications, mailbox: Mailbox) -> None:
    pace = replace(QUICK, send_timeout=timedelta(milliseconds=300))
    notification = await notifications.start(pace=pace)
    mailbox.held = True
    _, confirmed = await hear_confirmed(notification)

    async def timed_out() -> bool:
        return (await notification.delivery(confirmed, "confirmation")).get("error") == "timeout"

    await until(timed_out, what="the send was given up")
    mailbox.held = False
    await notification.until(confirmed, "confirmation", "sent")


async def test_a_dead_process_is_followed_by_another(notifications: Notifications, mailbox: Mailbox) -> None:
    """A claim whose process never sent: nothing before its lease is over, then the mail. Seen to fail
    with a claim that leaves `next_at` as it was (sent at once) or sets it for ever (never sent)."""
    dead = await notifications.start(running=False)
    story, confirmed = await hear_confirmed(dead)
    lease = timedelta(seconds=1)
    began = dead.clock.now()
    (claimed,) = await dead.deliveries.claim(channel=Channel.EMAIL, limit=9, now=began, lease=lease, without=set())
    alive = await notifications.start()
    delivery = await alive.until(confirmed, "confirmation", "sent")
    assert delivery["sent_at"] >= claimed.lease_until
    assert mailbox.recipients == [story.email]


async def test_a_late_outcome_changes_nothing(notifications: Notifications) -> None:
    """Two processes after each other on one delivery, the first one frozen meanwhile."""
    notification = await notifications.start(running=False)
    _, confirmed = await hear_confirmed(notification)
    deliveries, now = notification.deliveries, notification.clock.now()
    (late,) = await deliveries.claim(channel=Channel.EMAIL, limit=9, now=now, lease=timedelta(0), without=set())
    (current,) = await deliveries.claim(
        channel=Channel.EMAIL, limit=9, now=notification.clock.now(), lease=QUICK.lease, without=set()
    )

    def outcome(claimed: Any, status: Status, error: str) -> Record:
        return Record(claimed=claimed, status=status, attempts=1, waits=0, language="de", error=error)

    first = outcome(late, Status.FAILED, "late")
    assert await deliveries.record([first]) == [first]
    assert (await notification.delivery(confirmed, "confirmation"))["status"] == "due"
    assert await deliveries.record([first, outcome(current, Status.SENT, "")]) == [first]
    assert (await notification.delivery(confirmed, "confirmation"))["status"] == "sent"


async def test_nothing_is_begun_when_the_lease_is_nearly_over(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    """One send at a time, each as long as the lease allows: what waits too long in line is left to others."""
    pace = replace(QUICK, in_flight=1, send_timeout=timedelta(milliseconds=300))
    notification = await notifications.start(pace=pace)
    mailbox.held = True
    stories = [await hear_confirmed(notification) for _ in range(4)]

    async def under_way() -> bool:
        return mailbox.under_way > 0

    await until(under_way, what="the first mail is being sent")
    await asyncio.sleep(pace.lease.total_seconds())
    mailbox.held = False
    for _, confirmed in stories:
        await notification.until(confirmed, "confirmation", "sent")
    assert sorted(set(mailbox.recipients)) == sorted(story.email for story, _ in stories)


async def test_what_is_overtaken_in_line_stays_unsent(notifications: Notifications, mailbox: Mailbox) -> None:
    """Claimed, and the newest state read, while an earlier mail blocks the only line; then it is cancelled.

    Seen to fail where the facts that were read with the claim decide.
    """
    pace = replace(QUICK, in_flight=1, send_timeout=timedelta(seconds=5))
    notification = await notifications.start(pace=pace)
    mailbox.held = True
    await hear_confirmed(notification)
    story, confirmed = await hear_confirmed(notification)
    cancelled = story.cancelled()
    await notification.hear(cancelled)
    await asyncio.sleep(2.2)  # longer than facts count as fresh
    mailbox.held = False
    await notification.until(confirmed, "confirmation", "superseded")
    await notification.until(cancelled, "cancellation", "sent")


async def test_stopping_finishes_what_is_being_sent(notifications: Notifications, mailbox: Mailbox) -> None:
    notification = await notifications.start(pace=replace(QUICK, in_flight=2))
    mailbox.held = True
    stories = [await hear_confirmed(notification) for _ in range(6)]

    async def both_under_way() -> bool:
        return mailbox.under_way == 2

    await until(both_under_way, what="two mails are being sent")
    stopping = asyncio.create_task(notification.dispatcher.stop())
    await asyncio.sleep(0.1)
    mailbox.held = False
    await stopping
    collection = notification.deliveries.collection
    assert len(mailbox.mails) == 2
    assert await collection.count_documents({"status": "sent"}) == 2
    # The other four are nobody's, and due at once.
    free = {"status": "due", "token": {"$exists": False}, "next_at": {"$lte": notification.clock.now()}}
    assert await collection.count_documents(free) == len(stories) - 2


class _BrokenOnce(Renderer):
    def __init__(self) -> None:
        super().__init__(sender=SENDER)
        self._broken = True

    def mail(self, delivery: Delivery, facts: Send | SendEntry | SendStaff) -> Mail:
        broken, self._broken = self._broken, False
        if broken:
            raise ZeroDivisionError
        return super().mail(delivery, facts)


async def test_a_fault_of_our_own_is_retried(notifications: Notifications) -> None:
    notification = await notifications.start(renderer=_BrokenOnce())
    _, confirmed = await hear_confirmed(notification)
    delivery = await notification.until(confirmed, "confirmation", "sent")
    assert delivery["attempts"] == 2
