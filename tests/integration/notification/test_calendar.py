"""The calendar entry through an appointment's life, as a mail program gets it."""

from email.message import EmailMessage
from typing import Any

import icalendar
import pytest

from tests.integration.notification.harness import Notification
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.story import Story

pytestmark = pytest.mark.anyio


def entries(mail: EmailMessage) -> list[Any]:
    """The calendar objects of a mail: the inline one, then the attached."""
    parts = [p for p in mail.walk() if p.get_content_type() in ("text/calendar", "application/ics")]
    return [icalendar.Calendar.from_ical(part.get_payload(decode=True)) for part in parts]  # type: ignore[arg-type]


async def test_the_entry_is_made_moved_and_withdrawn(notification: Notification, mailbox: Mailbox) -> None:
    story = Story(notification)
    confirmed, moved, cancelled = story.confirmed(), story.moved(), story.cancelled()
    await notification.hear(story.contact())
    for event, purpose in ((confirmed, "confirmation"), (moved, "rescheduled"), (cancelled, "cancellation")):
        await notification.hear(event)
        await notification.until(event, purpose, "sent")
    inline = [entries(mail)[0] for mail in mailbox.mails]
    events = [calendar.events[0] for calendar in inline]
    assert [calendar["METHOD"] for calendar in inline] == ["REQUEST", "REQUEST", "CANCEL"]
    assert {event["UID"] for event in events} == {f"{confirmed.subject}@amtstermin"}
    assert [event["SEQUENCE"] for event in events] == [3, 4, 5]
    assert events[0]["DTSTART"].dt == story.starts_at.replace(microsecond=0)
    assert events[1]["DTSTART"].dt == moved.data.starts_at.replace(microsecond=0)
    assert [event["STATUS"] for event in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]


async def test_inline_and_attached_entry_are_equal(notification: Notification, mailbox: Mailbox) -> None:
    story = Story(notification)
    confirmed = story.confirmed()
    await notification.hear(story.contact(), confirmed)
    await notification.until(confirmed, "confirmation", "sent")
    inline, attached = entries(mailbox.mails[0])
    assert inline.to_ical() == attached.to_ical()
    (event,) = inline.events
    assert event["ATTENDEE"] == f"mailto:{story.email}"
    assert event["SUMMARY"] == "Termin"
    assert event["LOCATION"] == "Grünewaldstraße 15, 72336 Balingen"
