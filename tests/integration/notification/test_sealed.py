"""Contacts come sealed, lie sealed, and go for good."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notification import doctoring
from services.notification.retention import Forgetting
from services.notification.settings import Settings
from shared.contracts import AppointmentRequested, Step
from shared.doctor.findings import Level
from shared.sealing import PrivateKeys
from tests.integration.notification.harness import SOON, Notification, Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.story import Story
from tests.sealed import PRIVATE_KEYS

pytestmark = pytest.mark.anyio


class Ahead:
    def __init__(self, notification: Notification, ahead: timedelta) -> None:
        self._clock, self._ahead = notification.clock, ahead

    def now(self) -> datetime:
        return self._clock.now() + self._ahead


async def test_neither_database_holds_anything_that_can_be_read(
    notifications: Notifications, notification: Notification
) -> None:
    story = Story(notification, family_name="Wolkenbruch", phone="+4915112345678")
    requested = story.requested()
    await notification.hear(requested, story.contact())
    await notification.until(requested, "confirm_request", "sent")

    for database in (notifications.database, notifications.keys):
        for name in await database.list_collection_names():
            stored = repr(await database[name].find().to_list(None))
            for plain in ("Wolkenbruch", story.email, "15112345678", "s3cret", "482913"):
                assert plain not in stored, name


async def test_an_erased_contact_leaves_tombstones_that_keep_late_ones_away(
    notifications: Notifications, notification: Notification, mailbox: Mailbox
) -> None:
    """Seen to fail with either tombstone deleted instead of kept."""
    story = Story(notification)
    await notification.hear_in_order(story.contact(), story.erased(), story.contact(), story.link(sequence=12))
    await notification.hear_in_order(story.erased(), story.contact(sequence=20))

    assert await notifications.keys["keys"].find().to_list(None) == [{"_id": story.id, "erased": True}]
    (contact,) = await notifications.database["contacts"].find().to_list(None)
    assert contact["erased"]
    assert "data" not in contact
    known = (await notification.known.contacts([story.id]))[story.id]
    assert known.data is None
    assert not mailbox.recipients


async def test_whoever_is_erased_gets_one_mail_that_says_so(
    notifications: Notifications, notification: Notification, mailbox: Mailbox
) -> None:
    """And nothing of the address is left once it is out. Seen to fail with the copy kept."""
    story = Story(notification, phone="+4915112345678")
    confirmed, erased = story.confirmed(), story.erased(now=notification.clock.now())
    await notification.hear(story.contact(), confirmed)
    await notification.until(confirmed, "confirmation", "sent")
    await notification.hear_in_order(erased, erased)
    await notification.until(erased, "erased", "sent")
    await notification.hear(erased)
    assert mailbox.recipients == [story.email] * 2
    assert "gelöscht" in mailbox.subjects[-1]
    assert await notifications.database["farewells"].count_documents({}) == 0
    assert await notifications.keys["farewell_keys"].count_documents({}) == 0
    assert await notifications.keys["keys"].find().to_list(None) == [{"_id": story.id, "erased": True}]


async def test_the_copy_for_that_mail_lives_an_hour_at_most(
    notifications: Notifications, notification: Notification, mailbox: Mailbox
) -> None:
    story = Story(notification)
    confirmed, erased = story.confirmed(), story.erased(now=notification.clock.now())
    await notification.hear(story.contact(), confirmed)
    await notification.until(confirmed, "confirmation", "sent")
    mailbox.refusals[story.email] = ["451 4.2.0 later"] * 3
    await notification.hear(erased)
    limit = notification.clock.now() + timedelta(hours=1)
    for collection in (notifications.database["farewells"], notifications.keys["farewell_keys"]):
        indexes = await collection.index_information()
        assert indexes["expires"]["expireAfterSeconds"] == 0
        for copy in await collection.find().to_list(None):
            assert copy["expires_at"] < limit - timedelta(minutes=1)
            assert story.email not in str(copy)
    await notification.until(erased, "erased", "sent")


async def test_an_address_that_nobody_proved_is_not_written_to(
    notification: Notification, mailbox: Mailbox
) -> None:
    story = Story(notification)
    erased = story.erased(now=notification.clock.now())
    steps = (Step(step="requested", at=notification.clock.now()),)
    requested = story.event(AppointmentRequested, 2, status="requested", steps=steps)
    await notification.hear(story.contact(), requested)
    await notification.until(requested, "confirm_request", "sent")
    await notification.hear(erased)
    assert await notification.deliveries.collection.count_documents({"purpose": "erased"}) == 0


async def test_whose_data_go_when_their_time_is_over_is_not_written_to(
    notifications: Notifications, notification: Notification, mailbox: Mailbox
) -> None:
    """Nobody asked for it, and no copy outlives the time. Seen to fail where every erasure is told."""
    story = Story(notification)
    confirmed, erased = story.confirmed(), story.erased(now=notification.clock.now(), asked=False)
    await notification.hear(story.contact(), confirmed)
    await notification.until(confirmed, "confirmation", "sent")
    await notification.hear(erased)
    assert await notification.deliveries.collection.count_documents({"purpose": "erased"}) == 0
    assert await notifications.database["farewells"].count_documents({}) == 0
    assert await notifications.keys["farewell_keys"].count_documents({}) == 0
    assert mailbox.recipients == [story.email]


async def test_what_comes_before_its_key_waits_for_it(
    notifications: Notifications, notification: Notification
) -> None:
    story = Story(notification)
    requested, contact = story.requested(), story.contact()
    await notification.hear(contact)
    (key,) = await notifications.keys["keys"].find().to_list(None)
    await notifications.keys["keys"].delete_many({})
    await notification.hear(requested)
    await notification.until(requested, "confirm_request", "due", waits_for="contact")

    await notifications.keys["keys"].insert_one(key)
    await notification.hear(contact)

    await notification.until(requested, "confirm_request", "sent")


async def test_a_message_waits_while_its_contact_cannot_be_opened(notifications: Notifications) -> None:
    """A private key that was not given yet costs attempts, and no message."""
    patient = replace(SOON, attempts=1000)
    blind = await notifications.start(private_keys=PrivateKeys({"n2": b"2" * 32}), retry=patient)
    story = Story(blind)
    requested = story.requested()
    await blind.hear(requested, story.contact())
    failed = await blind.until(requested, "confirm_request", "due", error="contact cannot be opened")
    assert failed["attempts"] >= 1
    await blind.stop()

    seeing = await notifications.start()
    await seeing.until(requested, "confirm_request", "sent")


async def test_an_erasure_needs_nothing_that_opens_what_it_erases(
    notifications: Notifications, mailbox: Mailbox, lines: list[MutableMapping[str, Any]]
) -> None:
    """The mail that says so cannot go out, and its delivery says why; the log names the key once for all of them.

    Seen to fail with a line for each attempt.
    """
    blind = await notifications.start(private_keys=PrivateKeys({"n2": b"2" * 32}), retry=replace(SOON, attempts=3))
    story = Story(blind)
    confirmed, erased = story.confirmed(), story.erased(now=blind.clock.now())
    await blind.hear(story.contact(), confirmed)
    await blind.hear(erased)
    await blind.until(erased, "erased", "failed", error="contact cannot be opened")

    assert await notifications.keys["keys"].find().to_list(None) == [{"_id": story.id, "erased": True}]
    assert [contact.get("data") for contact in await notifications.database["contacts"].find().to_list(None)] == [
        None
    ]
    assert await notifications.keys["farewell_keys"].count_documents({}) == 0
    assert not mailbox.recipients
    assert [line["key_id"] for line in lines if line["event"] == "contact_not_opened"] == ["n1"]


async def test_the_doctor_opens_the_newest_and_the_oldest_contact(
    notifications: Notifications, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields.keys() & settings.model_fields_set:
        value = getattr(settings, name)
        monkeypatch.setenv(f"NOTIFICATION_{name.upper()}", getattr(value, "get_secret_value", lambda v=value: v)())

    async def contacts() -> tuple[Level, str]:
        found = await asyncio.to_thread(lambda: {one.check: one for one in doctoring.examine()}["contacts"])
        assert bool(found.do) == (found.level is not Level.OK)
        return found.level, found.said

    assert await contacts() == (Level.OK, "nothing is stored yet")
    notification = await notifications.start()
    for _ in range(2):
        await notification.hear(Story(notification).contact())
    # The harness' key is called n1 as well.
    assert await contacts() == (Level.CRITICAL, "they cannot all be read: no key n1 that opens them")
    monkeypatch.setenv("NOTIFICATION_CONTACT_PRIVATE_KEYS", f"n2:{'32' * 32},{PRIVATE_KEYS}")
    assert await contacts() == (Level.OK, "the newest and the oldest open")
    await notifications.keys["keys"].delete_many({})
    assert await contacts() == (Level.CRITICAL, "some are stored, and their keys are not")


async def test_deliveries_are_forgotten_when_they_are_long_too_late(notification: Notification) -> None:
    story = Story(notification)
    requested = story.requested()
    await notification.hear(requested, story.contact())
    await notification.until(requested, "confirm_request", "sent")
    await notification.deliveries.collection.update_many({}, {"$set": {"outbox": []}})

    async def forgotten_after(ahead: timedelta) -> int:
        clock = Ahead(notification, ahead)
        return await Forgetting(notification.deliveries, clock=clock, keep=timedelta(days=30)).forget()

    assert await forgotten_after(timedelta(days=30, hours=23)) == 0
    assert await forgotten_after(timedelta(days=31, hours=1)) == 1


async def test_a_delivery_that_has_something_to_tell_is_not_forgotten(notification: Notification) -> None:
    story = Story(notification)
    requested = story.requested()
    await notification.hear(requested, story.contact())
    await notification.until(requested, "confirm_request", "sent")

    forgetting = Forgetting(
        notification.deliveries, clock=Ahead(notification, timedelta(days=99)), keep=timedelta(days=30)
    )
    assert await forgetting.forget() == 0
