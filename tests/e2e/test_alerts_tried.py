"""Alerts, tried by causing them on real servers: silent where all is well, fired by what the runbook is about.

How long a rule waits before it tells somebody (`for`) is Prometheus' own, and not tried.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import aio_pika
import pytest
import yaml

from deploy.local.process import ROOT
from deploy.local.stack import Stack
from tests.citizen import Citizen
from tests.e2e.alerting import Look, fires, look
from tests.waiting import eventually

pytestmark = pytest.mark.long

_GROUPS = yaml.safe_load((ROOT / "deploy" / "monitoring" / "rules.yml").read_text())["groups"]
RULES: dict[str, str] = {rule["alert"]: rule["expr"] for group in _GROUPS for rule in group["rules"]}
# Of answers' time, whole hours, a thousand clients, a backlog: held by test_monitoring.py alone.
NOT_TRIED = {
    "ConsumerHeldBack",
    "SlowAnswers",
    "ManyUndeliverable",
    "PerhapsSentTwice",
    "ManyRefused",
    "MessagesLate",
    "FiguresBehind",
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is broken in every way here, so nobody else's."""
    environment = {"BOOKING_LIMITS": "off", "NOTIFICATION_SEND_TIMEOUT": "PT2S", "NOTIFICATION_REMINDERS": "off"}
    with Stack(folder=tmp_path_factory.mktemp("alerts"), environment=environment) as stack:
        yield stack


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


TRIED = sorted(RULES.keys() - NOT_TRIED)


def test_where_all_is_well_none_fires(own: Stack) -> None:
    before = seen(own)
    with Citizen(own).http:
        pass
    assert [alert for alert in TRIED if fired(own, alert, before=before)] == []


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


def test_a_mail_server_that_is_away(own: Stack) -> None:
    before = seen(own)
    own.mail.stop()
    people = [Citizen(own) for _ in range(6)]
    for person in people:
        person.hold_any()
        person.request()
    await_alerts(own, "ProviderAway", before=before, within=120)
    own.mail.start()
    await_silence(own, "ProviderAway")
    for person in people:
        person.http.close()


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


def test_a_database_that_is_away(own: Stack) -> None:
    before = seen(own)
    person = Citizen(own)
    person.hold_any()
    own.mongod.stop()

    def asked() -> bool:
        person.http.get(person.path, headers=person.authorization)
        return fired(own, "ServerErrors", "MemoryNotFresh", before=before)

    eventually(asked, within=90, what="ServerErrors and MemoryNotFresh")
    own.mongod.start()
    own.mongod.wait_until_ready()
    await_silence(own, "ServerErrors", "MemoryNotFresh")
    person.http.close()


def test_every_alert_is_tried_here_or_named_as_not_tried() -> None:
    text = Path(__file__).read_text().split("TRIED = sorted", 1)[1]
    assert {alert for alert in RULES if f'"{alert}"' in text} | NOT_TRIED == RULES.keys()


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
