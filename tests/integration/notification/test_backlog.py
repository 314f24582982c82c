"""A backlog is worked off in order of priority, nothing is starved, and what lies ahead costs nothing."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notification.channels.email import Mail
from services.notification.delivery.gates import Patience
from services.notification.domain import Channel, Delivery, Priority, link_message, message_for, reminder_for
from services.notification.rendering import Renderer
from services.notification.storage import DeliveryCounts
from services.notification.storage.deliveries import document_of
from shared.contracts import AppointmentConfirmed, AppointmentRequested
from tests.integration.notification.harness import QUICK, Notification, Notifications
from tests.integration.notification.lean_mailbox import LeanMailbox
from tests.integration.notification.patience import until
from tests.integration.notification.story import Story
from tests.unit.notification.builders import SENDER, an_appointment_id, an_event, an_office

pytestmark = pytest.mark.anyio

CLAIM: dict[str, Any] = {"channel": Channel.EMAIL, "lease": QUICK.lease, "without": set()}


def a_delivery_of(priority: Priority, *, due_at: datetime) -> Delivery:
    """Of somebody of whom nothing else is known."""
    event = an_event(AppointmentConfirmed, time=due_at, appointment=an_appointment_id())
    mail = message_for(event)
    assert mail is not None
    return replace(mail, priority=priority, due_at=due_at)


async def store(notification: Notification, deliveries: Iterable[Delivery]) -> None:
    await notification.deliveries.collection.insert_many([document_of(one) for one in deliveries])


async def test_a_backlog_leaves_nobody_waiting_for_ever(notifications: Notifications) -> None:
    """Sixty-four urgent ones come for each claim. Seen to fail with `for_later` left out."""
    notification = await notifications.start(running=False)
    now = notification.clock.now()
    await store(notification, (a_delivery_of(Priority.URGENT, due_at=now) for _ in range(64)))
    for priority in (Priority.NORMAL, Priority.LATER):
        await store(notification, (a_delivery_of(priority, due_at=now) for _ in range(20)))
    claimed = await notification.deliveries.claim(**CLAIM, now=now, limit=32, for_later=2)
    counted = Counter(one.delivery.priority for one in claimed)
    assert counted == {Priority.URGENT: 28, Priority.NORMAL: 2, Priority.LATER: 2}
    assert claimed[0].delivery.priority is Priority.URGENT


async def test_what_lies_ahead_is_not_read_to_find_what_is_due(notifications: Notifications) -> None:
    """Seen to fail without the index: every waiting delivery is examined."""
    notification = await notifications.start(running=False)
    now = notification.clock.now()
    tomorrow = now + timedelta(days=1)
    await store(notification, (a_delivery_of(Priority.LATER, due_at=tomorrow) for _ in range(2000)))
    await store(notification, (a_delivery_of(Priority.LATER, due_at=now) for _ in range(3)))
    ready = {"status": "due", "channel": "email", "next_at": {"$lte": now}}
    query = notification.deliveries.collection.find(ready, sort=[("priority", 1), ("next_at", 1)]).limit(48)
    explained = await query.explain()
    examined = explained["executionStats"]
    assert examined["totalDocsExamined"] == 3
    assert examined["totalKeysExamined"] < 10
    assert "SORT" not in str(explained["queryPlanner"]["winningPlan"])
    counts = await DeliveryCounts(notification.deliveries).of(Channel.EMAIL, now=now, late_since=now)
    assert (counts["due"], counts["ahead"]) == (3, 2000)


class Backlog:
    """Messages to the same people, all due at once: mails that ask to confirm, confirmations, reminders."""

    def __init__(self, notification: Notification, people: int) -> None:
        self.stories = [Story(notification) for _ in range(people)]
        self._notification = notification

    async def known(self) -> None:
        """Their states and contacts, without any message."""
        known = self._notification.known
        await asyncio.gather(*(known.keep_contact(story.contact()) for story in self.stories))
        await asyncio.gather(*(known.keep_state(story.confirmed(sequence=2)) for story in self.stories))

    async def due(self, **each: int) -> None:
        await store(self._notification, self._deliveries(**each))

    def _deliveries(self, *, links: int = 0, confirmations: int = 0, reminders: int = 0) -> Iterable[Delivery]:
        for story in self.stories:
            confirmed = story.confirmed(sequence=2)
            mail, reminder = message_for(confirmed), reminder_for(confirmed, office=an_office())
            assert mail
            assert reminder
            link = link_message(story.link(sequence=2))
            for number in range(max(links, confirmations, reminders)):
                for count, one in ((links, link), (confirmations, mail), (reminders, reminder)):
                    if number < count:
                        # Whenever the outage is over, none is too late.
                        id = f"{one.appointment}-{number}:{one.purpose}:email"
                        yield replace(one, id=id, not_after=story.starts_at)


async def test_an_outage_of_an_hour_is_made_up_for_in_order(notifications: Notifications) -> None:
    """Ten thousand due messages, a mail server that was away for an hour, two processes.

    None is lost or doubled, the outage costs no attempt, and what is awaited goes out before the reminders.
    Seen to fail with a claim in order of time alone, and with a circuit that never opens.
    """
    people = 500
    notifications.mailbox.close()
    mailbox = LeanMailbox(port=notifications.mailbox.port)
    # The leaps of the clock are a minute each: no lease may end by one while its message is under way.
    minute, often = timedelta(minutes=1), timedelta(milliseconds=50)
    pace = replace(QUICK, in_flight=16, poll_every=often, send_timeout=minute)
    patient = Patience(failures=5, first=timedelta(seconds=1), most=timedelta(seconds=30))
    how: dict[str, Any] = {"pace": pace, "patience": patient, "renderer": Brief(sender=SENDER), "running": False}
    processes = [await notifications.start(**how) for _ in range(2)]
    one, clock = processes[0], await notifications.clock()
    backlog = Backlog(one, people)
    await backlog.known()
    # The reminders are for a day before the visit: then the outage begins.
    clock.ahead = timedelta(days=6, hours=12)
    await backlog.due(links=4, confirmations=8, reminders=8)
    for process in processes:
        await notifications.begin(process)

    def refused() -> int:
        return sum(process.gate.circuit.failures for process in processes)

    for _ in range(60):
        clock.ahead += timedelta(minutes=1)
        await asyncio.sleep(0.02)

    async def noticed() -> bool:
        return refused() > 0

    await until(noticed, within=60, what="the outage is noticed")
    assert refused() < 2 * (60 + 5 + 2 * pace.in_flight)
    collection = one.deliveries.collection
    assert await collection.count_documents({"attempts": {"$gt": 0}}) == 0

    mailbox.open()
    clock.ahead += timedelta(minutes=1)

    async def drained() -> bool:
        return await collection.count_documents({"status": "due"}) == 0

    try:
        await until(drained, within=300, what="the backlog is worked off")
    finally:
        mailbox.close()
    assert await collection.count_documents({"status": "sent", "attempts": 1}) == 20 * people
    references = mailbox.references
    assert len(references) == len(set(references)) == 20 * people
    order = [reference.split(".")[1] for reference in references]
    first = Counter(order[: 4 * people])
    assert first["link"] > 0.8 * 4 * people
    assert 0 < first["reminder"] < 0.1 * 4 * people
    assert order[-people:].count("reminder") > 0.9 * people


class Brief(Renderer):
    """Says nothing: what takes long here is not the words' matter."""

    def mail(self, delivery: Delivery, facts: Any) -> Mail:
        return Mail(
            reference=delivery.id,
            to=facts.to,
            sender_name="Amt",
            language="de",
            subject="Termin",
            text="-",
            html="-",
        )


async def test_an_urgent_mail_overtakes_what_waits(notifications: Notifications) -> None:
    """One line, slow, behind which hundreds wait: the mail that asks to confirm comes with the next claim."""
    notification = await notifications.start(pace=replace(QUICK, in_flight=2))
    mailbox = notifications.mailbox
    mailbox.held = True
    backlog = Backlog(notification, 40)
    await backlog.known()
    await backlog.due(confirmations=5)
    notification.dispatcher.wake()

    async def under_way() -> bool:
        return mailbox.under_way == 2

    await until(under_way, what="the line is busy")
    story = Story(notification)
    requested: AppointmentRequested = story.requested()
    await notification.hear(story.contact(), requested)
    mailbox.held = False
    await notification.until(requested, "confirm_request", "sent")
    before = mailbox.recipients.index(story.email)
    # What was claimed already goes first: six at most, and a share of the next claim.
    assert before <= 2 * QUICK_CLAIMED


QUICK_CLAIMED = replace(QUICK, in_flight=2).claimed_at_once
