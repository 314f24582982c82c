"""Providers that fail, stall, throttle or lie: none is stormed, no message is lost, repeats are counted."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notification.channels import Taken, TemporaryFailure, Unavailable
from services.notification.delivery.gates import CircuitState, Limits, Patience
from services.notification.delivery.providers import SmsPool, Weighted
from services.notification.domain import Channel, Sandbox
from services.notification.storage import Pause, StandingStore
from shared.contracts import AppointmentConfirmed
from tests.integration.notification.harness import QUICK, SOON, MovableClock, Notifications, a_gate
from tests.integration.notification.mailbox import Mailbox
from tests.integration.notification.patience import until
from tests.integration.notification.story import Story
from tests.integration.notification.test_failures import hear_confirmed

pytestmark = pytest.mark.anyio

PROMPT = replace(QUICK, poll_every=timedelta(milliseconds=20))
TRYING = Patience(failures=3, first=timedelta(seconds=1), most=timedelta(seconds=4))


class FakeProvider:
    """Does what it is told with each message; `taken` is what really went out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = 0
        self.taken: list[str] = []
        self.failure: Exception | None = None
        self.takes_it_all_the_same = False

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        self.asked += 1
        if self.failure is None or self.takes_it_all_the_same:
            self.taken.append(reference)
        if self.failure:
            raise self.failure
        return Taken(self.name)

    async def close(self) -> None: ...


def a_pool(clock: MovableClock, *providers: FakeProvider) -> SmsPool:
    ways = [Weighted(one, a_gate(one.name, clock, patience=TRYING), 1.0) for one in providers]
    return SmsPool(ways, clock=clock.now)


async def many_confirmed(
    notifications: Notifications, process: Any, count: int
) -> list[tuple[Story, AppointmentConfirmed]]:
    stories = [Story(process) for _ in range(count)]
    confirmed = [story.confirmed() for story in stories]
    await process.hear(*(story.contact() for story in stories))
    await process.hear(*confirmed)
    return list(zip(stories, confirmed, strict=True))


class Throttling(Mailbox):
    """Takes so many recipients, then none until `hour` is over."""

    most, taken = 20, 0
    refused = 0

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.taken >= self.most:
            self.refused += 1
            return "452 4.5.3 Too many recipients this hour"
        self.taken += 1
        envelope.rcpt_tos.append(address)
        return "250 OK"


async def test_twenty_of_fifty_recipients_an_hour_lose_nobody(notifications: Notifications) -> None:
    """The refusals cost no attempt, and the server is hardly asked while it does not want to be."""
    notifications.mailbox.close()
    with Throttling(port=notifications.mailbox.port) as mailbox:
        process = await notifications.start(pace=PROMPT)
        told = await many_confirmed(notifications, process, 50)
        await mailbox.wait_for(20)
        clock = await notifications.clock()
        for _ in range(2):
            refused_before = mailbox.refused
            for _ in range(12):
                clock.ahead += timedelta(minutes=5)
                await asyncio.sleep(0.05)
            assert mailbox.refused - refused_before < 12 + PROMPT.in_flight
            mailbox.taken = 0
            clock.ahead += timedelta(minutes=16)
            await mailbox.wait_for(min(50, len(mailbox.mails) + 20))
        for _, confirmed in told:
            delivery = await process.until(confirmed, "confirmation", "sent")
            assert delivery["attempts"] == 1
        assert sorted(mailbox.recipients) == sorted(story.email for story, _ in told)


async def test_a_limit_of_the_settings_is_kept(notifications: Notifications, mailbox: Mailbox) -> None:
    process = await notifications.start(pace=PROMPT, limits=Limits(per_hour=5))
    await many_confirmed(notifications, process, 12)
    await mailbox.wait_for(5)
    clock = await notifications.clock()
    clock.ahead += timedelta(minutes=59)
    await asyncio.sleep(0.3)
    assert len(mailbox.mails) == 5
    clock.ahead += timedelta(minutes=2)
    await mailbox.wait_for(10)
    assert len(mailbox.mails) == 10


