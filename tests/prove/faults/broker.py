"""RabbitMQ dies, freezes, raises alarms, forgets everything, or does not let anybody in."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import aio_pika

from bench.processes import peak_kib
from shared.contracts.event import CONTENT_TYPE
from shared.setup import DEFINITIONS, VHOST, broker_definitions, deploy_folder
from tests.e2e.test_survival_of_servers import amtstermin
from tests.prove.faults import Recovery, timed
from tests.prove.faults.processes import frozen
from tests.prove.proxy import Weather
from tests.prove.world import World
from tests.waiting import eventually

_PARKING, _REBUILD = ".parking", ".rebuild"
_BACKLOG = 20_000
_MORE_THAN_ANY_DISK = str(10**18)


@timed(1, "broker killed, two or three times", expected="bookings go on; nothing confirmed is lost", resends=True)
def broker_killed(world: World, chance: Random) -> str:
    """At the first time with messages in its queues: those who would consume them stand still for a moment."""
    times = chance.choice((2, 3))
    consumers = [*world.of_kind("notification"), *world.of_kind("reporting")]
    with frozen(*consumers):
        world.wait(3)
        world.stack.rabbitmq.kill()
    for _ in range(times - 1):
        world.wait(chance.uniform(1, 3))
        _start(world)
        world.wait(chance.uniform(2, 5))
        world.stack.rabbitmq.kill()
    _start(world)
    return f"{times} times"


@timed(
    2,
    "broker comes back empty",
    expected="its topology is loaded at start; what was sent and not heard comes by republish",
)
def broker_rebuilt_empty(world: World, chance: Random) -> str:
    since = datetime.now(UTC) - timedelta(seconds=60)
    world.stack.rabbitmq.stop()
    world.stack.rabbitmq.wipe()
    # What was parked on purpose is gone with the disk.
    world.poisoned.clear()
    _start(world)
    return f"{_republish(world, _work_queues(), since)} events republished"


@timed(3, "broker frozen (SIGSTOP)", expected="publishing times out, HTTP goes on, all resumes")
def broker_frozen(world: World, chance: Random) -> str:
    seconds = chance.uniform(12, 25)
    world.stack.rabbitmq.freeze()
    try:
        world.wait(seconds)
    finally:
        world.stack.rabbitmq.thaw()
    return f"{seconds:.0f} s"


@timed(
    4,
    "network loses everything between one process of each service and the broker",
    expected="as frozen; heartbeats end the connection",
)
def broker_half_open(world: World, chance: Random) -> str:
    cut_off = [chance.choice((kind, f"{kind}-2")) for kind in ("booking", "notification", "reporting")]
    for name in cut_off:
        world.broker_proxies[name].weather = Weather(half_open=True)
    try:
        # A heartbeat of 10 s ends a silent connection within 33 s.
        world.wait(chance.uniform(34, 38))
    finally:
        for name in cut_off:
            world.broker_proxies[name].weather = Weather()
    return ", ".join(cut_off)


@timed(5, "broker's memory alarm", expected="consumers go on, publishing waits, HTTP goes on")
def memory_alarm(world: World, chance: Random) -> str:
    world.stack.rabbitmq.ctl("set_vm_memory_high_watermark", "absolute", "10MB")
    try:
        world.wait(chance.uniform(6, 12))
    finally:
        world.stack.rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
    return ""


@timed(6, "broker's disk alarm", expected="as the memory alarm")
def disk_alarm(world: World, chance: Random) -> str:
    world.stack.rabbitmq.ctl("set_disk_free_limit", _MORE_THAN_ANY_DISK)
    try:
        world.wait(chance.uniform(6, 12))
    finally:
        world.stack.rabbitmq.ctl("set_disk_free_limit", "50MB")
    return ""


@timed(
    28,
    "backlog, consumers slower than it grows",
    expected="memory stays bounded, bookings go on, it drains",
    recovery=Recovery.FIGURES,
    within=90,
)
def backlog(world: World, chance: Random) -> str:
    """Old events again, which change nothing, while nobody of reporting consumes."""
    names = ("reporting", "reporting-2")
    for name in names:
        world.service(name).stop()
    bodies = _old_events(world, at_most=500)
    try:
        asyncio.run(_pile_up(world, "reporting.appointments", bodies, _BACKLOG))
    finally:
        for name in names:
            world.begin(name, wait=False)
    drained = _BACKLOG // 100
    eventually(
        lambda: world.queues()["reporting.appointments"][0] < drained, within=180, what="the backlog drained"
    )
    peaks = [peak_kib(world.service(name).pid) // 1024 for name in names]
    assert max(peaks) < 300, f"reporting took {max(peaks)} MiB"
    return f"{_BACKLOG} messages (a million takes longer than a run), peak {max(peaks)} MiB"


@timed(
    29,
    "connections closed by the administrator, a queue deleted and made again",
    expected="consumers are back within 10 s; the queue's messages come by republish",
)
def queue_deleted(world: World, chance: Random) -> str:
    queue = chance.choice([name for name in _work_queues() if name.startswith("notification.")])
    since = datetime.now(UTC) - timedelta(seconds=60)
    world.stack.rabbitmq.ctl("close_all_connections", "-p", VHOST, "the proof closes them")
    world.wait(2)
    world.stack.rabbitmq.ctl("delete_queue", "-p", VHOST, queue)
    world.stack.rabbitmq.ctl("import_definitions", str(world.stack.secrets / DEFINITIONS))
    eventually(lambda: world.queues()[queue][1], within=60, what=f"a consumer of {queue}")
    return f"{queue}; {_republish(world, [queue], since)} events republished"


@timed(
    30,
    "a binding is missing",
    expected="events that have no queue stay in the outbox; what another queue still took comes by republish",
)
def binding_missing(world: World, chance: Random) -> str:
    since = datetime.now(UTC) - timedelta(seconds=10)
    asyncio.run(_bind(world, bound=False))
    try:
        world.wait(chance.uniform(5, 10))
        with world.auditor() as client:
            waiting = client["booking"]["appointments"].count_documents({"outbox.0": {"$exists": True}})
    finally:
        asyncio.run(_bind(world, bound=True))
    assert waiting, "no event waited in an outbox while its binding was missing"
    republished = _republish(world, ["reporting.appointments"], since)
    return f"{waiting} events waited, {republished} republished"


@timed(
    42,
    "broker's password of booking rotated while it runs",
    expected="bookings go on, no storm of sign-ins, all resumes",
)
def wrong_password(world: World, chance: Random) -> str:
    log = world.stack.rabbitmq.log
    seen, seconds = log.stat().st_size, chance.uniform(8, 14)
    world.stack.rabbitmq.ctl("change_password", "booking", "another")
    try:
        world.stack.rabbitmq.ctl("close_all_user_connections", "booking", "the password has changed")
        world.wait(seconds)
    finally:
        world.stack.rabbitmq.ctl("change_password", "booking", world.stack.secret("booking_password"))
    with log.open("rb") as file:
        file.seek(seen)
        tries = file.read().count(b"invalid credentials")
    # Two processes with two connections each, about one try a second.
    assert tries < 4 * 3 * (seconds + 10), f"{tries} tries to sign in within {seconds:.0f} s"
    return f"{tries} refused tries to sign in within {seconds:.0f} s"


def _start(world: World) -> None:
    world.stack.rabbitmq.start()
    world.stack.rabbitmq.wait_until_ready()


def _work_queues() -> list[str]:
    """Those that somebody always hears: a rebuild fills its own queue."""
    names = (queue["name"] for queue in broker_definitions(deploy_folder())["queues"])
    return [name for name in names if not name.endswith((_PARKING, _REBUILD)) and not name.startswith("retry.")]


def _republish(world: World, queues: Sequence[str], since: datetime) -> int:
    told = [amtstermin(world.stack, "republish", "--to", name, "--since", since.isoformat()) for name in queues]
    return sum(int(output.splitlines()[-1].split()[0]) for output in told)


def _old_events(world: World, *, at_most: int) -> list[bytes]:
    with world.auditor() as client:
        documents = client["booking"]["appointments"].find({}, {"history": 1}).limit(at_most)
        entries = [entry for document in documents for entry in document["history"]]
    return [entry["body"].encode() for entry in entries if entry["exchange"] == "appointments"]


async def _pile_up(world: World, queue: str, bodies: Sequence[bytes], count: int) -> None:
    async with await aio_pika.connect(world.stack.secret("admin_amqp_url")) as connection:
        channel = await connection.channel()
        for start in range(0, count, 500):
            messages = (_message(bodies[(start + n) % len(bodies)]) for n in range(500))
            await asyncio.gather(*(channel.default_exchange.publish(message, queue) for message in messages))


def _message(body: bytes) -> aio_pika.Message:
    persistent = aio_pika.DeliveryMode.PERSISTENT
    return aio_pika.Message(body, content_type=CONTENT_TYPE, message_id="again", delivery_mode=persistent)


async def _bind(world: World, *, bound: bool) -> None:
    async with await aio_pika.connect(world.stack.secret("admin_amqp_url")) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue("reporting.appointments", ensure=False)
        change = queue.bind if bound else queue.unbind
        await change("appointments", "appointment.*.v1")
