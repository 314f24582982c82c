"""Reminders on a real database: planned, moved, called off, sent on their day."""

import asyncio
from datetime import timedelta

import pytest

from shared.contracts import AppointmentResized, AppointmentRestored, Step
from tests.integration.notification.harness import Notification, Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.story import Story
from tests.unit.notification.builders import known

pytestmark = pytest.mark.anyio


async def test_a_reminder_goes_out_on_its_day(notifications: Notifications, mailbox: Mailbox) -> None:
    notification = await notifications.start()
    story = Story(notification)
    confirmed = story.confirmed()
    await notification.hear(story.contact(), confirmed)
    await notification.until(confirmed, "confirmation", "sent")
    planned = await notification.delivery(confirmed, "reminder")
    assert (planned["status"], planned["priority"]) == ("due", 2)
    assert planned["due_at"] <= story.starts_at - timedelta(hours=24)
    clock = await notifications.clock()
    clock.ahead = planned["due_at"] - clock.database.now() + timedelta(seconds=1)
    await notification.until(confirmed, "reminder", "sent")
    assert mailbox.recipients == [story.email] * 2


async def test_a_reminder_that_staff_ask_for_goes_out_at_once_and_once(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    """Beside the planned one, which keeps to its day. Seen to fail with a delivery's id that is new each time."""
    one, other = [await notifications.start() for _ in range(2)]
    story = Story(one)
    confirmed, asked = story.confirmed(), story.asked_again("reminder")
    await one.hear(story.contact(), confirmed)
    await one.until(confirmed, "confirmation", "sent")
    await one.hear(asked, asked)
    await one.until(asked, "reminder", "sent")
    await other.hear(asked)
    again = story.asked_again("reminder")
    await other.hear(again)
    await other.until(again, "reminder", "sent")
    assert mailbox.recipients == [story.email] * 3
    assert (await one.delivery(confirmed, "reminder"))["status"] == "due"


async def test_a_move_replaces_the_reminder(notification: Notification) -> None:
    story = Story(notification)
    confirmed, moved = story.confirmed(), story.moved()
    await notification.hear_in_order(story.contact(), confirmed, moved)
    old = await notification.until(confirmed, "reminder", "superseded")
    assert [entry["type"] for entry in old["outbox"]] == ["notification.superseded.v1"]
    new = await notification.delivery(moved, "reminder")
    assert (new["status"], new["due_at"] - old["due_at"]) == ("due", timedelta(days=1))


async def test_a_cancellation_supersedes_the_reminder_in_any_order(notification: Notification) -> None:
    """Seen to fail where the reminder is planned after its state is kept: the late one stayed due."""
    for reverse in (False, True):
        story = Story(notification)
        confirmed, cancelled = story.confirmed(), story.cancelled()
        events = [story.contact(), confirmed, cancelled]
        await notification.hear_in_order(*(reversed(events) if reverse else events))
        await notification.until(confirmed, "reminder", "superseded")


async def test_whoever_comes_back_is_reminded_once(notification: Notification) -> None:
    story = Story(notification)
    confirmed, cancelled = story.confirmed(), story.cancelled()
    now = notification.clock.now()
    again = now + timedelta(seconds=1)
    steps = (Step(step="confirmed", at=now), Step(step="restored", at=again))
    restored = story.event(AppointmentRestored, 6, steps=steps).model_copy(update={"time": again})
    await notification.hear_in_order(story.contact(), confirmed, cancelled, restored)
    await notification.until(confirmed, "reminder", "superseded")
    assert (await notification.delivery(restored, "reminder"))["status"] == "due"


async def test_a_confirmation_heard_again_changes_no_reminder(notification: Notification) -> None:
    story = Story(notification)
    confirmed = story.confirmed()
    await notification.hear_in_order(story.contact(), confirmed, confirmed, confirmed)
    await notification.until(confirmed, "confirmation", "sent")
    await asyncio.sleep(0.3)
    reminder = await notification.delivery(confirmed, "reminder")
    assert (reminder["status"], reminder["next_at"]) == ("due", reminder["due_at"])
    assert await notification.deliveries.collection.count_documents({"purpose": "reminder"}) == 1


async def test_an_erased_person_is_not_reminded(notification: Notification, mailbox: Mailbox) -> None:
    story = Story(notification)
    confirmed = story.confirmed()
    await notification.hear(story.contact(), confirmed)
    await notification.until(confirmed, "confirmation", "sent")
    await notification.hear(story.erased())
    await notification.until(confirmed, "reminder", "superseded")


async def test_another_length_is_told_once(notification: Notification, mailbox: Mailbox) -> None:
    story = Story(notification)
    confirmed = story.confirmed()
    resized = story.event(AppointmentResized, 4, persons=known().data.persons + 1)
    same = story.event(AppointmentResized, 5, persons=known().data.persons + 1)
    await notification.hear_in_order(story.contact(), confirmed, resized, resized, same)
    await notification.until(resized, "changed", "sent")
    assert await notification.deliveries.collection.count_documents({"purpose": "changed"}) == 1
