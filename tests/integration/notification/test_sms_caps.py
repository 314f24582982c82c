"""Numbers that no text message reaches, texts that are too long, and how much an office may send in a day."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.notification.channels.sms import Caps
from services.notification.channels.sms.file import FileProvider
from services.notification.storage import SpentSegments
from shared.contracts import AppointmentConfirmed
from shared.mongo import Document
from tests.integration.notification.harness import Notifications
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.test_failures import hear_confirmed, published, until_settled

pytestmark = pytest.mark.anyio

TODAY = date(2026, 12, 1)


async def sms_failed(
    notifications: Notifications, folder: Path, *, caps: Caps | None = None, **contact: Any
) -> tuple[AppointmentConfirmed, Document]:
    notification = await notifications.start(sms=FileProvider(folder / "sms.jsonl"), caps=caps)
    _, confirmed = await hear_confirmed(notification, **contact)
    failed = await notification.until(confirmed, "confirmation", "failed", channel="sms")
    assert not (folder / "sms.jsonl").exists()
    return confirmed, failed


@pytest.mark.parametrize(
    ("phone", "error"),
    [("07433 921311", "not_mobile"), ("+90 532 123 45 67", "country_not_allowed"), ("12", "not_a_number")],
)
async def test_what_no_text_reaches_fails_with_its_reason(
    notifications: Notifications, tmp_path: Path, phone: str, error: str
) -> None:
    _, failed = await sms_failed(notifications, tmp_path, phone=phone)
    assert (failed["error"], failed["attempts"]) == (error, 1)
    assert [kind for kind, _ in published(failed)] == ["notification.failed.v1"]


async def test_a_text_beyond_the_longest_is_not_sent(notifications: Notifications, tmp_path: Path) -> None:
    notification = await notifications.start(sms=FileProvider(tmp_path / "sms.jsonl"), caps=Caps(message=0))
    _, confirmed = await hear_confirmed(notification)
    failed = await notification.until(confirmed, "confirmation", "failed", channel="sms")
    assert failed["error"] == "too_long"


async def test_an_office_beyond_its_cap_writes_by_mail(
    notifications: Notifications, mailbox: Mailbox, tmp_path: Path
) -> None:
    _, failed = await sms_failed(notifications, tmp_path, caps=Caps(office_and_day=0))
    assert failed["error"] == "capped"
    await mailbox.wait_for(1)


async def test_beyond_the_cap_and_without_mail_somebody_phones(
    notifications: Notifications, mailbox: Mailbox, tmp_path: Path
) -> None:
    mailbox.refusals["gone@example.org"] = ["550 no such user"]
    notification = await notifications.start(sms=FileProvider(tmp_path / "sms.jsonl"), caps=Caps(office_and_day=0))
    _, confirmed = await hear_confirmed(notification, email="gone@example.org")
    await notification.until(confirmed, "confirmation", "failed", channel="sms")
    mail = await until_settled(notification, confirmed)

    assert "notification.undeliverable.v1" in [kind for kind, _ in published(mail)]


async def test_many_at_once_never_go_beyond_the_cap(notifications: Notifications) -> None:
    """Seen to fail where room is looked for first and taken after."""
    spent = SpentSegments(notifications.database)

    async def take() -> bool:
        return await spent.take(office="a", day=TODAY, segments=3, cap=100)

    taken = await asyncio.gather(*(take() for _ in range(60)))
    assert sum(taken) == 33
    assert not await spent.take(office="a", day=TODAY, segments=2, cap=100)
    assert await spent.take(office="a", day=TODAY, segments=1, cap=100)


async def test_each_office_and_day_counts_for_itself(notifications: Notifications) -> None:
    spent = SpentSegments(notifications.database)
    for office, day in (("a", TODAY), ("b", TODAY), ("a", TODAY.replace(day=2))):
        assert await spent.take(office=office, day=day, segments=5, cap=5)
    assert not await spent.take(office="a", day=TODAY, segments=1, cap=5)
    await spent.give_back(office="a", day=TODAY, segments=2)
    assert await spent.take(office="a", day=TODAY, segments=2, cap=5)