async def test_a_connection_lost_in_the_middle_of_data_is_tried_again(notifications: Notifications) -> None:
    """The server drops the first connection after half a mail: nothing was taken over, nothing is lost."""
    notifications.mailbox.close()
    with Dropping(port=notifications.mailbox.port) as mailbox:
        process = await notifications.start()
        _, confirmed = await hear_confirmed(process)
        delivery = await process.until(confirmed, "confirmation", "sent")
        assert (delivery["attempts"], len(mailbox.mails), mailbox.dropped) == (2, 1, 1)


class Dropping(Mailbox):
    """Hangs up the first time instead of saying that it has the mail, which it throws away."""

    dropped = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if not self.dropped:
            self.dropped += 1
            server.transport.abort()
            return "250 lost"
        return await super().handle_DATA(server, session, envelope)


async def test_a_stalling_server_opens_the_circuit(notifications: Notifications, mailbox: Mailbox) -> None:
    pace = replace(PROMPT, send_timeout=timedelta(milliseconds=200), in_flight=3)
    retry = replace(SOON, attempts=500)
    process = await notifications.start(pace=pace, patience=TRYING, retry=retry)
    mailbox.held = True
    told = await many_confirmed(notifications, process, 30)

    async def opened() -> bool:
        return process.gate.circuit.state(process.clock.now()) is CircuitState.OPEN

    await until(opened, what="the circuit opens")
    tried = await process.deliveries.collection.count_documents({"attempts": {"$gt": 0}})
    assert tried <= 3 + pace.in_flight
    mailbox.held = False
    for _, confirmed in told:
        await process.until(confirmed, "confirmation", "sent")


async def test_another_provider_takes_over_at_once(notifications: Notifications) -> None:
    clock = await notifications.clock()
    away, working = FakeProvider("away"), FakeProvider("working")
    away.failure = Unavailable("HTTP 503")
    process = await notifications.start(pace=PROMPT, sms=a_pool(clock, away, working))
    told = await many_confirmed(notifications, process, 20)
    for _, confirmed in told:
        delivery = await process.until(confirmed, "confirmation", "sent", channel="sms")
        assert delivery["taken"]["by"] == "working"
    # Three failures close it off; those that were under way then, and a try or two, come on top.
    assert away.asked <= 3 + PROMPT.in_flight + 2
    assert Counter(working.taken) == Counter({f"{c.id}:confirmation:sms": 1 for _, c in told})


async def test_what_was_sent_despite_a_timeout_is_repeated_once_per_try(notifications: Notifications) -> None:
    """The documented window: each try that nobody answered may be one message more, all at one provider."""
    clock = await notifications.clock()
    silent, other = FakeProvider("silent"), FakeProvider("other")
    for one in (silent, other):
        one.failure, one.takes_it_all_the_same = TemporaryFailure("timeout"), True
    process = await notifications.start(sms=a_pool(clock, silent, other), retry=replace(SOON, attempts=2))
    _, confirmed = await hear_confirmed(process)
    delivery = await process.until(confirmed, "confirmation", "failed", channel="sms")
    assert sorted((len(silent.taken), len(other.taken))) == [0, 2]
    assert delivery["attempts"] == 2


async def test_a_code_goes_by_sms_where_the_mail_cannot(notifications: Notifications, mailbox: Mailbox) -> None:
    """Seen to fail without the fallback: the request was undeliverable, though the person has a phone."""
    clock = await notifications.clock()
    provider = FakeProvider("one")
    process = await notifications.start(sms=a_pool(clock, provider))
    mailbox.refusals["gone@example.org"] = ["550 no such user"]
    story = Story(process, email="gone@example.org")
    requested = story.requested()
    await process.hear(story.contact(), requested)
    await process.until(requested, "confirm_request", "sent", channel="sms")
    mail = await process.until(requested, "confirm_request", "failed")
    assert not mail.get("undeliverable")
    assert provider.taken == [f"{requested.id}:confirm_request:sms"]


