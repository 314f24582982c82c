"""Alerts, tried by causing them on real servers: silent where all is well, fired by what the runbook is about.

How long a rule waits before it tells somebody (`for`) is Prometheus' own, and not tried.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import aio_pika
import httpx
import pytest
import yaml

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from tests.citizen import Citizen
from tests.e2e.alerting import Look, fires, look
from tests.integration.notification.mailbox import Mailbox
from tests.ledger import Ledger, put_on_queue
from tests.waiting import eventually

pytestmark = pytest.mark.long

_GROUPS = yaml.safe_load((ROOT / "deploy" / "monitoring" / "rules.yml").read_text())["groups"]
RULES: dict[str, str] = {rule["alert"]: rule["expr"] for group in _GROUPS for rule in group["rules"]}


@pytest.fixture(scope="module")
def mail() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, mail: Mailbox) -> Iterator[Stack]:
    """A stack that is broken in every way here, so nobody else's."""
    environment = {"BOOKING_LIMITS": "off", "NOTIFICATION_SEND_TIMEOUT": "PT2S", "NOTIFICATION_REMINDERS": "off"}
    environment["NOTIFICATION_SMTP_PORT"] = str(mail.port)
    with Stack(folder=tmp_path_factory.mktemp("alerts"), environment=environment) as stack:
        yield stack


@pytest.fixture(scope="module")
def ledger(own: Stack) -> Iterator[Ledger]:
    found = Ledger(own)
    yield found
    found.close()


def asks(stack: Stack, *, refused_by: Mailbox | None = None) -> Citizen:
    """A message that asks to confirm is due."""
    person = Citizen(stack)
    if refused_by:
        refused_by.refusals[person.email] = ["550 5.1.1 unknown"] * 9
    person.hold_any()
    assert person.request().status_code == 200
    person.http.close()
    return person


def seen(stack: Stack) -> Look:
    return look(stack.addresses)


def fired(stack: Stack, *alerts: str, before: Look) -> bool:
    now = seen(stack)
    return all(fires(RULES[alert], before=before, now=now) for alert in alerts)


def await_alerts(stack: Stack, *alerts: str, before: Look, within: float = 60) -> None:
    eventually(lambda: fired(stack, *alerts, before=before), within=within, what=" and ".join(alerts))


def await_silence(stack: Stack, *alerts: str, within: float = 90) -> None:
    """Of rules that count, over what happens from now on."""
    before = seen(stack)
    eventually(
        lambda: not any(fired(stack, alert, before=before) for alert in alerts), within=within, what="silence"
    )


def test_where_all_is_well_none_fires(own: Stack) -> None:
    before = seen(own)
    with Citizen(own).http:
        pass
    assert [alert for alert in RULES if fired(own, alert, before=before)] == []


def test_a_service_that_is_gone(own: Stack) -> None:
    before = seen(own)
    own["reporting"].stop()
    await_alerts(own, "ServiceDown", before=before)
    own["reporting"].start()
    own["reporting"].wait_until_ready()
    await_silence(own, "ServiceDown")


def test_a_message_that_nobody_can_read_is_parked(own: Stack) -> None:
    before = seen(own)
    asyncio.run(_publish(own, "booking.notifications", b"not json"))
    await_alerts(own, "MessagesParked", before=before)


def test_a_mail_server_that_is_away_makes_messages_late(own: Stack, ledger: Ledger, mail: Mailbox) -> None:
    """A quarter of an hour has passed as soon as what is stored of the deliveries says so."""
    before = seen(own)
    mail.close()
    people = [asks(own) for _ in range(6)]
    await_alerts(own, "ProviderAway", before=before, within=120)
    longer = [{"$set": {"due_at": {"$subtract": ["$due_at", 16 * 60 * 1000]}}}]
    ledger.deliveries.update_many({"status": "due"}, longer)
    await_alerts(own, "MessagesLate", before=before)
    mail.open()
    await_silence(own, "ProviderAway", "MessagesLate")
    assert {person.email for person in people} <= set(mail.recipients)


def test_addresses_that_nobody_has(own: Stack, ledger: Ledger, mail: Mailbox) -> None:
    before = seen(own)
    said = {"undeliverable": {"$exists": True}}
    for _ in range(20):
        asks(own, refused_by=mail)
    eventually(lambda: ledger.deliveries.count_documents(said) == 20, what="twenty are undeliverable")
    assert not fired(own, "ManyUndeliverable", before=before)
    asks(own, refused_by=mail)
    await_alerts(own, "ManyUndeliverable", before=before)


