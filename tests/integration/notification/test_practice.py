"""What is practised reaches the mailbox that the office keeps for it, and nobody whose address was typed."""

import pytest

from services.notification.settings import Settings
from shared.contracts import AppointmentConfirmed
from tests.integration.notification.harness import Notification, Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.story import Story
from tests.integration.notification.test_failures import hear_confirmed
from tests.integration.notification.test_providers_health import FakeProvider, a_pool
from tests.unit.notification.builders import an_entry_request, an_office_event

pytestmark = pytest.mark.anyio
PRACTICE = "zollernalbkreis-uebung"
KEPT_FOR_IT = "uebung@office.example"


async def hear_practised(process: Notification) -> tuple[Story, AppointmentConfirmed]:
    await process.hear(an_office_event(id=PRACTICE))
    story = Story(process, office=PRACTICE)
    confirmed: AppointmentConfirmed = story.event(AppointmentConfirmed, 3, office=PRACTICE)
    await process.hear(story.contact(), confirmed)
    return story, confirmed


async def test_mails_of_practice_go_to_the_mailbox_for_it_and_texts_nowhere(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    provider = FakeProvider("one")
    pool = a_pool(await notifications.clock(), provider)
    process = await notifications.start(training_mail={PRACTICE: KEPT_FOR_IT}, sms=pool)

    story, practised = await hear_practised(process)
    _, real = await hear_confirmed(process, email="citizen@example.org")

    await process.until(practised, "confirmation", "sent")
    await process.until(real, "confirmation", "sent")
    assert sorted(mailbox.recipients) == ["citizen@example.org", KEPT_FOR_IT]
    assert story.email not in str([mail["To"] for mail in mailbox.mails])
    text = await process.until(practised, "confirmation", "sandboxed", channel="sms")
    assert text["outbox"] == []
    await process.until(real, "confirmation", "sent", channel="sms")
    assert len(provider.taken) == 1


async def test_without_a_mailbox_for_it_practice_sends_nothing(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    process = await notifications.start()
    _, practised = await hear_practised(process)
    entry = an_entry_request(office=PRACTICE, time=process.clock.now())
    await process.hear(entry)

    await process.until(practised, "confirmation", "sandboxed")
    await process.until(entry, "entry", "sandboxed")
    assert mailbox.recipients == []


def test_a_mailbox_for_practice_is_not_set_for_a_real_office(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its citizens would get nothing any more."""
    monkeypatch.setenv("NOTIFICATION_TRAINING_MAIL", '{"zollernalbkreis": "uebung@office.example"}')
    with pytest.raises(ValueError, match="uebung"):
        Settings()