async def test_who_has_a_phone_only_gets_the_code_there(notifications: Notifications, mailbox: Mailbox) -> None:
    clock = await notifications.clock()
    provider = FakeProvider("one")
    process = await notifications.start(sms=a_pool(clock, provider))
    story = Story(process, email=None)
    requested = story.requested()
    await process.hear(story.contact(), requested)
    await process.until(requested, "confirm_request", "sent", channel="sms")
    await process.until(requested, "confirm_request", "not_wanted")
    assert mailbox.mails == []


async def test_a_paused_channel_sends_nothing_in_any_process(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    """The other channel goes on. Seen to fail where stored pauses are not heeded."""
    clock = await notifications.clock()
    provider = FakeProvider("one")
    processes = [await notifications.start(pace=PROMPT, sms=a_pool(clock, provider)) for _ in range(2)]
    store = StandingStore(notifications.database)
    await store.pause(Pause(Channel.SMS, "the gateway sends twice", "test", clock.now()))

    async def known() -> bool:
        return all(process.pauses.holds(Channel.SMS) for process in processes)

    await until(known, within=2.5, what="every process knows the pause")
    told = [await hear_confirmed(process) for process in processes]
    for _, confirmed in told:
        await processes[0].until(confirmed, "confirmation", "sent")
    await asyncio.sleep(0.3)
    assert provider.asked == 0
    assert await store.resume(Channel.SMS)
    for _, confirmed in told:
        await processes[0].until(confirmed, "confirmation", "sent", channel="sms")
    assert provider.asked == 2


async def test_what_gets_useless_expires_while_its_channel_is_paused(
    notifications: Notifications, mailbox: Mailbox
) -> None:
    """With its event, and without a mail. Seen to fail without `expire`."""
    process = await notifications.start(pace=PROMPT, paused=(Channel.EMAIL,))
    story, useful = await hear_confirmed(process)
    (await notifications.clock()).ahead = story.starts_at - process.clock.now()
    story, later = await hear_confirmed(process)
    expired = await process.until(useful, "confirmation", "expired")
    assert [entry["type"] for entry in expired["outbox"]] == ["notification.expired.v1"]
    assert (await process.delivery(later, "confirmation"))["status"] == "due"
    assert mailbox.mails == []


async def test_the_settings_pause_whatever_operators_say(notifications: Notifications, mailbox: Mailbox) -> None:
    process = await notifications.start(pace=PROMPT, paused=(Channel.EMAIL,))
    _, confirmed = await hear_confirmed(process)
    await asyncio.sleep(0.3)
    assert (await process.delivery(confirmed, "confirmation"))["status"] == "due"
    assert mailbox.mails == []


async def test_a_sandbox_sends_to_nobody_but_whom_it_names(notifications: Notifications, mailbox: Mailbox) -> None:
    sandbox = Sandbox(frozenset({"@office.example"}))
    process = await notifications.start(sandbox=sandbox)
    _, inside = await hear_confirmed(process, email="lead@office.example")
    _, outside = await hear_confirmed(process, email="citizen@example.org")
    await process.until(inside, "confirmation", "sent")
    kept = await process.until(outside, "confirmation", "sandboxed")
    assert mailbox.recipients == ["lead@office.example"]
    assert kept["outbox"] == []
    assert "citizen" not in str(kept)


async def test_a_process_says_how_its_providers_do(notifications: Notifications, mailbox: Mailbox) -> None:
    process = await notifications.start(pace=PROMPT, patience=TRYING)
    mailbox.close()
    await many_confirmed(notifications, process, 10)
    store = StandingStore(notifications.database)

    async def told() -> bool:
        providers = await store.providers(now=process.clock.now())
        return [(one.provider, one.failures > 2) for one in providers] == [("smtp", True)]

    await until(told, within=4, what="the circuit is told")
    mailbox.open()