def test_a_process_that_is_frozen_while_it_sends(own: Stack, mail: Mailbox) -> None:
    """Another one sends in its place once the lease is over; the frozen one finds out when it goes on."""
    before = seen(own)
    mail.held = True
    person = asks(own)
    eventually(lambda: mail.under_way, what="the mail is handed over")
    own["notification"].freeze()
    second = own.start_service("notification", name="notification-2")
    mail.held = False
    eventually(lambda: mail.recipients.count(person.email) == 2, what="the other process sends")
    own["notification"].thaw()
    await_alerts(own, "PerhapsSentTwice", before=before)
    second.stop()
    del own.services[second.name]


def test_a_broker_that_is_away_lets_events_wait(own: Stack) -> None:
    before = seen(own)
    own.rabbitmq.stop()
    person = Citizen(own)
    person.hold_any()
    await_alerts(own, "BrokerAway", "EventsWait", before=before, within=150)
    own.rabbitmq.start()
    own.rabbitmq.wait_until_ready()
    await_silence(own, "BrokerAway", "EventsWait")
    person.http.close()


def test_a_queue_that_is_missing_leaves_events_unrouted(own: Stack) -> None:
    """As where the broker's topology is older than the services."""
    before = seen(own)
    asyncio.run(_bind(own, bound=False))
    person = Citizen(own)
    person.hold_any()
    await_alerts(own, "EventNotRouted", before=before)
    asyncio.run(_bind(own, bound=True))
    await_silence(own, "EventNotRouted")
    person.http.close()


def test_a_database_that_is_away(own: Stack, ledger: Ledger) -> None:
    before = seen(own)
    person = Citizen(own)
    person.hold_any()
    stored = ledger.appointments.find_one({"_id": person.booked["id"]}) or {}
    own.mongod.stop()
    asyncio.run(put_on_queue(own, "reporting.appointments", stored["history"][0]["body"].encode()))

    def asked() -> bool:
        person.http.get(person.path, headers=person.authorization)
        return fired(own, "ServerErrors", "MemoryNotFresh", "ConsumerHeldBack", before=before)

    eventually(asked, within=90, what="ServerErrors, MemoryNotFresh and ConsumerHeldBack")
    own.mongod.start()
    own.mongod.wait_until_ready()
    await_silence(own, "ServerErrors", "MemoryNotFresh", "ConsumerHeldBack")
    person.http.close()


def test_a_database_that_takes_its_time(own: Stack) -> None:
    person = Citizen(own)
    person.hold_any()
    before = seen(own)
    own.mongod.freeze()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(person.http.get, person.path, headers=person.authorization)
        with pytest.raises(TimeoutError):
            answer.result(timeout=1.5)
        own.mongod.thaw()
        assert answer.result().status_code == 200
    await_alerts(own, "SlowAnswers", before=before)
    await_silence(own, "SlowAnswers")
    person.http.close()


def test_figures_that_cannot_be_written(own: Stack, ledger: Ledger) -> None:
    """Two minutes have passed as soon as the marks of what changed say so."""
    before = seen(own)
    database = ledger.client["reporting"]
    database.command("collMod", "figures", validator={"never": {"$exists": True}})
    person = Citizen(own)
    person.hold_any()
    longer = [{"$set": {"dirty_since": {"$subtract": ["$dirty_since", 3 * 60 * 1000]}}}]

    def passed() -> bool:
        return database["appointments"].update_many({"dirty_since": {"$exists": True}}, longer).modified_count > 0

    eventually(passed, what="reporting hears of it")
    await_alerts(own, "FiguresBehind", before=before)
    database.command("collMod", "figures", validator={})
    await_silence(own, "FiguresBehind")
    person.http.close()


def test_a_program_that_asks_again_and_again(own: Stack) -> None:
    strict = own.start_service("booking", name="strict", environment={"BOOKING_LIMITS": "on"})
    before = seen(own)
    with httpx.Client(base_url=strict.url) as http:
        for _ in range(1000):
            http.get("/v1/proof")
    await_alerts(own, "ManyRefused", before=before)
    await_silence(own, "ManyRefused")
    strict.stop()
    del own.services[strict.name]


def test_every_alert_is_tried_here() -> None:
    text = Path(__file__).read_text().split("def test_where_all_is_well", 1)[1]
    assert {alert for alert in RULES if f'"{alert}"' in text} == RULES.keys()


async def _publish(stack: Stack, queue: str, body: bytes) -> None:
    async with await aio_pika.connect(stack.secret("admin_amqp_url")) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(body, message_id=str(uuid4())), queue)


async def _bind(stack: Stack, *, bound: bool) -> None:
    """Everything that hears of appointments, or nothing."""
    definitions = yaml.safe_load((ROOT / "deploy" / "rabbitmq" / "definitions.json").read_text())
    async with await aio_pika.connect(stack.secret("admin_amqp_url")) as connection:
        channel = await connection.channel()
        for one in definitions["bindings"]:
            if one["source"] == "appointments":
                queue = await channel.get_queue(one["destination"], ensure=False)
                act = queue.bind if bound else queue.unbind
                await act("appointments", one["routing_key"])
